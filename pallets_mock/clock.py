"""When the next block is, and what time it is in it. The only reader of time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypeAlias

from pallets_mock.errors import BadBlockTime, TimeGoesForward


@dataclass(frozen=True, slots=True)
class Instant:
    """A block as soon as a transaction is ready."""


@dataclass(frozen=True, slots=True)
class Every:
    """A block every so many seconds, also an empty one."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Manual:
    """A block when it is asked for."""


BlockTime: TypeAlias = Instant | Every | Manual

SHORTEST_SECONDS = 0.01


def parse_block_time(text: str | float) -> BlockTime:
    """`instant`, `manual` or seconds.

    Raises:
        BadBlockTime: neither, or fewer than 0.01 seconds.
    """
    if text == "instant":
        return Instant()
    if text == "manual":
        return Manual()
    try:
        seconds = float(text)
    except ValueError:
        raise BadBlockTime(text) from None
    if not SHORTEST_SECONDS <= seconds <= 86_400:
        raise BadBlockTime(text)
    return Every(seconds)


class Clock:
    """The chain's time: the machine's, shifted by whoever travels. In milliseconds since 1970."""

    def __init__(self) -> None:
        self.shift_ms = 0

    def now_ms(self) -> int:
        """The chain's time now."""
        return time.time_ns() // 1_000_000 + self.shift_ms

    def seconds(self) -> float:
        """A clock that only goes forward, for limits and bans; nobody travels on it."""
        return time.monotonic()

    def set_time(self, unix_ms: int, last_ms: int) -> None:
        """Make it that time now.

        Args:
            last_ms: time of the newest block.
        Raises:
            TimeGoesForward: the newest block is from later.
        """
        if unix_ms <= last_ms:
            raise TimeGoesForward(unix_ms, last_ms)
        self.shift_ms += unix_ms - self.now_ms()

    def next_block_ms(self, last_ms: int, slot_ms: int, not_before_ms: int = 0) -> int:
        """The time of the block after one of `last_ms`.

        Slots are of `slot_ms`; each has one block at most, so blocks that come faster
        run ahead of the clock.
        """
        next_slot_ms = (last_ms // slot_ms + 1) * slot_ms
        return max(self.now_ms(), next_slot_ms, not_before_ms)


def parse_time(value: int | str) -> int:
    """Milliseconds since 1970 from such a number or an ISO 8601 date (UTC unless it says).

    Raises:
        ValueError: neither.
    """
    if isinstance(value, int):
        return value
    moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)
