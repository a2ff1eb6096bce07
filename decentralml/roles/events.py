"""What a role tells whoever watches it: one event for each thing that it begins or ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from decentralml.types import Round, TaskId


class Did(Enum):
    """What a role did, or is doing; in the past tense when it is over."""

    POSTED = "posted"
    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    OPENING = "opening"
    ACCEPTED = "accepted"
    STARTED = "started"
    PRINTED = "printed"
    FAILED = "failed"
    MADE = "made"
    SEALING = "sealing"
    SEALED = "sealed"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    SENT = "sent"
    WAITING = "waiting"
    VALIDATED = "validated"
    REFUSED = "refused"
    CLAIMED = "claimed"
    RELEASED = "released"
    MEASURED = "measured"
    GATHERING = "gathering"
    FEDERATED = "federated"
    ROUND_STARTED = "round started"
    WITHDRAWN = "withdrawn"
    SKIPPED = "skipped"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        did: what.
        task: in which task; None before it has a number.
        round: in which round; None where it concerns the whole task.
        text: one line for a person.
        done: bytes moved so far, while something moves; results that are there, while a round's
            are gathered.
        total: of how many, 0 while that is not known.
        block: the block in which it happened, for what happened on chain.
    """

    did: Did
    task: TaskId | None = None
    round: Round | None = None
    text: str = ""
    done: int = 0
    total: int = 0
    block: int | None = None


Observer: TypeAlias = Callable[[Event], None]
Checkpoint: TypeAlias = Callable[[str], None]


def ignore(event: Event) -> None:
    """The observer that does nothing."""


def pass_by(name: str) -> None:
    """The checkpoint that does nothing: tests put one here that kills the process at ``name``."""
