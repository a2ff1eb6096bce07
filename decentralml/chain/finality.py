"""Tells whoever waits that no block becomes final, and that blocks do again.

More than two thirds of the validators must answer one another for a block to become final. While
they do not, blocks may go on being made, and nothing that is in them counts: a client waits. It
loses nothing by that; it only must not do so in silence.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from decentralml.chain.node import Node
    from decentralml.types import BlockNumber

SAY_AFTER = 20.0
"""Seconds without a new final block after which that is said: several times what one takes."""
SAY_AGAIN = 60.0
LOOK_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class FinalityNews:
    """How far the chain is for somebody who waits for it.

    Attributes:
        finalised: the last final block.
        best: the newest block.
        seconds: for how long this client has known of no later final block.
        goes_on: whether blocks become final again; else none did for `seconds`.
    """

    finalised: BlockNumber
    best: BlockNumber
    seconds: float
    goes_on: bool

    def __str__(self) -> str:
        """One line for a person."""
        if self.goes_on:
            return (
                f"finality goes on after {self.seconds:.0f} s: block {self.finalised} is final, "
                f"the best is {self.best}"
            )
        return (
            f"waiting for finality: block {self.finalised} is the last final one since "
            f"{self.seconds:.0f} s, the best is {self.best}"
        )


OnWaiting: TypeAlias = Callable[[FinalityNews], None]


class FinalityWatch:
    """Looked after by everything that waits; asks the node only once nothing came for a while."""

    def __init__(self, node: Node, clock: Callable[[], float] = time.monotonic) -> None:
        self._node, self._clock = node, clock
        self._height: BlockNumber | None = None
        self._since = self._looked = clock()
        self._said: float | None = None  # when it was last said that nothing becomes final

    @property
    def has_stopped(self) -> bool:
        """Whether no block had become final for `SAY_AFTER` when `look` last asked."""
        return self._said is not None

    def look(self) -> None:
        """Say, if it is so, that finality has stopped or goes on; cheap when called often.

        Raises:
            NodeUnreachable: no node answers.
        """
        now = self._clock()
        if self._node.wait != "finality" or now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        height = self._node.finalised().number
        if self._height is None or height > self._height:
            if self._said is not None:
                self._tell(height, now - self._since, goes_on=True)
            self._height, self._since, self._said = height, now, None
            return
        if now - (self._since if self._said is None else self._said) < self._patience():
            return
        if self._node.seek_beyond(height):
            return  # it was this one node that stood still
        self._said = now
        self._tell(height, now - self._since, goes_on=False)

    def _tell(self, height: BlockNumber, seconds: float, *, goes_on: bool) -> None:
        told = self._node.on_waiting
        if told is not None:
            told(FinalityNews(height, self._node.best().number, seconds, goes_on))

    def _patience(self) -> float:
        return SAY_AFTER if self._said is None else SAY_AGAIN
