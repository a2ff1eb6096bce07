"""The node: takes transactions, seals blocks, and can be turned back.

Everything here belongs to one thread. A block is built in steps, so that a server on the same
thread can answer between two transactions; `writer` keeps a second writer out meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pallets_mock.block.builder import BlockBuilder, SealedBlock
from pallets_mock.block.outcome import ApplyOutcome, Included, Panicked, Refused
from pallets_mock.block.seal import WELL_KNOWN_SEEDS, Authority
from pallets_mock.clock import BlockTime, Clock, Instant
from pallets_mock.errors import (
    CannotReorganise,
    PoolError,
    RuntimePanic,
    UnknownSnapshot,
)
from pallets_mock.executor.executor import executor_for
from pallets_mock.genesis import Genesis
from pallets_mock.node.chain import CODE, Chain, Staged
from pallets_mock.node.events import (
    BestChanged,
    BlockImported,
    FinalityChanged,
    Listener,
    NodeEvent,
)
from pallets_mock.pool.queue import Pool, PoolLimits, Transaction
from pallets_mock.pool.status import Finalized, InBlock, Invalid, Retracted, Watchers
from pallets_mock.pool.validity import (
    check_framing,
    extrinsic_hash,
    validate,
    validity_error,
)
from pallets_mock.state.view import Diff
from pallets_mock.store import ChainStore

EXHAUSTED_BEFORE_FULL = 8
"""So many transactions in a row that do not fit any more, and the block is full."""

log = logging.getLogger("pallets_mock.node")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What `revert` goes back to."""

    best: bytes
    finalised: bytes
    clock_shift_ms: int
    pool: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True)
class BlockWishes:
    """What a block should be like, where it is not left to the clock and the pool.

    Args:
        transactions: to include before the pool's; one that is refused fails the block.
        from_pool: whether the pool's ready transactions are included.
        not_before_ms: earliest time of the block.
        staged: other values to build on.
        seconds: stop including after that long.
        announce: whether listeners hear that the best block changed.
    """

    transactions: Sequence[bytes] = ()
    from_pool: bool = True
    not_before_ms: int = 0
    staged: Staged | None = None
    seconds: float | None = None
    announce: bool = True


class _Authorities:
    """The well-known accounts by public key; //Alice for whoever is none of them."""

    def __init__(self) -> None:
        known = [Authority.development(name) for name in WELL_KNOWN_SEEDS]
        self._by_key = {one.public: one for one in known}

    def of(self, key: bytes) -> Authority:
        return self._by_key.get(key, Authority.development())


class Node:
    """A development node without a network.

    Args:
        finality_lag: how many blocks the last final one is behind the best.
    """

    def __init__(  # noqa: PLR0913 - the rooms, and how they are to behave
        self,
        store: ChainStore,
        genesis: Genesis,
        *,
        clock: Clock | None = None,
        block_time: BlockTime | None = None,
        finality_lag: int = 0,
        pool_limits: PoolLimits | None = None,
    ) -> None:
        self.chain = Chain(store, genesis)
        self.clock = clock or Clock()
        self.block_time: BlockTime = block_time or Instant()
        self.finality_lag = finality_lag
        self.watchers = Watchers()
        self.pool = Pool(self.watchers.tell, self.clock.seconds, pool_limits)
        self.writer = asyncio.Lock()
        self.listeners: set[Listener] = set()
        self.work_arrived = asyncio.Event()
        self._authorities = _Authorities()
        self._snapshots: dict[int, Snapshot] = {}
        self._in_block: dict[bytes, list[tuple[bytes, int]]] = {}
        self._slots: dict[bytes, int] = {}
        self._held_finals: tuple[bytes, ...] = ()

    # Transactions

    def submit(self, extrinsic: bytes) -> bytes:
        """Take a transaction into the pool.

        Returns: its hash.
        Raises:
            PoolError: why it is not taken.
            RuntimePanic: the runtime cannot decode it.
        """
        encoded = check_framing(extrinsic)
        hash_ = extrinsic_hash(encoded)
        self.pool.check_new(hash_)
        head = self.chain.head
        terms = validate(self._query, encoded, head.best)
        self.pool.submit(hash_, encoded, terms, head.best_number)
        self.work_arrived.set()
        return hash_

    def _query(self, entry: str, argument: bytes) -> bytes:
        return self.chain.call(entry, argument).output

    def _resubmit(self, encoded: Iterable[bytes]) -> None:
        """Validate anew what was valid once; what is not any more is told so."""
        for one in encoded:
            try:
                self.submit(one)
            except (PoolError, RuntimePanic):
                self.watchers.tell(extrinsic_hash(one), Invalid())

    def dry_run(self, encoded: bytes, at: bytes | None = None) -> ApplyOutcome:
        """What would become of an extrinsic in a block on that one; changes nothing.

        Raises:
            UnknownBlock
        """
        chain, block = self.chain, at or self.chain.head.best
        time_ms = self.clock.next_block_ms(self._slot_of(block) * self.slot_ms, self.slot_ms)
        execute, view = chain.runtime_at(block).execute, chain.view(block)
        return BlockBuilder(execute, chain.header_of(block), view, time_ms, self.slot_ms).apply(
            encoded
        )

    # Blocks

    def seal(self, wishes: BlockWishes | None = None) -> SealedBlock:
        """Build, store and announce the next block.

        Raises:
            PoolError: one of the wished-for transactions is refused.
            RuntimePanic, InvalidBlock: the runtime cannot make this block.
        """
        building = self.building(wishes or BlockWishes())
        while True:
            try:
                next(building)
            except StopIteration as end:
                sealed: SealedBlock = end.value
                return sealed

    def building(self, wishes: BlockWishes) -> Generator[None, None, SealedBlock]:
        """`seal` in steps, one a transaction; returns the block."""
        builder = self._begin_block(wishes)
        places: dict[bytes, int] = {}
        for extrinsic in wishes.transactions:
            self._include_or_fail(builder, check_framing(extrinsic), places)
            yield
        if wishes.from_pool:
            yield from self._include_from_pool(builder, places, wishes.seconds)
        sealed = builder.finalise(self._author_of(builder.slot))
        self._commit(sealed, places, wishes)
        return sealed

    def _begin_block(self, wishes: BlockWishes) -> BlockBuilder:
        runtime, parent = self.chain.runtime, self.chain.header
        slot_ms = self.slot_ms
        time_ms = self.clock.next_block_ms(self.last_block_ms, slot_ms, wishes.not_before_ms)
        view = wishes.staged.view if wishes.staged else self.chain.view()
        return BlockBuilder(runtime.execute, parent, view, time_ms, slot_ms)

    def _include_or_fail(
        self, builder: BlockBuilder, encoded: bytes, places: dict[bytes, int]
    ) -> None:
        outcome = builder.apply(encoded)
        if isinstance(outcome, Panicked):
            raise RuntimePanic("BlockBuilder_apply_extrinsic", outcome.message)
        if not isinstance(outcome, Included):
            raise validity_error(outcome.validity)
        places[extrinsic_hash(encoded)] = len(builder.extrinsics) - 1

    def _include_from_pool(
        self, builder: BlockBuilder, places: dict[bytes, int], seconds: float | None
    ) -> Iterator[None]:
        until = None if seconds is None else self.clock.seconds() + seconds
        handled = set(places)
        exhausted = 0
        found = True
        while found:
            found = False
            for transaction in self.pool.ready(handled):
                found = True
                handled.add(transaction.hash)
                exhausted += 1 if self._include(builder, transaction, places) else -exhausted
                if exhausted >= EXHAUSTED_BEFORE_FULL:
                    return
                yield
                if until is not None and self.clock.seconds() > until:
                    return

    def _include(
        self, builder: BlockBuilder, transaction: Transaction, places: dict[bytes, int]
    ) -> bool:
        """Include a transaction or throw it out; True when it is left for the next block."""
        if transaction.hash not in self.pool:  # thrown out with one that it required
            return False
        outcome = builder.apply(transaction.encoded)
        if isinstance(outcome, Included):
            places[transaction.hash] = len(builder.extrinsics) - 1
            return False
        if isinstance(outcome, Refused) and outcome.exhausts and places:
            return True
        why = outcome.message if isinstance(outcome, Panicked) else validity_error(outcome.validity)
        log.info("transaction 0x%s left out: %s", transaction.hash.hex(), why)
        self.pool.remove([transaction.hash])
        return False

    def _commit(self, sealed: SealedBlock, places: dict[bytes, int], wishes: BlockWishes) -> None:
        staged = wishes.staged.diff if wishes.staged else None
        number = sealed.header.number
        finals = self.chain.append(sealed, number - self.finality_lag, staged)
        self._in_block[sealed.hash] = list(places.items())
        self.pool.included(places)
        self.pool.expire(number)
        diff = {**(staged or {}), **sealed.diff}
        self._tell(BlockImported(sealed.hash, sealed.header, diff))
        if wishes.announce:
            self._tell(BestChanged(sealed.hash, sealed.header, (), (sealed.hash,), diff))
            self._tell_in_block(sealed.hash)
            self._tell_final(finals)
        else:
            self._held_finals += finals
        if staged is not None:
            self._validate_all_again()

    def _author_of(self, slot: int) -> Authority:
        """Whose turn it is by Aura's rule, if that is one of the well-known accounts."""
        encoded = self._query("AuraApi_authorities", b"")
        keys = [encoded[at : at + 32] for at in range(len(encoded) % 32, len(encoded), 32)]
        return self._authorities.of(keys[slot % len(keys)] if keys else b"")

    @property
    def slot_ms(self) -> int:
        """Length of a slot, as the runtime says."""
        runtime = self.chain.runtime
        if runtime.code_hash not in self._slots:
            answer = self._query("AuraApi_slot_duration", b"")
            self._slots[runtime.code_hash] = int.from_bytes(answer, "little")
        return self._slots[runtime.code_hash]

    @property
    def last_block_ms(self) -> int:
        """Earliest time that the newest block can be of, by its slot; 0 for block 0."""
        return self._slot_of(self.chain.head.best) * self.slot_ms

    def _slot_of(self, hash_: bytes) -> int:
        return self.chain.header_of(hash_).slot or 0

    # Telling

    def _tell(self, event: NodeEvent) -> None:
        for listener in list(self.listeners):
            listener(event)

    def _tell_in_block(self, block: bytes) -> None:
        for hash_, index in self._in_block.get(block, ()):
            self.watchers.tell(hash_, InBlock(block, index))

    def _tell_final(self, finals: tuple[bytes, ...]) -> None:
        if not finals:
            return
        self._tell(FinalityChanged(finals))
        for block in finals:
            for hash_, index in self._in_block.pop(block, ()):
                self.watchers.tell(hash_, Finalized(block, index))

    # Turning back

    def reorganise(self, depth: int, blocks: int | None = None, *, keep: bool = True) -> bytes:
        """Replace the newest blocks by a longer branch, as a network's fork does.

        Args:
            depth: how many blocks leave the chain.
            blocks: how many take their place, by default one more.
            keep: whether transactions of the old blocks go back to the pool; they are in
                the first new block then, unless something else made them invalid.
        Returns: hash of the new best block.
        Raises:
            CannotReorganise: the chain is not that long.
        """
        head = self.chain.head
        blocks = depth + 1 if blocks is None else blocks
        if not 0 < depth <= head.best_number or blocks < 1:
            raise CannotReorganise(
                f"cannot replace {depth} of {head.best_number} blocks by {blocks}"
            )
        retracted = self.chain.ancestry(head.best, head.best_number - depth + 1)
        fork = self.chain.hash_at(head.best_number - depth)
        old_slot = self._slot_of(retracted[-1])
        self._retract(retracted, fork, keep=keep)
        first = (old_slot + 1) * self.slot_ms
        enacted = [
            self.seal(BlockWishes(not_before_ms=first, announce=False)) for _ in range(blocks)
        ]
        hashes = tuple(block.hash for block in enacted)
        best = enacted[-1]
        self._tell(BestChanged(best.hash, best.header, tuple(retracted), hashes, None))
        for block in hashes:
            self._tell_in_block(block)
        finals, self._held_finals = self._held_finals, ()
        self._tell_final(finals)
        return best.hash

    def _retract(self, retracted: list[bytes], fork: bytes, *, keep: bool) -> None:
        finalised = self.chain.head.finalised
        if self.chain.header_of(fork).number < self.chain.head.finalised_number:
            finalised = fork
        again: list[bytes] = []
        for block in retracted:
            for hash_, _ in self._in_block.pop(block, ()):
                self.watchers.tell(hash_, Retracted(block))
            again = [*self.chain.block(block).extrinsics, *again]
        waiting = [one.encoded for one in self.pool.take_all()]
        self.chain.set_head(fork, finalised)
        for extrinsic in again if keep else ():
            try:
                self.submit(extrinsic)
            except (PoolError, RuntimePanic):  # an inherent, which is no transaction
                continue
        self._resubmit(waiting)

    def snapshot(self) -> int:
        """Remember everything as it is; returns the number that `revert` takes."""
        number = max(self._snapshots, default=0) + 1
        head = self.chain.head
        waiting = self.pool.all()
        self._snapshots[number] = Snapshot(
            head.best, head.finalised, self.clock.shift_ms, tuple(waiting)
        )
        return number

    def revert(self, number: int) -> None:
        """Make everything as it was at a snapshot, which can be reverted to again.

        Later snapshots are gone.

        Raises:
            UnknownSnapshot
        """
        if number not in self._snapshots:
            raise UnknownSnapshot(number)
        snapshot = self._snapshots[number]
        self._snapshots = {key: one for key, one in self._snapshots.items() if key <= number}
        self._go_to(snapshot.best, snapshot.finalised)
        self.clock.shift_ms = snapshot.clock_shift_ms
        self.pool.take_all()
        self._resubmit(one.encoded for one in snapshot.pool)

    def _go_to(self, best: bytes, finalised: bytes) -> None:
        """Make known blocks the best and the final one, and tell everybody."""
        old = self.chain.head
        retracted, enacted = self.chain.route(old.best, best)
        self.chain.set_head(best, finalised)
        for block in retracted:
            for hash_, _ in self._in_block.pop(block, ()):
                self.watchers.tell(hash_, Retracted(block))
        if old.best != best:
            self._tell(BestChanged(best, self.chain.header, retracted, enacted, None))
        if old.finalised != finalised:
            self._tell(FinalityChanged((finalised,)))

    def set_head(self, best: bytes) -> None:
        """Make any known block the best one; what is final stays so if it is below it.

        Raises:
            UnknownBlock
        """
        finalised = self.chain.head.finalised
        low = self.chain.header_of(best).number
        if low < self.chain.head.finalised_number:
            finalised = best
        elif self.chain.ancestry(best, self.chain.head.finalised_number)[-1] != finalised:
            finalised = self.chain.hash_at(0)
        self._go_to(best, finalised)
        self._validate_all_again()

    def finalise(self, hash_: bytes) -> None:
        """Make a block of the chain, and all before it, final.

        Raises:
            UnknownBlock: there is no such block on the chain.
        """
        self._tell_final(self.chain.finalise(hash_))

    def set_storage(self, writes: Diff) -> bytes:
        """Change the state from outside, in a block of its own; returns the block's hash.

        The block's state root is that of the changed state. Executing the block on its
        parent's state does not lead there: no transaction made the change.

        Raises:
            InvalidRuntime: it would be the chain's last block, since the new code is none.
        """
        if CODE in writes:
            executor_for(writes[CODE] or b"")
        sealed = self.seal(BlockWishes(from_pool=False, staged=self.chain.stage(writes)))
        return sealed.hash

    def _validate_all_again(self) -> None:
        waiting = [one.encoded for one in self.pool.take_all()]
        self._resubmit(waiting)
