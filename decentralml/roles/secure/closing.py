"""What follows from the messages of a round: pure, so that a restart comes to the same end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from decentralml.learning.errors import TooFewUpdates
from decentralml.roles.secure.request import Request, Roster, Sum, roster_of
from decentralml.roles.secure.settings import Phase, SecureSettings
from decentralml.types import AccountId, Round


@dataclass(frozen=True, slots=True)
class OpenRound:
    """A round that may be closed.

    Attributes:
        number: the round.
        phase: what it was for.
        request: what it asked for.
        settings: the task's terms.
        over: its time is over: nobody else can be waited for.
    """

    number: Round
    phase: Phase
    request: Request
    settings: SecureSettings
    over: bool


@dataclass(frozen=True, slots=True)
class Senders:
    """Who sent what, of the members with a sound message.

    Attributes:
        keys: a channel key.
        announced: an announcement.
        masked: a masked update.
        revealed: shares.
        banned: members whose secrets could not be recovered once: in no further session.
    """

    keys: Collection[AccountId] = ()
    announced: Collection[AccountId] = ()
    masked: Collection[AccountId] = ()
    revealed: Collection[AccountId] = ()
    banned: Collection[AccountId] = ()

    @property
    def present(self) -> int:
        """How many sent anything."""
        everybody = (self.keys, self.announced, self.masked, self.revealed)
        return len({member for some in everybody for member in some})


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of a round.

    Attributes:
        next: what the next round asks for.
        unmask: whether this round's shares unmask the sum of the session under way.
        lost: why a session ended without a sum; empty when none did.
    """

    next: Request
    unmask: bool = False
    lost: str = ""


def close(current: OpenRound, senders: Senders) -> Closing:
    """Close the round.

    A session of which too few stay is waited for until the round's time is over; then it is lost,
    and the job goes on with those who are there.

    Raises: TooFewUpdates: it cannot be closed yet; or nobody is left to go on with.
    """
    phase, under_way = current.phase, current.request.sum
    if phase.share is not None:
        return _after_sharing(current, senders)
    if phase.train is not None and under_way is not None:
        return _after_training(current, senders, under_way)
    if phase.unmask is not None:  # the last round
        return Closing(Request(), unmask=_is_unmasked(current, senders))
    return Closing(Request(share=_next_roster(current, senders)))


def _after_sharing(current: OpenRound, senders: Senders) -> Closing:
    unmask = _is_unmasked(current, senders)
    roster = current.request.share
    if not roster:
        return Closing(Request(), unmask)
    announced = _in_order(roster, set(senders.announced) - set(senders.banned))
    needed = current.settings.needed(len(roster))
    if len(announced) >= needed:
        return Closing(Request(sum=Sum(roster, announced)), unmask)
    _wait("announced", len(announced), needed, current, senders)
    lost = f"{len(announced)} of the {needed} members needed announced"
    return Closing(Request(), unmask, lost)


def _after_training(current: OpenRound, senders: Senders, under_way: Sum) -> Closing:
    survivors = _in_order(under_way.roster, senders.masked)
    needed = current.settings.needed(len(under_way.roster))
    enough = len(survivors) >= needed
    if not enough:
        _wait("masked updates", len(survivors), needed, current, senders)
    after = Sum(under_way.roster, under_way.announced, survivors) if enough else None
    lost = "" if enough else f"{len(survivors)} of the {needed} masked updates needed came"
    return Closing(Request(_next_roster(current, senders), after), lost=lost)


def _is_unmasked(current: OpenRound, senders: Senders) -> bool:
    under_way = current.request.sum
    if under_way is None:
        return False
    needed = current.settings.needed(len(under_way.roster))
    if len(senders.revealed) < needed:
        _wait("members' shares", len(senders.revealed), needed, current, senders)
        return False
    return True


def _next_roster(current: OpenRound, senders: Senders) -> Roster:
    """Everybody who is there, with the round of the key that holds for each.

    Raises: TooFewUpdates: they are too few for a session, however long the round has lasted.
    """
    known: Mapping[AccountId, Round] = dict(
        current.request.sum.roster if current.request.sum else ()
    )
    members = {member: known[member] for member in senders.masked if member in known}
    members |= dict.fromkeys(senders.keys, current.number)
    members = {member: sent for member, sent in members.items() if member not in senders.banned}
    if len(members) < current.settings.min_members:
        raise _too_few("members", len(members), current.settings.min_members, senders)
    return roster_of(members)


def _wait(what: str, found: int, needed: int, current: OpenRound, senders: Senders) -> None:
    if not current.over:
        raise _too_few(what, found, needed, senders)


def _too_few(what: str, found: int, needed: int, senders: Senders) -> TooFewUpdates:
    """Asks for one message more than there are, since those of another kind count nothing."""
    missing = max(1, needed - found)
    why = f"{found} of {needed} {what}"
    return TooFewUpdates("secure aggregation", senders.present + missing, senders.present, why)


def _in_order(roster: Roster, members: Collection[AccountId]) -> tuple[AccountId, ...]:
    return tuple(member for member, _ in roster if member in members)
