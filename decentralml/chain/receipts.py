"""What a block says of one extrinsic: its fee, its events, and why it failed if it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from decentralml.chain import call_errors
from decentralml.chain.calls import PALLET
from decentralml.chain.scale import event_of, variant
from decentralml.chain.signed import Receipt, SignedCall
from decentralml.errors import CallRejected
from decentralml.types import Planck

if TYPE_CHECKING:
    from decentralml.chain.blocks import Block
    from decentralml.chain.runtime import Runtime, RuntimeEvent


ERRORS = {
    ("System", "ExtrinsicFailed"): "dispatch_error",
    # The authorised code is no later version, or none at all: the call itself "succeeds".
    ("System", "RejectedInvalidAuthorizedUpgrade"): "error",
}
"""Events that say that something failed, and the field with the error."""
ON_BEHALF = {
    ("Proxy", "ProxyExecuted"): "result",
    ("Council", "Executed"): "result",
    ("Council", "MemberExecuted"): "result",
    ("Whitelist", "WhitelistedCallDispatched"): "result",
    ("Sudo", "Sudid"): "sudo_result",
}
"""Events of calls that make another one, and the field that says how that one ended: the call
itself succeeded either way."""


def receipt_of(
    runtime: Runtime, extrinsic_hash: str, block: Block, events: Sequence[RuntimeEvent]
) -> Receipt:
    """The receipt of an extrinsic from its own events in its block."""
    fee = sum(
        int(e.fields["actual_fee"])
        for e in events
        if (e.pallet, e.name) == ("TransactionPayment", "TransactionFeePaid")
    )
    told = tuple(event_of(e.name, e.fields or {}) for e in events if e.pallet == PALLET)
    items = tuple(_items(runtime, events))
    return Receipt(extrinsic_hash, block.hash, block.number, Planck(fee), told, items)


def _items(runtime: Runtime, events: Sequence[RuntimeEvent]) -> Iterator[str | None]:
    """How each call of a batch ended."""
    from decentralml.chain.runtime import dispatch_error

    for event in events:
        if (event.pallet, event.name) == ("Utility", "ItemCompleted"):
            yield None
        elif (event.pallet, event.name) == ("Utility", "ItemFailed"):
            yield _words(*dispatch_error(runtime, event.fields["error"]))


def failure_in(
    runtime: Runtime, signed: SignedCall, receipt: Receipt, events: Sequence[RuntimeEvent]
) -> CallRejected | None:
    """The error that the call ended with, if it failed."""
    from decentralml.chain.runtime import dispatch_error

    for event in events:
        error = None
        told = (event.pallet, event.name)
        if told in ERRORS:
            error = event.fields[ERRORS[told]]
        elif told in ON_BEHALF:
            outcome, error = variant(event.fields[ON_BEHALF[told]])
            error = error if outcome == "Err" else None
        if error is not None:
            return error_named(*dispatch_error(runtime, error), signed, receipt)
    return None


def error_named(pallet: str, name: str, signed: SignedCall, receipt: Receipt) -> CallRejected:
    """The exception for an error of a pallet, or of the runtime itself."""
    words = _words(pallet, name)
    kind = call_errors.named(words)
    return kind(signed.call_name, words, receipt.block_hash, receipt.fee)


def _words(pallet: str, name: str) -> str:
    return name if pallet in (PALLET, "") else f"{pallet}.{name}"
