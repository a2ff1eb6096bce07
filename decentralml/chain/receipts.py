"""What a block says of one extrinsic: its fee, its events, and why it failed if it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from decentralml.chain import call_errors
from decentralml.chain.calls import PALLET
from decentralml.chain.scale import event_of, variant
from decentralml.chain.signed import Receipt, SignedCall
from decentralml.errors import CallRejected
from decentralml.types import Planck

if TYPE_CHECKING:
    from decentralml.chain.node import Block
    from decentralml.chain.runtime import Runtime, RuntimeEvent


def receipt_of(extrinsic_hash: str, block: Block, events: Sequence[RuntimeEvent]) -> Receipt:
    """The receipt of an extrinsic from its own events in its block."""
    fee = sum(
        int(e.fields["actual_fee"])
        for e in events
        if (e.pallet, e.name) == ("TransactionPayment", "TransactionFeePaid")
    )
    told = tuple(event_of(e.name, e.fields or {}) for e in events if e.pallet == PALLET)
    return Receipt(extrinsic_hash, block.hash, block.number, Planck(fee), told)


def failure_in(
    runtime: Runtime, signed: SignedCall, receipt: Receipt, events: Sequence[RuntimeEvent]
) -> CallRejected | None:
    """The error that the call ended with, if it failed."""
    from decentralml.chain.runtime import dispatch_error

    for event in events:
        error = None
        if (event.pallet, event.name) == ("System", "ExtrinsicFailed"):
            error = event.fields["dispatch_error"]
        elif (event.pallet, event.name) == ("Proxy", "ProxyExecuted"):
            # What it was to do in the other account's name; the proxy's own call succeeded.
            outcome, error = variant(event.fields["result"])
            error = error if outcome == "Err" else None
        if error is not None:
            return error_named(*dispatch_error(runtime, error), signed, receipt)
    return None


def error_named(pallet: str, name: str, signed: SignedCall, receipt: Receipt) -> CallRejected:
    """The exception for an error of a pallet, or of the runtime itself."""
    known = call_errors.BY_NAME if pallet == PALLET else call_errors.ELSEWHERE
    kind = known.get(name if pallet == PALLET else f"{pallet}.{name}".lstrip("."), CallRejected)
    words = name if pallet in (PALLET, "") else f"{pallet}.{name}"
    return kind(signed.call_name, words, receipt.block_hash, receipt.fee)
