"""What the market keeps, as frozen values with the chain's own words.

Texts that come from the chain were written by strangers: `scale` has made them safe to print
before they arrive here, but a CID must still be parsed by whoever fetches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from decentralml.chain.token import Token
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

__all__ = [
    "Accept", "Assignment", "AutoAccept", "Balance", "Delegated", "Event", "Manual", "Policy",
    "Reject", "Reputation", "ResultStatus", "Ruling", "Schedule", "Task", "TaskKind", "TaskResult",
    "TaskStatus", "Terms", "Token", "Verdict",
]  # fmt: skip

NOTHING = Planck(0)


class TaskKind(str, Enum):
    """What a worker is asked for."""

    CONTRIBUTION = "contribution"
    ENGINEERING = "engineering"
    ANNOTATION_IMAGE = "annotation-image"
    ANNOTATION_AUDIO = "annotation-audio"
    ANNOTATION_TEXT = "annotation-text"
    ANNOTATION_VIDEO = "annotation-video"

    @property
    def is_annotation(self) -> bool:
        """Whether it asks for labels, of whatever media."""
        return self.value.startswith("annotation-")


class TaskStatus(str, Enum):
    """Where a task stands; `Completed` and `Withdrawn` are ends."""

    CREATED = "created"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


class ResultStatus(str, Enum):
    """Where a result stands; a result without a deadline is settled, whatever its status."""

    PENDING = "pending-validation"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DISPUTED = "disputed"


class Ruling(str, Enum):
    """Who an arbiter says is right."""

    WORKER = "worker"
    VALIDATOR = "validator"


@dataclass(frozen=True, slots=True)
class AutoAccept:
    """Every result that arrives in time is paid at once."""


@dataclass(frozen=True, slots=True)
class Manual:
    """The creator validates each result."""


@dataclass(frozen=True, slots=True)
class Delegated:
    """Another account validates each result."""

    validator: AccountId


Policy = AutoAccept | Manual | Delegated


@dataclass(frozen=True, slots=True)
class Accept:
    """The verdict that pays."""


@dataclass(frozen=True, slots=True)
class Reject:
    """The verdict that does not pay; the chain refuses an empty reason."""

    reason: str


Verdict = Accept | Reject


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task's deadlines, in blocks. A limit names the first block in which the step is over."""

    accept_before: BlockNumber  # first block in which it is too late; the others are spans
    round_time: BlockNumber
    validate_time: BlockNumber
    dispute_time: BlockNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a creator promises and asks; fixed when the task is made."""

    kind: TaskKind
    title: str
    bundle: Cid
    reward: Planck  # for each accepted result
    slots: int  # workers at once
    rounds: int = 1
    policy: Policy
    schedule: Schedule
    model: Cid | None = None  # the first round's; needed when there are several rounds
    stake: Planck = NOTHING  # held on each worker
    arbiter: AccountId | None = None
    sealing_key: bytes | None = None  # 32 bytes: X25519, to seal results for

    def escrow(self) -> Planck:
        """What is held on the creator for rewards when the task is made (deposits come on top)."""
        return Planck(self.reward * self.slots * self.rounds)


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it stands on chain."""

    id: TaskId
    creator: AccountId
    terms: Terms
    model: Cid | None  # the current round's
    round: Round
    round_started: BlockNumber
    status: TaskStatus
    assigned: int  # slots taken
    owed: Planck  # still held for it
    paid: Planck  # so far
    waiting: int  # workers who may still deliver the running round
    units: int  # results that the running round can still pay, beside those under way
    unsettled: int  # results pending, rejected but not settled, or disputed

    @property
    def validator(self) -> AccountId | None:
        """Who may validate its results; nobody needs to under `AutoAccept`."""
        match self.terms.policy:
            case Delegated(validator):
                return validator
            case Manual():
                return self.creator
            case AutoAccept():
                return None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A worker's place in a task; kept on chain after its end, until it is pruned."""

    task: TaskId
    worker: AccountId
    since: BlockNumber
    until: BlockNumber | None  # first block in which the running round is missed; None: nothing due
    first_round: Round  # that the worker may deliver
    last_round: Round  # that it delivered; 0 for none
    delivered: int  # rounds
    stake: Planck
    ended: bool


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a worker delivered for a round."""

    task: TaskId
    round: Round
    worker: AccountId
    result: Cid
    sent: BlockNumber
    status: ResultStatus
    reason: str | None  # of a rejection
    deadline: BlockNumber | None  # first block in which the next step is over; None: settled
    paid: Planck
    bond: Planck  # held on the validator once rejected, on both sides once disputed

    @property
    def is_settled(self) -> bool:
        """Whether nothing can change it any more."""
        return self.deadline is None


@dataclass(frozen=True, slots=True)
class Reputation:
    """What the market remembers of an account."""

    account: AccountId
    accepted: int = 0
    rejected: int = 0
    expired: int = 0
    disputes_won: int = 0
    disputes_lost: int = 0
    earned: Planck = NOTHING


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's money: what it may spend, and what is held by a promise."""

    free: Planck
    held: Planck


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the market's pallet said: the event's name in Rust, and its fields.

    Accounts are SS58 addresses, amounts and numbers ints, identifiers and reasons texts.
    """

    name: str
    fields: Mapping[str, Any]
