"""Blocks, their states, and the runtime of each: reading, and moving the head."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

from pallets_mock.block.builder import SealedBlock
from pallets_mock.block.header import Header
from pallets_mock.errors import InvalidRuntime, NoSuchNumber, UnknownBlock
from pallets_mock.executor.executor import CallResult, Executor, executor_for
from pallets_mock.genesis import Genesis
from pallets_mock.state.head import HeadView
from pallets_mock.state.nodes import CachedNodes
from pallets_mock.state.trie import Trie
from pallets_mock.state.view import Diff, StateView
from pallets_mock.store import ChainStore, Head, StoredBlock

CODE = b":code"
REMEMBERED_RUNTIMES = 4096
"""Blocks whose runtime is known; there are very few different ones."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A state that no block has yet: the head's, and writes from outside the runtime."""

    view: StateView
    diff: Diff


class Chain:
    """A chain on a store.

    Args:
        genesis: block 0, which the store must start with.
    Raises:
        ForeignChainFolder: the store holds another chain.
        InvalidRuntime: the newest state's runtime cannot be executed.
    """

    def __init__(self, store: ChainStore, genesis: Genesis) -> None:
        self.store, self.genesis = store, genesis
        first = StoredBlock(genesis.hash, 0, bytes(32), genesis.header.encode(), ())
        store.begin(first, genesis.change.nodes, genesis.id)
        self._nodes = CachedNodes(store)
        self._runtimes: OrderedDict[bytes, Executor] = OrderedDict()
        self._move_to(store.head())

    def _move_to(self, head: Head) -> None:
        encoded = self.store.header(head.best)
        if encoded is None:
            raise UnknownBlock(head.best)
        self.head, self.header = head, Header.decode(encoded)
        self._head_view = HeadView(Trie(self._nodes, self.header.state_root))
        self.__dict__.pop("runtime", None)

    # Blocks

    def header_of(self, hash_: bytes) -> Header:
        """Header of a block. Raises UnknownBlock."""
        if hash_ == self.head.best:
            return self.header
        encoded = self.store.header(hash_)
        if encoded is None:
            raise UnknownBlock(hash_)
        return Header.decode(encoded)

    def block(self, hash_: bytes) -> StoredBlock:
        """A block with its extrinsics. Raises UnknownBlock."""
        found = self.store.block(hash_)
        if found is None:
            raise UnknownBlock(hash_)
        return found

    def hash_at(self, number: int) -> bytes:
        """The chain's block of that number. Raises NoSuchNumber."""
        found = self.store.hash_at(number)
        if found is None:
            raise NoSuchNumber(number, self.head.best_number)
        return found

    def ancestry(self, hash_: bytes, down_to: int) -> list[bytes]:
        """Hashes from a block down to its ancestor of that number. Raises UnknownBlock."""
        hashes = [hash_]
        header = self.header_of(hash_)
        while header.number > down_to:
            hashes.append(header.parent_hash)
            header = self.header_of(header.parent_hash)
        return hashes

    def route(self, old: bytes, new: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """The way between two blocks through their common ancestor.

        Returns: what only the old one's chain has, highest first, and what only the new
            one's has, lowest first.
        Raises:
            UnknownBlock
        """
        retracted: list[bytes] = []
        enacted: list[bytes] = []
        while old != new:
            old_header, new_header = self.header_of(old), self.header_of(new)
            if old_header.number >= new_header.number:
                retracted.append(old)
                old = old_header.parent_hash
            if new_header.number >= old_header.number:
                enacted.append(new)
                new = new_header.parent_hash
        return tuple(retracted), tuple(reversed(enacted))

    # States and runtimes

    def view(self, at: bytes | None = None) -> StateView:
        """The state after a block, the best one by default. Raises UnknownBlock."""
        if at is None or at == self.head.best:
            return self._head_view
        return self.trie(at)

    def trie(self, at: bytes | None = None) -> Trie:
        """The same as a trie, which can prove what it holds. Raises UnknownBlock."""
        header = self.header if at is None else self.header_of(at)
        return Trie(self._nodes, header.state_root)

    @cached_property
    def runtime(self) -> Executor:
        """What executes the next block."""
        return _runtime_of(self._head_view)

    def runtime_at(self, at: bytes | None = None) -> Executor:
        """The runtime in the state of a block. Raises UnknownBlock, InvalidRuntime."""
        if at is None or at == self.head.best:
            return self.runtime
        if at not in self._runtimes:
            self._remember_runtime(at, _runtime_of(self.view(at)))
        return self._runtimes[at]

    def _remember_runtime(self, block: bytes, runtime: Executor) -> None:
        """Reading it from the state anew costs the reading of all its code."""
        self._runtimes[block] = runtime
        while len(self._runtimes) > REMEMBERED_RUNTIMES:
            self._runtimes.popitem(last=False)

    def call(self, entry: str, argument: bytes, at: bytes | None = None) -> CallResult:
        """Call a runtime function on the state of a block, changing nothing.

        Raises:
            UnknownBlock, UnknownEntry, RuntimePanic
        """
        return self.runtime_at(at).call(entry, argument, self.view(at))

    # Moving the head

    def stage(self, writes: Diff) -> Staged:
        """The newest state with other values, to build the next block on."""
        change = self._head_view.change(writes, self.runtime.layout)
        self.store.put_nodes(change.nodes)
        return Staged(Trie(self._nodes, change.root), writes)

    def append(
        self, sealed: SealedBlock, finalised: int, staged: Diff | None = None
    ) -> tuple[bytes, ...]:
        """Store a block on the best one and make it the best.

        Args:
            finalised: number of the block that is final from now on; never lower than before.
            staged: writes that the block was built on top of.
        Returns: hashes of the blocks that became final, lowest first.
        """
        header, hash_ = sealed.header, sealed.hash
        before = self.head
        finalised = max(finalised, before.finalised_number)
        new_finals = tuple(
            hash_ if number == header.number else self.hash_at(number)
            for number in range(before.finalised_number + 1, finalised + 1)
        )
        final_hash = new_finals[-1] if new_finals else before.finalised
        stored = StoredBlock(
            hash_, header.number, header.parent_hash, header.encode(), sealed.extrinsics
        )
        self.store.add_block(stored, sealed.change.nodes, finalised=final_hash)
        self._remember_runtime(before.best, self.runtime)
        self.head = Head(hash_, header.number, final_hash, finalised)
        self.header = header
        diff = {**(staged or {}), **sealed.diff}
        self._head_view.advance(diff, header.state_root)
        if CODE in diff:
            self.__dict__.pop("runtime", None)
        return new_finals

    def finalise(self, hash_: bytes) -> tuple[bytes, ...]:
        """Make a block of the chain final; returns those that became so, lowest first."""
        number, head = self.header_of(hash_).number, self.head
        if self.store.hash_at(number) != hash_:
            raise UnknownBlock(hash_)
        finals = tuple(self.hash_at(n) for n in range(head.finalised_number + 1, number + 1))
        if finals:
            self.store.set_head(head.best, hash_)
            self.head = self.store.head()
        return finals

    def set_head(self, best: bytes, finalised: bytes) -> None:
        """Make a known block the best one. Raises UnknownBlock."""
        for hash_ in (best, finalised):
            self.header_of(hash_)
        self.store.set_head(best, finalised)
        self._move_to(self.store.head())


def _runtime_of(view: StateView) -> Executor:
    code = view.get(CODE)
    if code is None:
        raise InvalidRuntime("the state holds no runtime (no value at :code)")
    return executor_for(code)
