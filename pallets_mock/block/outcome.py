"""What became of an extrinsic that a block was offered: sp-runtime's `ApplyExtrinsicResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pallets_mock.errors import InvalidBlock

EXHAUSTS_RESOURCES = b"\x00\x06"
"""`TransactionValidityError::Invalid(ExhaustsResources)`."""


@dataclass(frozen=True, slots=True)
class Included:
    """It is in the block and its fee is paid.

    Args:
        error: None if its call succeeded, else the SCALE `DispatchError`.
    """

    error: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not in the block and left no trace.

    Args:
        validity: SCALE `TransactionValidityError`.
    """

    validity: bytes

    @property
    def exhausts(self) -> bool:
        """Whether it is only this block that is too full for it."""
        return self.validity == EXHAUSTS_RESOURCES


@dataclass(frozen=True, slots=True)
class Panicked:
    """It made the runtime trap (its bytes are no extrinsic, say), and left no trace."""

    message: str


ApplyOutcome: TypeAlias = Included | Refused | Panicked


def decode_outcome(result: bytes) -> Included | Refused:
    """The outcome that `BlockBuilder_apply_extrinsic` returned. Raises InvalidBlock."""
    match result[:2]:
        case b"\x00\x00" if len(result) == 2:
            return Included()
        case b"\x00\x01" if len(result) > 2:
            return Included(result[2:])
        case b"\x01\x00" | b"\x01\x01" if len(result) > 2:
            return Refused(result[1:])
    raise InvalidBlock(f"apply_extrinsic returned 0x{result.hex()}")
