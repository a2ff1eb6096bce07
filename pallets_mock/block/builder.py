"""Building one block: initialise, inherents, extrinsics, finalise, seal.

The runtime is called anew for each step; what it wrote before is in the overlay, which
lives as long as the builder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pallets_mock.block.header import Header, pre_runtime
from pallets_mock.block.inherents import inherent_data
from pallets_mock.block.outcome import ApplyOutcome, Included, Panicked, decode_outcome
from pallets_mock.block.scale import join_extrinsics, split_extrinsics
from pallets_mock.block.seal import Authority
from pallets_mock.errors import InvalidBlock, RuntimePanic
from pallets_mock.state.overlay import Overlay
from pallets_mock.state.root import ordered_root
from pallets_mock.state.view import Diff, StateView, TrieChange

Execute: TypeAlias = Callable[[str, bytes, Overlay], bytes]
"""As `executor.Execute`: (entry, argument, state) → output."""

_ONLY_INHERENTS = b"\x01"


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A block, and the state that it leads to from its parent's.

    Args:
        extrinsics: inherents first, each with its length in front.
        diff: what it writes.
        change: the state's root and new nodes.
    """

    header: Header
    extrinsics: tuple[bytes, ...]
    diff: Diff
    change: TrieChange

    @property
    def hash(self) -> bytes:
        """The block's hash."""
        return self.header.hash()


class BlockBuilder:
    """A block that is being built on a parent.

    Args:
        execute: the runtime of the parent's state.
        parent: its header.
        view: its state; must not change while this is used.
        timestamp_ms: when the block is made, in milliseconds since 1970; in a later slot
            than the parent.
        slot_duration_ms: as the runtime's `AuraApi_slot_duration` has it.
    Raises:
        InvalidBlock: the slot is not after the parent's.
        RuntimePanic: the runtime refuses the header or the inherents.
    """

    def __init__(
        self,
        execute: Execute,
        parent: Header,
        view: StateView,
        timestamp_ms: int,
        slot_duration_ms: int,
    ) -> None:
        slot = timestamp_ms // slot_duration_ms
        if parent.slot is not None and slot <= parent.slot:
            raise InvalidBlock(
                f"slot {slot} is not after the parent's, {parent.slot}; "
                f"the earliest time is {(parent.slot + 1) * slot_duration_ms} ms"
            )
        self._execute = execute
        self._extrinsics: list[bytes] = []
        self.overlay = Overlay(view)
        self.slot = slot
        self.header = Header(parent.hash(), parent.number + 1, digest=(pre_runtime(slot),))
        mode = execute("Core_initialize_block", self.header.encode(), self.overlay)
        self.only_inherents = mode == _ONLY_INHERENTS
        self._apply_inherents(inherent_data(timestamp_ms, slot))

    def _apply_inherents(self, data: bytes) -> None:
        output = self._execute("BlockBuilder_inherent_extrinsics", data, self.overlay)
        try:
            inherents = split_extrinsics(output)
        except ValueError as error:
            raise InvalidBlock(f"the runtime's inherents: {error}") from error
        for inherent in inherents:
            outcome = self.apply(inherent)
            if outcome != Included():
                raise InvalidBlock(f"the runtime refuses its own inherent: {outcome}")

    @property
    def extrinsics(self) -> tuple[bytes, ...]:
        """What is in the block so far."""
        return tuple(self._extrinsics)

    def apply(self, extrinsic: bytes) -> ApplyOutcome:
        """Offer the block an extrinsic. One that is not included leaves no trace.

        Args:
            extrinsic: with its length in front, as clients submit it.
        """
        overlay = self.overlay
        overlay.start_transaction()
        try:
            result = self._execute("BlockBuilder_apply_extrinsic", extrinsic, overlay)
            outcome = decode_outcome(result)
        except RuntimePanic as panic:
            overlay.rollback()
            return Panicked(panic.message)
        except BaseException:
            overlay.rollback()
            raise
        if isinstance(outcome, Included):
            overlay.commit()
            self._extrinsics.append(extrinsic)
        else:
            overlay.rollback()
        return outcome

    def finalise(self, authority: Authority) -> SealedBlock:
        """The finished block. Use the builder no more.

        Raises:
            InvalidBlock: the runtime's header does not fit the block.
        """
        encoded = self._execute("BlockBuilder_finalize_block", b"", self.overlay)
        header = Header.decode(encoded)
        change = self.overlay.last_change
        if change is None or change.root != header.state_root:
            raise InvalidBlock("the runtime wrote to the state after it took its root")
        if not self._is_root_of_extrinsics(header.extrinsics_root):
            raise InvalidBlock("the header's extrinsics root is not that of its extrinsics")
        if (header.parent_hash, header.number) != (self.header.parent_hash, self.header.number):
            raise InvalidBlock("the runtime's header is another block's")
        diff = self.overlay.diff()
        return SealedBlock(authority.seal(header), self.extrinsics, diff, change)

    def _is_root_of_extrinsics(self, root: bytes) -> bool:
        """In which layout the runtime takes this root depends on its system version."""
        return any(root == ordered_root(self._extrinsics, layout) for layout in (0, 1))


def encode_block(header: Header, extrinsics: tuple[bytes, ...]) -> bytes:
    """SCALE of a whole block, as `Core_execute_block` takes it from an unsealed header."""
    return header.encode() + join_extrinsics(extrinsics)
