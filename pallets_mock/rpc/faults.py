"""Faults on demand: slow answers and broken connections, to see what a client makes of them."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delay:
    """Answers of some methods come late.

    Args:
        prefix: methods that begin so; empty for all.
    """

    prefix: str
    least_ms: float
    most_ms: float


@dataclass
class Faults:
    """What is to go wrong."""

    delay: Delay | None = None
    drop_before: dict[str, int] = field(default_factory=dict)
    drop_after: dict[str, int] = field(default_factory=dict)

    async def before(self, method: str) -> None:
        """Called before each method. Raises ConnectionAbortedError: cut the connection."""
        if method.startswith("dev_"):  # the way to end a fault stays open
            return
        if self.delay is not None and method.startswith(self.delay.prefix):
            await asyncio.sleep(random.uniform(self.delay.least_ms, self.delay.most_ms) / 1000)
        self._cut(self.drop_before, method)

    def after(self, method: str) -> None:
        """Called after each method, before its answer. Raises ConnectionAbortedError."""
        self._cut(self.drop_after, method)

    def _cut(self, planned: dict[str, int], method: str) -> None:
        left = planned.get(method, 0)
        if left > 0:
            planned[method] = left - 1
            raise ConnectionAbortedError(f"{method}: the connection is cut as asked for")
