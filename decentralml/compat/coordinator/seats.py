"""Who has a place, and who was selected: kept in the creator's journal, so that a restart knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from decentralml.roles.journal import Journal
from decentralml.types import AccountId, Cid


@dataclass(frozen=True, slots=True)
class Seat:
    """A participant's place.

    Attributes:
        id: by which it acts here; a secret between the two.
        account: that earns.
        kept: name of the key that the coordinator keeps for it; None when it signs for itself.
        first_round: the first in which the chain takes a result of the account.
    """

    id: str
    account: AccountId
    kept: str | None
    first_round: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Who may deliver in a round.

    Attributes:
        wanted: results that the round wants.
        tokens: the selected ones' ids, each with the token by which the aggregator knows it.
    """

    wanted: int
    tokens: dict[str, str]


class Seats:
    """The notes of one job.

    Args:
        journal: opens the journal; called by the thread that uses this.
        job: the job's name.
    """

    def __init__(self, journal: Callable[[], Journal], job: str) -> None:
        self._journal, self._job = journal, job

    def all(self) -> list[Seat]:
        """Every place that is taken."""
        found = self._journal().notes(f"coordinator/{self._job}/seat/")
        return [Seat(**json.loads(text)) for text in found.values() if text]

    def write(self, seat: Seat) -> None:
        """Somebody has this place."""
        self._journal().write_note(self._seat(seat.id), json.dumps(asdict(seat)))

    def drop(self, id_: str) -> None:
        """Nobody has this place any more."""
        self._journal().write_note(self._seat(id_), "")

    def selection(self, number: int) -> Selection | None:
        """Who was selected in a round; None when nobody was yet."""
        noted = self._journal().note(self._round(number, "selected"))
        return None if noted is None else Selection(**json.loads(noted))

    def write_selection(self, number: int, selection: Selection) -> None:
        """These are selected in the round."""
        text = json.dumps(asdict(selection))
        self._journal().write_note(self._round(number, "selected"), text)

    def taken(self, number: int, account: AccountId) -> Cid | None:
        """The delivery made of an account's result; None when none was taken."""
        noted = self._journal().note(self._round(number, f"taken/{account}"))
        return None if noted is None else Cid(noted)

    def write_taken(self, number: int, account: AccountId, delivery: Cid) -> None:
        """An account's result was taken, and is this delivery."""
        self._journal().write_note(self._round(number, f"taken/{account}"), delivery)

    def _seat(self, id_: str) -> str:
        return f"coordinator/{self._job}/seat/{id_}"

    def _round(self, number: int, what: str) -> str:
        return f"coordinator/{self._job}/round/{number}/{what}"
