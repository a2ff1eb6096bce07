"""Who trains in a round: decided from what happened, without clock, chain or network.

A round begins once enough participants are connected. A fraction of them is selected at random; the
others wait. Whoever dies, is too slow or sends what is refused is replaced by one who waits. The
round is complete when as many results as were wanted are on chain and nobody is still at work.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction


class Standing(Enum):
    """What a participant is doing in the round."""

    WAITING = "waiting"
    SELECTED = "selected"  # may download, train and send
    SIGNING = "signing"  # its result was taken; its signature is not on chain yet
    DONE = "done"
    OUT = "out"  # failed in this round; the next may select it again


AT_WORK = frozenset({Standing.SELECTED, Standing.SIGNING})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a configuration asks.

    Attributes:
        fraction: of those connected to select, from above 0 to 1.
        least: connected before a round begins.
        heartbeat, training, signing, round: seconds; see the sample configuration.
    """

    fraction: float
    least: int
    heartbeat: float
    training: float
    signing: float
    round: float

    def share(self, connected: int) -> int:
        """How many results a round of so many participants wants."""
        return math.ceil(Fraction(str(self.fraction)) * max(connected, self.least))


@dataclass(slots=True)
class Participant:
    """Somebody connected.

    Attributes:
        id: its name here.
        first_round: the first in which the chain takes a result of it.
        heard: when it was last heard of, in seconds of the caller's clock.
        since: since when it has its standing.
    """

    id: str
    first_round: int
    heard: float
    standing: Standing = Standing.WAITING
    since: float = 0.0


@dataclass(slots=True)
class Rounds:
    """The state of one job, round by round.

    Attributes:
        number: the running round, from 1.
        wanted: results that the round wants; 0 before it began.
        began: when the first participant was selected.
    """

    rules: Rules
    number: int = 1
    wanted: int = 0
    began: float = 0.0
    people: dict[str, Participant] = field(default_factory=dict)
    departed: int = 0  # results of this round whose participants are gone

    # What happens

    def join(
        self, id_: str, first_round: int, now: float, standing: Standing = Standing.WAITING
    ) -> None:
        """Somebody has a place."""
        self.people[id_] = Participant(id_, first_round, now, standing, since=now)

    def hear(self, id_: str, now: float) -> Standing | None:
        """A heartbeat; None from somebody who has no place."""
        person = self.people.get(id_)
        if person is None:
            return None
        person.heard = now
        return person.standing

    def taken(self, id_: str, now: float) -> None:
        """Its result was taken; what is missing is its signature on chain."""
        if self._standing(id_) is Standing.SELECTED:
            self._set(id_, Standing.SIGNING, now)

    def delivered(self, id_: str, number: int, now: float) -> None:
        """Its result for a round is on chain."""
        if id_ in self.people and number == self.number:
            self._set(id_, Standing.DONE, now)

    def fail(self, id_: str, now: float) -> None:
        """It will not deliver in this round."""
        if self._standing(id_) in AT_WORK:
            self._set(id_, Standing.OUT, now)

    def leave(self, id_: str) -> None:
        """It is gone; its result, if it delivered one, still counts."""
        person = self.people.pop(id_, None)
        if person is not None and person.standing is Standing.DONE:
            self.departed += 1

    def expire(self, now: float) -> list[str]:
        """Let time pass. Returns: who is gone, so that their places can be given up."""
        for person in list(self.people.values()):
            limit = self._patience(person.standing)
            if limit is not None and now - person.since >= limit:
                self._set(person.id, Standing.OUT, now)
        gone = [p.id for p in self.people.values() if now - p.heard >= self.rules.heartbeat]
        for id_ in gone:
            self.leave(id_)
        return gone

    def select(self, rng: random.Random, now: float) -> list[str]:
        """Select as many as are missing, at random among those who wait. Returns: the selected."""
        if self.wanted == 0:
            if len(self._able()) < self.rules.least:
                return []
            self.wanted, self.began = self.rules.share(len(self._able())), now
        elif self._overdue(now) and not self.done:
            self._second_chance(now)
        self._want_less()
        waiting = [p.id for p in self._able() if p.standing is Standing.WAITING]
        missing = self.wanted - self.done - sum(p.standing in AT_WORK for p in self._able())
        chosen = rng.sample(waiting, min(max(missing, 0), len(waiting)))
        for id_ in chosen:
            self._set(id_, Standing.SELECTED, now)
        return chosen

    def begin(self, number: int, now: float) -> None:
        """The next round."""
        self.number, self.wanted, self.departed = number, 0, 0
        for id_ in self.people:
            self._set(id_, Standing.WAITING, now)

    def go_on(self, wanted: int, departed: int, now: float) -> None:
        """The round had begun before a restart, wanting so many, and so many of those who
        delivered are gone."""
        self.wanted, self.departed, self.began = wanted, departed, now

    # What follows

    @property
    def done(self) -> int:
        """Results of this round that are on chain."""
        return self.departed + sum(p.standing is Standing.DONE for p in self.people.values())

    def is_complete(self, now: float) -> bool:
        """Whether the round can be closed."""
        if self.wanted == 0 or self.done == 0:
            return False
        at_work = any(p.standing in AT_WORK for p in self.people.values())
        return (self.done >= self.wanted and not at_work) or self._overdue(now)

    def next_deadline(self) -> float:
        """When `expire` or `is_complete` may answer otherwise, if nothing happens before."""
        times = [p.heard + self.rules.heartbeat for p in self.people.values()]
        for person in self.people.values():
            limit = self._patience(person.standing)
            if limit is not None:
                times.append(person.since + limit)
        if self.wanted:
            times.append(self.began + self.rules.round)
        return min(times, default=math.inf)

    def _overdue(self, now: float) -> bool:
        return now - self.began >= self.rules.round

    def _second_chance(self, now: float) -> None:
        """Nobody delivered in the whole time: whoever failed may try again."""
        self.began = now
        for person in self.people.values():
            if person.standing is Standing.OUT:
                self._set(person.id, Standing.WAITING, now)

    def _want_less(self) -> None:
        """Those who went cannot be waited for; what was wanted at first is never exceeded."""
        connected = len(self._able()) + self.departed
        self.wanted = min(self.wanted, self.rules.share(connected))

    def _able(self) -> list[Participant]:
        return [p for p in self.people.values() if p.first_round <= self.number]

    def _patience(self, standing: Standing) -> float | None:
        if standing is Standing.SELECTED:
            return self.rules.training
        return self.rules.signing if standing is Standing.SIGNING else None

    def _standing(self, id_: str) -> Standing | None:
        person = self.people.get(id_)
        return None if person is None else person.standing

    def _set(self, id_: str, standing: Standing, now: float) -> None:
        person = self.people[id_]
        person.standing, person.since = standing, now
