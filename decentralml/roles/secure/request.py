"""What a round asks of the members: part of its ``round.json``, hostile until it is checked.

::

    {"share": [["5Grw…", 1], …],              the roster: account, round in which its key was sent
     "sum": {"roster": [["5Grw…", 1], …],     of the session that goes on in this round
             "announced": [0, 2, 3],          places in the roster: who is to be in the sum
             "survivors": [0, 3]}}            whose masked updates arrived, once that is known
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.learning.secagg.errors import UnsafeRequest
from decentralml.roles.round_bundle import read_settings
from decentralml.roles.secure.settings import MOST_MEMBERS
from decentralml.types import AccountId, Round

KEY: Final = "secure"

Roster = tuple[tuple[AccountId, Round], ...]
"""Members by account, each with the round in which it sent its channel key; sorted."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A session that has been announced.

    Attributes:
        roster: its members.
        announced: those who are to be in the sum, in the roster's order.
        survivors: those whose masked updates are in it; empty while that is not known.
    """

    roster: Roster
    announced: tuple[AccountId, ...]
    survivors: tuple[AccountId, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a round asks for.

    Attributes:
        share: the roster of the session to announce; empty when there is none.
        sum: the session that is under way.
    """

    share: Roster = ()
    sum: Sum | None = None

    def to_json(self) -> dict[str, Any]:
        """For the settings of ``round.json``."""
        said: dict[str, Any] = {"share": [list(each) for each in self.share]}
        if self.sum is not None:
            roster = self.sum.roster
            said["sum"] = {
                "roster": [list(each) for each in roster],
                "announced": _places(roster, self.sum.announced),
                "survivors": _places(roster, self.sum.survivors),
            }
        return said


def read_request(settings: Path | None) -> Request:
    """What a round's ``round.json`` asks for; nothing where there is none.

    Raises:
        UnusableModel: it is no small JSON object.
        UnsafeRequest: it asks in another form.
    """
    if settings is None:
        return Request()
    asked = read_settings(settings).get("settings")
    said = asked.get(KEY) if isinstance(asked, dict) else None
    if said is None:
        return Request()
    if not isinstance(said, dict) or not {"share"} <= set(said) <= {"share", "sum"}:
        raise UnsafeRequest("it is malformed")
    return Request(_roster(said["share"]), _sum(said["sum"]) if "sum" in said else None)


def roster_of(members: Mapping[AccountId, Round]) -> Roster:
    """The roster of these members and the rounds of their keys."""
    return tuple(sorted(members.items()))


def _sum(said: object) -> Sum:
    if not isinstance(said, dict) or set(said) != {"roster", "announced", "survivors"}:
        raise UnsafeRequest("its sum is malformed")
    roster = _roster(said["roster"])
    return Sum(roster, _members(roster, said["announced"]), _members(roster, said["survivors"]))


def _roster(said: object) -> Roster:
    if not isinstance(said, list) or len(said) > MOST_MEMBERS:
        raise UnsafeRequest("its roster is malformed")
    members = [_member(each) for each in said]
    if [account for account, _ in members] != sorted({account for account, _ in members}):
        raise UnsafeRequest("its roster is not sorted, or somebody is in it twice")
    return tuple(members)


def _member(said: object) -> tuple[AccountId, Round]:
    match said:
        case [str(account), int(number)] if (
            account.isascii() and account.isalnum() and len(account) < 64 and type(number) is int
        ):
            return AccountId(account), Round(number)
    raise UnsafeRequest("a member of its roster is malformed")


def _members(roster: Roster, said: object) -> tuple[AccountId, ...]:
    places = said if isinstance(said, list) else [None]
    if not all(type(place) is int and 0 <= place < len(roster) for place in places):
        raise UnsafeRequest("it names members outside its roster")
    if places != sorted(set(places)):
        raise UnsafeRequest("it names a member twice")
    return tuple(roster[place][0] for place in places)


def _places(roster: Roster, members: Iterable[AccountId]) -> Sequence[int]:
    place = {account: at for at, (account, _) in enumerate(roster)}
    return sorted(place[member] for member in members)
