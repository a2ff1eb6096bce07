"""``secure.json`` in a task's bundle: what every member holds the creator to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from decentralml.learning.hostile_json import JsonRefused, read_json
from decentralml.learning.secagg.errors import UnsafeRequest
from decentralml.learning.secagg.fixed import Encoding
from decentralml.learning.secagg.session import Session, threshold_of
from decentralml.types import Round, TaskId

FILE: Final = "secure.json"
MOST_MEMBERS: Final = 500
_MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class SecureSettings:
    """The terms of a secure job; in the bundle, so they cannot change after a worker accepted.

    Attributes:
        threshold: share of a session's members who together can unmask; above 0.5. That many must
            stay to the end, and that many would have to conspire with the creator.
        min_members: a worker takes part in no sum of fewer; at least 3, since of two each would
            learn the other's update from the sum.
        max_examples: largest weight of one update.
        bound: largest change of a number in one training.

    Raises:
        ValueError: a number is out of its range.
    """

    threshold: float = 2 / 3
    min_members: int = 3
    max_examples: int = 1_000_000
    bound: float = 64.0

    def __post_init__(self) -> None:
        sound = (
            0.5 < self.threshold <= 1
            and 3 <= self.min_members <= MOST_MEMBERS
            and self.max_examples >= 1
            and 0 < self.bound < math.inf
        )
        if not sound:
            raise ValueError(
                "a secure job's threshold is above 0.5 and at most 1, its least number of members "
                f"from 3 to {MOST_MEMBERS}, its largest count of examples at least 1, its bound "
                f"above 0; here: {asdict(self)}"
            )
        Encoding(self.min_members, self.max_examples, self.bound)

    def session(
        self, genesis: str, task: TaskId, number: int, keys: Mapping[str, bytes]
    ) -> Session:
        """The session of these members.

        Raises: UnsafeRequest: they are fewer than ``min_members``, or more than 500.
        """
        if not self.min_members <= len(keys) <= MOST_MEMBERS:
            raise UnsafeRequest(
                f"a roster of {len(keys)} members, where {self.min_members} to {MOST_MEMBERS} "
                "are allowed"
            )
        context = f"{genesis} task {int(task)} session {number}".encode()
        return Session(context, keys, self.needed(len(keys)))

    def needed(self, members: int) -> int:
        """How many of a session's members must stay to its end."""
        return max(threshold_of(members, self.threshold), self.min_members)

    def encoding(self, session: Session) -> Encoding:
        """How its members write numbers. Raises UnsafeRequest: they are too many for the limits."""
        try:
            return Encoding(len(session.keys), self.max_examples, self.bound)
        except ValueError as error:
            raise UnsafeRequest(str(error)) from error


def write_secure(folder: Path, settings: SecureSettings) -> Path:
    """Make the task of this folder a secure one."""
    path = folder / FILE
    path.write_text(json.dumps(asdict(settings), indent=1, sort_keys=True) + "\n")
    return path


def read_secure(bundle: Path) -> SecureSettings | None:
    """A task's terms; None where the task is not a secure one.

    Raises: UnsafeRequest: they are malformed, or less than a member may agree to.
    """
    path = bundle / FILE
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            value = read_json(file.read(_MAX_BYTES + 1), _MAX_BYTES, max_depth=2)
        return _checked(value)
    except (JsonRefused, ValueError, TypeError) as error:
        raise UnsafeRequest(f"the task's {FILE} cannot be used: {error}") from error


def _checked(value: object) -> SecureSettings:
    if not isinstance(value, dict) or set(value) != {each.name for each in fields(SecureSettings)}:
        raise ValueError("other fields than a secure job has")
    whole = all(type(value[name]) is int for name in ("min_members", "max_examples"))
    if not whole or any(type(number) not in (int, float) for number in value.values()):
        raise ValueError("a field is no number")
    return SecureSettings(**value)


@dataclass(frozen=True, slots=True)
class Phase:
    """What a round of a secure task is for: the numbers of the sessions, from 1 on.

    Attributes:
        share: the session to be announced.
        train: the session whose masked updates are made.
        unmask: the session whose masks are to be taken off.
    """

    share: int | None = None
    train: int | None = None
    unmask: int | None = None


def phase_of(number: Round, rounds: int) -> Phase:
    """The phase of a round, of a task with so many; the first is for channel keys alone."""
    session, odd = divmod(int(number), 2)
    if session == 0:
        return Phase()
    if odd:
        return Phase(train=session if session <= trainings_in(rounds) else None)
    return Phase(
        share=session if session <= trainings_in(rounds) else None,
        unmask=session - 1 if session > 1 else None,
    )


def trainings_in(rounds: int) -> int:
    """How often the model is trained in a secure task of so many rounds."""
    return max(0, (rounds - 2) // 2)


def rounds_for(trainings: int) -> int:
    """How many rounds a secure task needs for so many trainings."""
    return 2 * trainings + 2
