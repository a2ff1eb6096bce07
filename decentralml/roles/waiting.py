"""Waiting for the chain: by its blocks, never by sleeping."""

from __future__ import annotations

from collections.abc import Callable

from decentralml.chain.market import Market
from decentralml.types import BlockNumber, TaskId


def wait_for_news(
    market: Market,
    head: BlockNumber,
    wake_at: BlockNumber | None,
    concerns: Callable[[TaskId, str], bool],
    stop: Callable[[], bool],
) -> None:
    """Return when a block after ``head`` holds an event that concerns the caller, or passes
    ``wake_at``.

    Args:
        market: whose blocks are watched; blocks that came since ``head`` are looked at too.
        head: the newest block when the caller last looked.
        wake_at: the first block in which the caller can act for certain; None for never.
        concerns: asked with each event's task and name.
        stop: asked at least once a second; True ends the wait.
    """
    for number, events in market.events(BlockNumber(head + 1), stop=stop):
        if wake_at is not None and number + 1 >= wake_at:
            return
        if any("task" in e.fields and concerns(e.fields["task"], e.name) for e in events):
            return
