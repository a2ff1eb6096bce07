"""Several stores as one: reads fall back from one to the next, what is put goes to the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from decentralml.assets.at_hand import AtHand
from decentralml.assets.cid import Progress, parse
from decentralml.assets.fetching import BlockSource
from decentralml.assets.rules import BundleLimits
from decentralml.assets.store import DEFAULT_LIMITS, AssetStore
from decentralml.errors import (
    AssetError,
    AssetNotFound,
    ContentMismatch,
    StoreRefused,
    StoreUnreachable,
    WrongBytes,
)
from decentralml.types import Cid

Passed = Callable[[str, AssetError], None]
"""Told which store was passed over, and why."""

_T = TypeVar("_T")
_PASSED = (AssetNotFound, ContentMismatch, StoreUnreachable, StoreRefused)


class MirroredStore:
    """An `AssetStore` that reads from the first of its stores that has a content intact."""

    def __init__(
        self, stores: Sequence[tuple[str, AssetStore]], passed: Passed = lambda _name, _error: None
    ) -> None:
        """
        Args:
            stores: each with the name that messages give it, without secrets; at least one. What
                is put, listed and cleared is put into, listed and cleared in the first.
            passed: told of each store that lacks a content, does not answer or lies.
        """
        self._stores = tuple(stores)
        self._passed = passed
        self._own = self._stores[0][1]

    def put_folder(self, folder: Path, progress: Progress | None = None) -> Cid:
        """As `AssetStore.put_folder`, into the first store."""
        return self._own.put_folder(folder, progress)

    def put_file(self, file: Path, progress: Progress | None = None) -> Cid:
        """As `AssetStore.put_file`, into the first store."""
        return self._own.put_file(file, progress)

    def put_from(self, source: BlockSource, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.put_from`, into the first store."""
        self._own.put_from(source, cid, progress)

    def list(self) -> Iterator[Cid]:
        """As `AssetStore.list`, of the first store."""
        return self._own.list()

    def gc(self, keep: set[Cid]) -> int:
        """As `AssetStore.gc`, in the first store."""
        return self._own.gc(keep)

    def fetch(
        self,
        cid: Cid,
        destination: Path,
        limits: BundleLimits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        at_hand: AtHand | None = None,
    ) -> None:
        """As `AssetStore.fetch`, from the first store that has it intact."""
        self._first(cid, lambda store: store.fetch(cid, destination, limits, progress, at_hand))

    def verify(self, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.verify`: passes when one store has it intact."""
        self._first(cid, lambda store: store.verify(cid, progress))

    def size(self, cid: Cid) -> int:
        """As `AssetStore.size`, of the first store that has it."""
        return self._first(cid, lambda store: store.size(cid))

    def has(self, cid: Cid) -> bool:
        """As `AssetStore.has`: whether one of the stores that answer has it."""
        parse(cid)
        for name, store in self._stores:
            try:
                if store.has(cid):
                    return True
            except _PASSED as error:
                self._passed(name, error)
        return False

    @contextmanager
    def open(self, cid: Cid) -> Iterator[BlockSource]:
        """As `AssetStore.open`, of the first store that has it."""
        with ExitStack() as opened:
            yield self._first(cid, lambda store: opened.enter_context(store.open(cid)))

    def _first(self, cid: Cid, ask: Callable[[AssetStore], _T]) -> _T:
        """What the first store says that can.

        Raises: the error of the only store; else `StoreUnreachable` when one did not answer, so
            that asking again may help, `WrongBytes` or `ContentMismatch` when one had it damaged,
            and `AssetNotFound` when none has it; each names every store.
        """
        failures: list[tuple[str, AssetError]] = []
        for name, store in self._stores:
            try:
                return ask(store)
            except _PASSED as error:
                failures.append((name, error))
                self._passed(name, error)
        raise _summary(cid, failures)


def _summary(cid: Cid, failures: Sequence[tuple[str, AssetError]]) -> AssetError:
    if len(failures) == 1:
        return failures[0][1]
    errors = [error for _, error in failures]
    why = "; ".join(f"{name}: {_words(error)}" for name, error in failures)
    if any(isinstance(error, (StoreUnreachable, StoreRefused)) for error in errors):
        advice = "Try again later, or name another store with --store."
        return StoreUnreachable(f"one of the {len(failures)} stores", f"{cid}: {why}", advice)
    if any(type(error) is ContentMismatch for error in errors):
        return ContentMismatch(cid, why)
    if any(isinstance(error, WrongBytes) for error in errors):
        return WrongBytes(cid, why)
    return AssetNotFound(cid, f"any of {', '.join(name for name, _ in failures)}")


def _words(error: AssetError) -> str:
    if isinstance(error, AssetNotFound):
        return "not there"
    return error.what if isinstance(error, ContentMismatch) else str(error)
