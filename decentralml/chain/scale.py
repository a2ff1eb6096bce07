"""Records ⇄ the values that the runtime's metadata names (`runtime` turns these into bytes).

Everything decoded here was written by strangers. Bytes arrive as ``0x…``; texts leave bounded
and without anything that could steer a terminal; a value of another shape than expected is
`MalformedChainData`, never a guess.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from decentralml.chain.records import (
    Assignment,
    AutoAccept,
    Balance,
    Delegated,
    Event,
    Manual,
    Policy,
    Reputation,
    ResultStatus,
    Schedule,
    Task,
    TaskKind,
    TaskResult,
    TaskStatus,
    Terms,
)
from decentralml.errors import MalformedChainData
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

MAX_TEXT = 512
"""More than any text that the pallet keeps."""

T = TypeVar("T")

_MEDIA = {"Image", "Audio", "Text", "Video"}
_PLAIN_KINDS = {"Contribution": TaskKind.CONTRIBUTION, "Engineering": TaskKind.ENGINEERING}
_TASK_STATUS = {
    "Created": TaskStatus.CREATED,
    "InProgress": TaskStatus.IN_PROGRESS,
    "Completed": TaskStatus.COMPLETED,
    "Withdrawn": TaskStatus.WITHDRAWN,
}
_RESULT_STATUS = {
    "PendingValidation": ResultStatus.PENDING,
    "Accepted": ResultStatus.ACCEPTED,
    "Rejected": ResultStatus.REJECTED,
    "Disputed": ResultStatus.DISPUTED,
}
# Fields of events that hold bytes: what they are.
_TEXT_FIELDS = {"result", "model", "reason", "title", "bundle"}


def scale_bytes(text: str | bytes) -> str:
    """Bytes as the codec takes them: always hex, so that no text is mistaken for it."""
    return "0x" + (text.encode() if isinstance(text, str) else text).hex()


def clean_text(raw: bytes, limit: int = MAX_TEXT) -> str:
    """A stranger's bytes as one line that is safe to print.

    Control and format characters (escape sequences, bidirectional overrides, zero widths)
    become U+FFFD, white space a blank, what is no UTF-8 U+FFFD; at most `limit` characters.
    """
    decoded = raw[: 4 * limit].decode("utf-8", "replace")[:limit]
    if decoded.isascii() and decoded.isprintable():
        return decoded
    return "".join(map(_harmless, decoded))


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith("Z") or character in "\t\n\r":
        return " "
    return "\ufffd" if category.startswith("C") else character


def from_hex(value: object) -> bytes:
    """The bytes of a ``0x…``."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise MalformedChainData("bytes", value)
    return bytes.fromhex(value[2:])


# -- records → values


def scale_kind(kind: TaskKind) -> Any:
    """A kind as the runtime's enum."""
    if kind.is_annotation:
        return {"Annotation": kind.value.removeprefix("annotation-").capitalize()}
    return kind.value.capitalize()


def scale_terms(terms: Terms) -> dict[str, Any]:
    """Terms as `create_task` takes them."""
    schedule = terms.schedule
    return {
        "kind": scale_kind(terms.kind),
        "title": scale_bytes(terms.title),
        "bundle": scale_bytes(terms.bundle),
        "model": None if terms.model is None else scale_bytes(terms.model),
        "reward": terms.reward,
        "slots": terms.slots,
        "rounds": terms.rounds,
        "policy": _scale_policy(terms.policy),
        "schedule": {
            "accept_before": schedule.accept_before,
            "round_time": schedule.round_time,
            "validate_time": schedule.validate_time,
            "dispute_time": schedule.dispute_time,
        },
        "stake": terms.stake,
        "arbiter": terms.arbiter,
        "sealing_key": None if terms.sealing_key is None else scale_bytes(terms.sealing_key),
    }


def _scale_policy(policy: Policy) -> Any:
    if isinstance(policy, Delegated):
        return {"Delegated": policy.validator}
    return "Manual" if isinstance(policy, Manual) else "AutoAccept"


# -- values → records


def shaped(what: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Turn a decoder's failure on a value of another shape into `MalformedChainData`."""

    def wrap(decode: Callable[..., T]) -> Callable[..., T]:
        def checked(*args: Any) -> T:
            try:
                return decode(*args)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise MalformedChainData(what, args[-1]) from error

        return checked

    return wrap


def _cid(value: object) -> Cid:
    return Cid(clean_text(from_hex(value)))


def _maybe(convert: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else convert(value)


def _block(value: Any) -> BlockNumber:
    return BlockNumber(int(value))


def variant(value: Any) -> tuple[str, Any]:
    """An enum's variant and content: ``"A"`` or ``{"A": content}``."""
    if isinstance(value, str):
        return value, None
    ((name, content),) = value.items()
    return name, content


@shaped("a kind of task")
def kind_of(value: Any) -> TaskKind:
    """The runtime's enum as a kind."""
    name, media = variant(value)
    if name == "Annotation" and variant(media)[0] in _MEDIA:
        return TaskKind(f"annotation-{variant(media)[0].lower()}")
    return _PLAIN_KINDS[name]


def _policy(value: Any) -> Policy:
    name, validator = variant(value)
    if name == "Delegated":
        return Delegated(AccountId(validator))
    plain: dict[str, Policy] = {"Manual": Manual(), "AutoAccept": AutoAccept()}
    return plain[name]


@shaped("a task's terms")
def terms_of(value: Mapping[str, Any]) -> Terms:
    """Terms as the runtime keeps them."""
    schedule = value["schedule"]
    return Terms(
        kind=kind_of(value["kind"]),
        title=clean_text(from_hex(value["title"])),
        bundle=_cid(value["bundle"]),
        model=_maybe(_cid, value["model"]),
        reward=Planck(int(value["reward"])),
        slots=int(value["slots"]),
        rounds=int(value["rounds"]),
        policy=_policy(value["policy"]),
        schedule=Schedule(
            *(
                _block(schedule[name])
                for name in ("accept_before", "round_time", "validate_time", "dispute_time")
            )
        ),
        stake=Planck(int(value["stake"])),
        arbiter=_maybe(AccountId, value["arbiter"]),
        sealing_key=_maybe(from_hex, value["sealing_key"]),
    )


@shaped("a task")
def task_of(task: TaskId, value: Mapping[str, Any]) -> Task:
    """The pallet's `Task`."""
    return Task(
        id=task,
        creator=AccountId(value["creator"]),
        terms=terms_of(value["terms"]),
        model=_maybe(_cid, value["model"]),
        round=Round(int(value["round"])),
        round_started=_block(value["round_started"]),
        status=_TASK_STATUS[variant(value["status"])[0]],
        assigned=int(value["assigned"]),
        owed=Planck(int(value["owed"])),
        paid=Planck(int(value["paid"])),
        waiting=int(value["waiting"]),
        units=int(value["units"]),
        unsettled=int(value["unsettled"]),
    )


@shaped("an assignment")
def assignment_of(task: TaskId, worker: AccountId, value: Mapping[str, Any]) -> Assignment:
    """The pallet's `AssignmentInfo`."""
    return Assignment(
        task=task,
        worker=worker,
        since=_block(value["since"]),
        until=_maybe(_block, value["until"]),
        first_round=Round(int(value["first_round"])),
        last_round=Round(int(value["last_round"])),
        delivered=int(value["delivered"]),
        stake=Planck(int(value["stake"])),
        ended=bool(value["ended"]),
    )


@shaped("a result")
def result_of(
    task: TaskId, number: Round, worker: AccountId, value: Mapping[str, Any]
) -> TaskResult:
    """The pallet's `TaskResult`."""
    return TaskResult(
        task=task,
        round=number,
        worker=worker,
        result=_cid(value["result"]),
        sent=_block(value["sent"]),
        status=_RESULT_STATUS[variant(value["status"])[0]],
        reason=_maybe(lambda reason: clean_text(from_hex(reason)), value["reason"]),
        deadline=_maybe(_block, value["deadline"]),
        paid=Planck(int(value["paid"])),
        bond=Planck(int(value["bond"])),
    )


@shaped("a reputation")
def reputation_of(account: AccountId, value: Mapping[str, Any]) -> Reputation:
    """The pallet's `Reputation`."""
    return Reputation(
        account=account,
        accepted=int(value["accepted"]),
        rejected=int(value["rejected"]),
        expired=int(value["expired"]),
        disputes_won=int(value["disputes_won"]),
        disputes_lost=int(value["disputes_lost"]),
        earned=Planck(int(value["earned"])),
    )


@shaped("a balance")
def balance_of(value: Mapping[str, Any]) -> Balance:
    """What `System.Account` says of an account's money.

    `free` is what may be spent now: a freeze (staking, vesting) takes from it, except for the
    part that covers holds anyway.
    """
    data = value["data"]
    free, held = int(data["free"]), int(data["reserved"])
    frozen = int(data.get("frozen", 0))
    return Balance(free=Planck(free - max(0, min(free, frozen - held))), held=Planck(held))


@shaped("an event")
def event_of(name: str, value: Mapping[str, Any]) -> Event:
    """An event of the pallet, its texts made harmless."""
    return Event(name, {field: _field(field, item) for field, item in value.items()})


def _field(name: str, value: Any) -> Any:
    if value is not None and name in _TEXT_FIELDS:
        return clean_text(from_hex(value))
    return value
