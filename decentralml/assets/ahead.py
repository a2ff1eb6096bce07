"""Blocks that are asked for before they are wanted, a few at a time.

Where each block costs a wait, a content of a thousand blocks costs a thousand one after another.
Whoever walks a content knows which blocks come next; so a few are always on their way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from decentralml.assets.fetching import BlockSource

AT_ONCE = 8  # blocks on their way or waiting in memory, the one that is wanted among them


class Ahead:
    """A `decentralml.assets.fetching.ExpectingSource` over blocks that come one by one.

    Blocks, and errors instead of them, are handed over in the order in which they are wanted,
    whatever the order in which they came. Made by `ahead`.
    """

    def __init__(
        self, get: Callable[[bytes], bytes], threads: ThreadPoolExecutor, at_once: int
    ) -> None:
        self._get, self._threads, self._at_once = get, threads, at_once
        self._next: deque[bytes] = deque()
        self._coming: dict[bytes, Future[bytes]] = {}

    def expect(self, cids: Iterable[bytes]) -> None:
        """These are wanted next, in this order, before whatever was expected until now."""
        self._next.extendleft(reversed(list(cids)))

    def get(self, cid: bytes) -> bytes:
        """The block under this binary CID, as `get` gave it; raises what that raised."""
        coming = self._coming.pop(cid, None)
        if self._next and self._next[0] == cid:
            self._next.popleft()
        self._go_on()
        return self._get(cid) if coming is None else coming.result()

    def _go_on(self) -> None:
        while self._next and len(self._coming) < self._at_once - 1:
            cid = self._next.popleft()
            if cid not in self._coming:
                self._coming[cid] = self._threads.submit(self._get, cid)


@contextmanager
def ahead(
    get: Callable[[bytes], bytes], cancel: Callable[[], None], at_once: int = AT_ONCE
) -> Iterator[BlockSource]:
    """Blocks that ``get`` gives, asked for ahead of need.

    Args:
        get: asks for one block; called by ``at_once`` threads at once, and ends in bounded time.
        cancel: has all calls of ``get`` end at once; called at the end, when nobody wants what
            they still wait for.
    """
    threads = ThreadPoolExecutor(at_once, thread_name_prefix="ahead")
    try:
        yield Ahead(get, threads, at_once)
    finally:
        cancel()
        threads.shutdown(cancel_futures=True)
