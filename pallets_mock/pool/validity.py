"""What the runtime thinks of a transaction, decoded from its verdict's SCALE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from pallets_mock.errors import InvalidTransaction, MalformedExtrinsic, PoolError, UnknownValidity
from pallets_mock.state.compact import compact, read_compact

Execute: TypeAlias = Callable[[str, bytes], bytes]
"""Calls a runtime function at the block in question; drops whatever it writes."""

EXTERNAL = b"\x02"  # TransactionSource: it came from outside, not from a block or this node
IN_BLOCK = b"\x00"

INVALID = (
    ("Call", "Transaction call is not expected"),
    ("Payment", "Inability to pay some fees (e.g. account balance too low)"),
    ("Future", "Transaction will be valid in the future"),
    ("Stale", "Transaction is outdated"),
    ("BadProof", "Transaction has a bad signature"),
    ("AncientBirthBlock", "Transaction has an ancient birth block"),
    ("ExhaustsResources", "Transaction would exhaust the block limits"),
    ("Custom", "InvalidTransaction custom error"),
    ("BadMandatory", "A call was labelled as mandatory, but resulted in an Error."),
    (
        "MandatoryValidation",
        "Transaction dispatch is mandatory; transactions must not be validated.",
    ),
    ("BadSigner", "Invalid signing address"),
    ("IndeterminateImplicit", "The implicit data was unable to be calculated"),
    ("UnknownOrigin", "The transaction extension did not authorize any origin"),
)
"""sp_runtime::transaction_validity::InvalidTransaction: by index, with the node's words."""

UNKNOWN = ("CannotLookup", "NoUnsignedValidator", "Custom")


@dataclass(frozen=True, slots=True)
class ValidTransaction:
    """The runtime's terms for including a transaction.

    Args:
        requires: tags that must be provided by transactions before it.
        provides: tags that it provides; two transactions never provide the same one.
        longevity: for how many blocks this holds.
        propagate: whether other nodes may be told.
    """

    priority: int
    requires: tuple[bytes, ...]
    provides: tuple[bytes, ...]
    longevity: int
    propagate: bool


def extrinsic_hash(extrinsic: bytes) -> bytes:
    """The name of a transaction: blake2b-256 of its SCALE, length prefix included."""
    return blake2b(extrinsic, digest_size=32).digest()


def check_framing(extrinsic: bytes) -> bytes:
    """The extrinsic as a block holds it: length prefix and exactly that many bytes.

    Bytes after it are dropped, as the node does.

    Raises:
        MalformedExtrinsic: the prefix promises more than there is.
    """
    try:
        length, start = read_compact(extrinsic)
    except ValueError as error:
        raise MalformedExtrinsic(f"bad length prefix: {error}") from error
    if length > len(extrinsic) - start:
        raise MalformedExtrinsic(f"{length} bytes promised, {len(extrinsic) - start} given")
    return compact(length) + extrinsic[start : start + length]


def validate(execute: Execute, extrinsic: bytes, at: bytes) -> ValidTransaction:
    """Ask the runtime whether the transaction may wait for a block.

    Args:
        execute: calls the runtime at the best block.
        at: hash of the best block.
    Raises:
        InvalidTransaction, UnknownValidity: it may not.
        RuntimePanic: the runtime cannot even decode it.
    """
    verdict = execute("TaggedTransactionQueue_validate_transaction", EXTERNAL + extrinsic + at)
    if verdict[0] != 0:
        raise validity_error(verdict[1:])
    return _decode_valid(verdict[1:])


def validity_error(encoded: bytes) -> PoolError:
    """The error that a SCALE `TransactionValidityError` stands for."""
    kind, reason = encoded[0], encoded[1]
    if kind == 0:
        name, words = INVALID[reason] if reason < len(INVALID) else (f"Reason{reason}", "Unknown")
        return InvalidTransaction(name, words, encoded[2] if name == "Custom" else None)
    name = UNKNOWN[reason] if reason < len(UNKNOWN) else f"Reason{reason}"
    return UnknownValidity(f"Custom({encoded[2]})" if name == "Custom" else name)


def _decode_valid(encoded: bytes) -> ValidTransaction:
    priority = int.from_bytes(encoded[:8], "little")
    requires, at = _tags(encoded, 8)
    provides, at = _tags(encoded, at)
    longevity = int.from_bytes(encoded[at : at + 8], "little")
    return ValidTransaction(priority, requires, provides, longevity, encoded[at + 8] == 1)


def _tags(encoded: bytes, at: int) -> tuple[tuple[bytes, ...], int]:
    count, at = read_compact(encoded, at)
    tags = []
    for _ in range(count):
        length, at = read_compact(encoded, at)
        tags.append(encoded[at : at + length])
        at += length
    return tuple(tags), at
