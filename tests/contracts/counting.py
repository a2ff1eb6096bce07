"""A store that tells what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from decentralml.assets.car import CarReader
from decentralml.assets.local import LocalStore
from decentralml.types import Cid


class CountingStore(LocalStore):
    """A store that counts the bytes of the blocks it is asked for."""

    asked = 0

    @contextmanager
    def open(self, cid: Cid) -> Iterator[CarReader]:
        with super().open(cid) as reader:
            given = reader.get

            def get(block: bytes) -> bytes:
                data = given(block)
                self.asked += len(data)
                return data

            reader.get = get  # type: ignore[method-assign]
            yield reader
