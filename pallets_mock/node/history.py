"""What no real chain lets anybody do: turn back, branch off, change the state from outside."""

from __future__ import annotations

from dataclasses import dataclass

from pallets_mock.errors import CannotReorganise, PoolError, RuntimePanic, UnknownSnapshot
from pallets_mock.executor.executor import executor_for
from pallets_mock.node.assembly import BlockWishes
from pallets_mock.node.chain import CODE
from pallets_mock.node.events import BestChanged, FinalityChanged
from pallets_mock.node.node import Node
from pallets_mock.state.view import Diff


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What `revert` goes back to. `pool` holds encoded transactions, as they came."""

    best: bytes
    finalised: bytes
    clock_shift_ms: int
    pool: tuple[bytes, ...]


class History:
    """Changes a node's past. Whoever calls this is the node's only writer meanwhile."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._snapshots: dict[int, Snapshot] = {}

    def snapshot(self) -> int:
        """Remember everything as it is; returns the number that `revert` takes."""
        node, number = self._node, max(self._snapshots, default=0) + 1
        waiting = tuple(one.encoded for one in node.pool.all())
        head = node.chain.head
        self._snapshots[number] = Snapshot(head.best, head.finalised, node.clock.shift_ms, waiting)
        return number

    def revert(self, number: int) -> None:
        """Make everything as it was at a snapshot, which can be reverted to again.

        Later snapshots are gone.

        Raises:
            UnknownSnapshot
        """
        snapshot = self._snapshots.get(number)
        if snapshot is None:
            raise UnknownSnapshot(number)
        self._snapshots = {key: one for key, one in self._snapshots.items() if key <= number}
        self._go_to(snapshot.best, snapshot.finalised)
        self._node.clock.shift_ms = snapshot.clock_shift_ms
        self._node.pool.take_all()
        self._node.submit_again(snapshot.pool)

    def set_head(self, best: bytes) -> None:
        """Make any known block the best one; what is final stays so if it is below it.

        Raises:
            UnknownBlock
        """
        chain = self._node.chain
        finalised = chain.head.finalised
        if chain.header_of(best).number < chain.head.finalised_number:
            finalised = best
        elif chain.ancestry(best, chain.head.finalised_number)[-1] != finalised:
            finalised = chain.hash_at(0)
        self._go_to(best, finalised)
        self._node.validate_pool_again()

    def _go_to(self, best: bytes, finalised: bytes) -> None:
        """Make known blocks the best and the final one, and tell everybody."""
        chain, announcer = self._node.chain, self._node.announcer
        old = chain.head
        retracted, enacted = chain.route(old.best, best)
        chain.set_head(best, finalised)
        announcer.off_chain(retracted)
        if old.best != best:
            announcer.tell(BestChanged(best, chain.header, retracted, enacted, None))
        if old.finalised != finalised:
            announcer.tell(FinalityChanged((finalised,)))

    def reorganise(self, depth: int, blocks: int | None = None, *, keep: bool = True) -> bytes:
        """Replace the newest blocks by a branch, as a network's fork does.

        Args:
            depth: how many blocks leave the chain, also final ones.
            blocks: how many take their place, by default one more.
            keep: whether transactions of the old blocks go back to the pool; they are in
                the first new block then, unless something else made them invalid.
        Returns: hash of the new best block.
        Raises:
            CannotReorganise: the chain is not that long.
        """
        node, chain = self._node, self._node.chain
        blocks = depth + 1 if blocks is None else blocks
        best = chain.head.best_number
        if not 0 < depth <= best or blocks < 1:
            raise CannotReorganise(f"cannot replace {depth} of {best} blocks by {blocks}")
        retracted = tuple(chain.ancestry(chain.head.best, best - depth + 1))
        # In a later slot than the old one, or it might be the very same block again.
        first_ms = node.assembler.earliest_ms_of(retracted[-1]) + node.assembler.slot_ms
        self._retract(retracted, chain.hash_at(best - depth), keep=keep)
        wishes = BlockWishes(not_before_ms=first_ms, announce=False)
        enacted = tuple(node.seal(wishes).hash for _ in range(blocks))
        event = BestChanged(chain.head.best, chain.header, retracted, enacted, None)
        node.announcer.tell(event)
        node.announcer.on_chain(enacted)
        final = max(chain.head.best_number - node.finality_lag, chain.head.finalised_number)
        node.finalise(chain.hash_at(final))
        return chain.head.best

    def _retract(self, retracted: tuple[bytes, ...], fork: bytes, *, keep: bool) -> None:
        node, chain = self._node, self._node.chain
        is_final = chain.header_of(fork).number < chain.head.finalised_number
        node.announcer.off_chain(retracted)
        waiting = [one.encoded for one in node.pool.take_all()]
        again = [one for block in retracted[::-1] for one in chain.block(block).extrinsics]
        chain.set_head(fork, fork if is_final else chain.head.finalised)
        for extrinsic in again if keep else ():
            try:
                node.submit(extrinsic)
            except (PoolError, RuntimePanic):  # an inherent, which is no transaction
                continue
        node.submit_again(waiting)

    def set_storage(self, writes: Diff) -> bytes:
        """Change the state from outside, in a block of its own; returns the block's hash.

        The block's state root is that of the changed state. Executing the block on its
        parent's state does not lead there: no transaction made the change.

        Raises:
            InvalidRuntime: it would be the chain's last block, since the new code is none.
        """
        if CODE in writes:
            executor_for(writes[CODE] or b"")
        wishes = BlockWishes(from_pool=False, staged=self._node.chain.stage(writes))
        return self._node.seal(wishes).hash
