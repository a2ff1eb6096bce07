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
from decentralml.errors import InvalidCall
from decentralml.types import AccountId, Cid, Planck, Round, TaskId

PALLET = "DecentralML"
MAX_CID_BYTES = 64
MAX_TITLE_BYTES = 128
MAX_REASON_BYTES = 256
"""What the pallet keeps; a longer text is no call at all for the runtime, so it is refused here."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is not signed yet."""

    name: str
    args: Mapping[str, Any]
    pallet: str = PALLET


def create_task(terms: Terms) -> Call:
    """Post a task; holds `terms.escrow()` and a deposit on the signer. Raises InvalidCall."""
    _bounded("create_task", "title", terms.title, MAX_TITLE_BYTES)
    for what, cid in (("bundle", terms.bundle), ("model", terms.model or "")):
        _bounded("create_task", what, cid, MAX_CID_BYTES)
    if terms.sealing_key is not None and len(terms.sealing_key) != 32:
        raise InvalidCall("create_task", "a sealing key has 32 bytes")
    return Call("create_task", {"terms": scale_terms(terms)})


def accept_task(task: TaskId) -> Call:
    """Take a slot; holds the stake on the signer."""
    return Call("accept_task", {"task": task})


def start_round(task: TaskId, model: Cid) -> Call:
    """Publish the next round's model (creator). Raises InvalidCall."""
    _bounded("start_round", "model", model, MAX_CID_BYTES)
    return Call("start_round", {"task": task, "model": scale_bytes(model)})


def send_task_result(task: TaskId, round: Round, result: Cid) -> Call:  # noqa: A002
    """Deliver a round's result (assigned worker). Raises InvalidCall."""
    _bounded("send_task_result", "result", result, MAX_CID_BYTES)
    args = {"task": task, "round": round, "result": scale_bytes(result)}
    return Call("send_task_result", args)


def validate_task_result(
    task: TaskId,
    round: Round,  # noqa: A002
    worker: AccountId,
    verdict: Verdict,
) -> Call:
    """Accept and pay, or reject with a reason (validator). Raises InvalidCall."""
    said: Any = "Accept"
    if isinstance(verdict, Reject):
        _bounded("validate_task_result", "reason", verdict.reason, MAX_REASON_BYTES)
        said = {"Reject": scale_bytes(verdict.reason)}
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


def batch_each(calls: Sequence[Call]) -> Call:
    """Several calls in one transaction, each for itself: one that fails hinders no other.

    The receipt's `Receipt.items` say how each ended.
    """
    return Call("force_batch", batch(calls).args, pallet="Utility")


def in_name_of(account: AccountId, call: Call) -> Call:
    """`call` made by `account`, signed by a key that it appointed (see `appoint`)."""
    (inner,) = batch([call]).args["calls"]
    args = {"real": account, "force_proxy_type": None, "call": inner}
    return Call("proxy", args, pallet="Proxy")


def appoint(key: AccountId) -> Call:
    """Let `key` accept tasks, send results and release assignments for the signer, nothing else.

    So a worker's machine needs no key that can move money. Holds a deposit on the signer.
    """
    return Call("add_proxy", _worker_proxy(key), pallet="Proxy")


def dismiss(key: AccountId) -> Call:
    """End what `appoint` began; the deposit comes back."""
    return Call("remove_proxy", _worker_proxy(key), pallet="Proxy")


def _worker_proxy(key: AccountId) -> dict[str, Any]:
    return {"delegate": key, "proxy_type": "Worker", "delay": 0}


def plain(call: Call) -> dict[str, Any]:
    """The call as JSON values."""
    return asdict(call)


def _result(task: TaskId, round: Round, worker: AccountId) -> dict[str, Any]:  # noqa: A002
    return {"task": task, "round": round, "worker": worker}


def _bounded(call: str, what: str, text: str, limit: int) -> None:
    size = len(text.encode())
    if size > limit:
        raise InvalidCall(call, f"the {what} has {size} bytes, and {limit} is the most")
