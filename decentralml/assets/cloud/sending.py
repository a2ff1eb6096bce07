"""A bundle's parts into the bucket, a few at once, those that are there left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import Protocol

from decentralml.assets.car import header
from decentralml.assets.cloud.bucket import AT_ONCE
from decentralml.assets.cloud.layout import Layout, section_head


class Changed(Exception):
    """Other blocks came than the layout has: what is being sent changed."""


class Leaving(Protocol):
    """An object on its way."""

    def result(self) -> object: ...

    def cancel(self) -> None: ...


Send = Callable[[int, bytes], Leaving]
"""Sends a part: its number and its bytes."""


class PartWriter:
    """Takes the blocks of a layout in its order and sends the parts they make.

    Holds one part that grows and `AT_ONCE` that are on their way.
    """

    def __init__(self, layout: Layout, missing: Collection[int], send: Send) -> None:
        """
        Args:
            layout: what is sent.
            missing: numbers of the parts to send.
            send: sends one.
        """
        self._layout = layout
        self._missing = missing
        self._send = send
        self._next = 0  # block
        self._part = 0
        self._growing = bytearray()
        self._seen: set[bytes] = set()
        self._leaving: deque[Leaving] = deque()

    def add(self, cid: bytes, block: bytes | memoryview) -> None:
        """Takes the next block; a `decentralml.assets.unixfs.Sink`. One that repeats is left out.

        Raises:
            Changed: the layout has another one here.
            StoreUnreachable, StoreRefused: a part that was sent earlier did not arrive.
        """
        if cid in self._seen:
            return
        self._seen.add(cid)
        blocks = self._layout.blocks
        if self._next == len(blocks) or blocks[self._next] != (cid, len(block)):
            raise Changed
        if self._part in self._missing:
            if self._next == 0:
                self._growing += header(self._layout.root)
            self._growing += section_head(cid, len(block))
            self._growing += block
        self._next += 1
        if self._next == self._layout.parts[self._part].end:
            self._finish_part()

    def finish(self) -> None:
        """Waits until all parts have arrived.

        Raises:
            Changed: blocks of the layout did not come.
            StoreUnreachable, StoreRefused: a part did not arrive.
        """
        if self._next != len(self._layout.blocks):
            raise Changed
        while self._leaving:
            self._leaving.popleft().result()

    def close(self) -> None:
        """Gives up what is on its way."""
        for leaving in self._leaving:
            leaving.cancel()

    def _finish_part(self) -> None:
        if self._part in self._missing:
            if len(self._leaving) == AT_ONCE:
                self._leaving.popleft().result()
            self._leaving.append(self._send(self._part, bytes(self._growing)))
            self._growing.clear()
        self._part += 1
