"""The node: takes transactions and seals blocks.

Everything here belongs to one thread. A block is built in steps, so that a server on the same
thread can answer between two transactions; `writer` keeps a second writer out meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable

from pallets_mock.block.builder import SealedBlock
from pallets_mock.clock import BlockTime, Clock, Instant
from pallets_mock.errors import PoolError, RuntimePanic
from pallets_mock.genesis import Genesis
from pallets_mock.node.announcer import Announcer
from pallets_mock.node.assembly import Assembled, Assembler, BlockWishes
from pallets_mock.node.chain import CODE, Chain
from pallets_mock.node.events import BestChanged, BlockImported
from pallets_mock.pool.queue import Pool, PoolLimits
from pallets_mock.pool.status import Invalid
from pallets_mock.pool.validity import check_framing, extrinsic_hash, validate
from pallets_mock.store import ChainStore


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
        self.announcer = Announcer()
        self.pool = Pool(self.announcer.watchers.tell, self.clock.seconds, pool_limits)
        self.assembler = Assembler(self.chain, self.pool, self.clock)
        self.writer = asyncio.Lock()
        self.work_arrived = asyncio.Event()

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

    def submit_again(self, encoded: Iterable[bytes]) -> None:
        """Take what was valid once; whoever watches what is not any more is told so."""
        for one in encoded:
            try:
                self.submit(one)
            except (PoolError, RuntimePanic):
                self.announcer.watchers.tell(extrinsic_hash(one), Invalid())

    def validate_pool_again(self) -> None:
        """The state changed in a way that no block accounts for."""
        self.submit_again([one.encoded for one in self.pool.take_all()])

    # Blocks

    def seal(self, wishes: BlockWishes | None = None) -> SealedBlock:
        """Build, store and announce the next block. Raises as `Assembler.assembling`."""
        sealing = self.sealing(wishes or BlockWishes())
        while True:
            try:
                next(sealing)
            except StopIteration as end:
                sealed: SealedBlock = end.value
                return sealed

    def sealing(self, wishes: BlockWishes) -> Generator[None, None, SealedBlock]:
        """`seal` in steps, one a transaction; returns the block."""
        assembled = yield from self.assembler.assembling(wishes)
        self._commit(assembled, wishes)
        return assembled.sealed

    def _commit(self, assembled: Assembled, wishes: BlockWishes) -> None:
        """From here on nothing waits: whoever asks next finds chain and pool in step."""
        sealed, places = assembled.sealed, assembled.places
        staged = wishes.staged.diff if wishes.staged else {}
        number = sealed.header.number
        lag = self.finality_lag if wishes.announce else number
        finals = self.chain.append(sealed, number - lag, staged)
        self.announcer.remember(sealed.hash, places)
        self.pool.included(places)
        self.pool.expire(number)
        diff = {**staged, **sealed.diff}
        self.announcer.tell(BlockImported(sealed.hash, sealed.header, diff))
        if wishes.announce:
            best = BestChanged(sealed.hash, sealed.header, (), (sealed.hash,), diff)
            self.announcer.tell(best)
            self.announcer.on_chain([sealed.hash])
        self.announcer.final(finals)
        if staged or CODE in diff:
            self.validate_pool_again()

    @property
    def last_block_ms(self) -> int:
        """Earliest time that the newest block can be of, by its slot; 0 for block 0."""
        return self.assembler.earliest_ms_of(self.chain.head.best)

    def finalise(self, hash_: bytes) -> None:
        """Make a block of the chain, and all before it, final.

        Raises:
            UnknownBlock: there is no such block on the chain.
        """
        self.announcer.final(self.chain.finalise(hash_))
