"""Putting a block together: which transactions, at what time, sealed by whom."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from pallets_mock.block.builder import BlockBuilder, SealedBlock
from pallets_mock.block.outcome import ApplyOutcome, Included, Panicked, Refused
from pallets_mock.block.seal import WELL_KNOWN_SEEDS, Authority
from pallets_mock.clock import Clock
from pallets_mock.errors import RuntimePanic
from pallets_mock.node.chain import Chain, Staged
from pallets_mock.pool.queue import Pool, Transaction
from pallets_mock.pool.validity import check_framing, extrinsic_hash, validity_error

EXHAUSTED_BEFORE_FULL = 8
"""So many transactions in a row that do not fit any more, and the block is full."""

log = logging.getLogger("pallets_mock.node")


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


@dataclass(frozen=True, slots=True)
class Assembled:
    """A block that is on no chain yet.

    Args:
        places: its transactions (hash → place among the extrinsics).
    """

    sealed: SealedBlock
    places: dict[bytes, int]


class Assembler:
    """Builds blocks on the best one. Throws out of the pool what turns out invalid."""

    def __init__(self, chain: Chain, pool: Pool, clock: Clock) -> None:
        self._chain, self._pool, self._clock = chain, pool, clock
        self._slot_lengths: dict[bytes, int] = {}
        known = [Authority.development(name) for name in WELL_KNOWN_SEEDS]
        self._authorities = {one.public: one for one in known}

    def assembling(self, wishes: BlockWishes) -> Generator[None, None, Assembled]:
        """Build a block in steps, one a transaction; returns it.

        Raises:
            PoolError: one of the wished-for transactions is refused.
            RuntimePanic, InvalidBlock: the runtime cannot make this block.
        """
        builder = self._begin(wishes)
        places: dict[bytes, int] = {}
        for extrinsic in wishes.transactions:
            self._include_or_fail(builder, check_framing(extrinsic), places)
            yield
        if wishes.from_pool:
            yield from self._include_from_pool(builder, places, wishes.seconds)
        return Assembled(builder.finalise(self._author_of(builder.slot)), places)

    def dry_run(self, encoded: bytes, at: bytes | None = None) -> ApplyOutcome:
        """What would become of an extrinsic in a block on that one; changes nothing.

        Raises:
            UnknownBlock
        """
        chain, block = self._chain, at or self._chain.head.best
        time_ms = self._clock.next_block_ms(self.earliest_ms_of(block), self.slot_ms)
        execute, view = chain.runtime_at(block).execute, chain.view(block)
        builder = BlockBuilder(execute, chain.header_of(block), view, time_ms, self.slot_ms)
        return builder.apply(encoded)

    @property
    def slot_ms(self) -> int:
        """Length of a slot, as the runtime says."""
        runtime = self._chain.runtime
        if runtime.code_hash not in self._slot_lengths:
            answer = self._chain.call("AuraApi_slot_duration", b"").output
            self._slot_lengths[runtime.code_hash] = int.from_bytes(answer, "little")
        return self._slot_lengths[runtime.code_hash]

    def earliest_ms_of(self, block: bytes) -> int:
        """When a block's slot began; 0 for block 0."""
        return (self._chain.header_of(block).slot or 0) * self.slot_ms

    def _author_of(self, slot: int) -> Authority:
        """Whose turn it is by Aura's rule; //Alice if that is nobody well known."""
        encoded = self._chain.call("AuraApi_authorities", b"").output
        keys = [encoded[at : at + 32] for at in range(len(encoded) % 32, len(encoded), 32)]
        key = keys[slot % len(keys)] if keys else b""
        return self._authorities.get(key, Authority.development())

    def _begin(self, wishes: BlockWishes) -> BlockBuilder:
        chain, slot_ms = self._chain, self.slot_ms
        last_ms = self.earliest_ms_of(chain.head.best)
        time_ms = self._clock.next_block_ms(last_ms, slot_ms, wishes.not_before_ms)
        view = wishes.staged.view if wishes.staged else chain.view()
        return BlockBuilder(chain.runtime.execute, chain.header, view, time_ms, slot_ms)

    def _include_or_fail(
        self, builder: BlockBuilder, encoded: bytes, places: dict[bytes, int]
    ) -> None:
        outcome = builder.apply(encoded)
        if isinstance(outcome, Panicked):
            raise RuntimePanic("BlockBuilder_apply_extrinsic", outcome.message)
        if isinstance(outcome, Refused):
            raise validity_error(outcome.validity)
        places[extrinsic_hash(encoded)] = len(builder.extrinsics) - 1

    def _include_from_pool(
        self, builder: BlockBuilder, places: dict[bytes, int], seconds: float | None
    ) -> Generator[None, None, None]:
        until = None if seconds is None else self._clock.seconds() + seconds
        handled = set(places)
        left: set[bytes] = set()
        exhausted = 0
        found = True
        while found:  # transactions may arrive between two steps
            found = False
            for transaction in self._pool.ready(handled):
                found = True
                handled.add(transaction.hash)
                if not left.isdisjoint(self._pool.needed_by(transaction)):
                    left.add(transaction.hash)  # without the other it would only look invalid
                elif self._is_left(builder, transaction, places):
                    left.add(transaction.hash)
                    exhausted += 1
                else:
                    exhausted = 0
                if exhausted >= EXHAUSTED_BEFORE_FULL:
                    return
                yield
                if until is not None and self._clock.seconds() > until:
                    return

    def _is_left(
        self, builder: BlockBuilder, transaction: Transaction, places: dict[bytes, int]
    ) -> bool:
        """Include a transaction or throw it out; True if it is left for the next block."""
        if transaction.hash not in self._pool:  # thrown out with one that it required
            return False
        outcome = builder.apply(transaction.encoded)
        if isinstance(outcome, Included):
            places[transaction.hash] = len(builder.extrinsics) - 1
            return False
        if isinstance(outcome, Refused) and outcome.exhausts and places:
            return True
        why = outcome.message if isinstance(outcome, Panicked) else validity_error(outcome.validity)
        log.info("transaction 0x%s left out: %s", transaction.hash.hex(), why)
        self._pool.remove([transaction.hash])
        return False
