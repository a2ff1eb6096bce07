"""The market's calls as values: pure constructors, named as on chain, checked by the runtime only.

A `Call`'s arguments are what the runtime's metadata names, as plain JSON values (bytes as
``0x…``): so a signed call can be kept in a journal and signed anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from decentralml.chain.records import Reject, Ruling, Terms, Verdict
from decentralml.chain.scale import scale_bytes, scale_terms
from decentralml.types import AccountId, Cid, Planck, Round, TaskId

PALLET = "DecentralML"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is not signed yet."""

    name: str
    args: Mapping[str, Any]
    pallet: str = PALLET


def create_task(terms: Terms) -> Call:
    """Post a task; holds `terms.escrow()` and a deposit on the signer."""
    return Call("create_task", {"terms": scale_terms(terms)})


def accept_task(task: TaskId) -> Call:
    """Take a slot; holds the stake on the signer."""
    return Call("accept_task", {"task": task})


def start_round(task: TaskId, model: Cid) -> Call:
    """Publish the next round's model (creator)."""
    return Call("start_round", {"task": task, "model": scale_bytes(model)})


def send_task_result(task: TaskId, round: Round, result: Cid) -> Call:  # noqa: A002
    """Deliver a round's result (assigned worker)."""
    args = {"task": task, "round": round, "result": scale_bytes(result)}
    return Call("send_task_result", args)


def validate_task_result(
    task: TaskId,
    round: Round,  # noqa: A002
    worker: AccountId,
    verdict: Verdict,
) -> Call:
    """Accept and pay, or reject with a reason (validator)."""
    said = {"Reject": scale_bytes(verdict.reason)} if isinstance(verdict, Reject) else "Accept"
    return Call("validate_task_result", {**_result(task, round, worker), "verdict": said})


def claim_result(task: TaskId, round: Round, worker: AccountId) -> Call:  # noqa: A002
    """Settle a result whose time is over (anyone)."""
    return Call("claim_result", _result(task, round, worker))


def dispute_result(task: TaskId, round: Round) -> Call:  # noqa: A002
    """Contest the signer's rejected result; holds a deposit on the signer."""
    return Call("dispute_result", {"task": task, "round": round})


def resolve_dispute(task: TaskId, round: Round, worker: AccountId, ruling: Ruling) -> Call:  # noqa: A002
    """Rule on a disputed result (arbiter)."""
    args = {**_result(task, round, worker), "ruling": ruling.name.capitalize()}
    return Call("resolve_dispute", args)


def release_assignment(task: TaskId, worker: AccountId) -> Call:
    """Give a slot up (the worker), or open one whose worker let the round pass (anyone)."""
    return Call("release_assignment", {"task": task, "worker": worker})


def withdraw_task(task: TaskId) -> Call:
    """End a task: no new work; what is owed stays held (creator)."""
    return Call("withdraw_task", {"task": task})


def prune_task(task: TaskId, limit: int) -> Call:
    """Remove at most `limit` items of a settled task; deposits return (anyone)."""
    return Call("prune_task", {"task": task, "limit": limit})


def transfer(to: AccountId, amount: Planck) -> Call:
    """Send money; refuses to empty the signer's account below what keeps it alive."""
    return Call("transfer_keep_alive", {"dest": to, "value": amount}, pallet="Balances")


def batch(calls: Sequence[Call]) -> Call:
    """Several calls in one transaction, for one signature: all succeed, or none is done."""
    inner = [
        {"call_module": call.pallet, "call_function": call.name, "call_args": dict(call.args)}
        for call in calls
    ]
    return Call("batch_all", {"calls": inner}, pallet="Utility")


def plain(call: Call) -> dict[str, Any]:
    """The call as JSON values."""
    return asdict(call)


def _result(task: TaskId, round: Round, worker: AccountId) -> dict[str, Any]:  # noqa: A002
    return {"task": task, "round": round, "worker": worker}
