"""What a coordinator has in mind between two looks at the market: who is here, who may do what."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable

from decentralml.compat.coordinator.rounds import AT_WORK, Rounds, Rules, Standing
from decentralml.compat.coordinator.seats import Seat, Selection
from decentralml.compat.coordinator.settings import CoordinatorSettings
from decentralml.types import AccountId, Cid

STAND_BY: dict[str, object] = {"round": None, "state": "stand_by"}
FINISH: dict[str, object] = {"round": None, "state": "finish"}
REJECT: dict[str, object] = {"round": None, "state": "reject"}
NO_LEAVE: dict[str, object] = {"url": None, "token": None, "ok": False}


class Board:
    """The state that requests see; touched by the event loop only.

    Attributes:
        rounds: decides who trains.
        seats: places by id.
        tokens: of those selected in the running round, by id.
        taken: the deliveries made of results in the running round, by account.
        finished: whether participants are told to go.
        weights: the global weights as they are handed out.
    """

    def __init__(self, settings: CoordinatorSettings) -> None:
        asked, times = settings.participants, settings.timeouts
        self.rounds = Rounds(
            Rules(
                asked.fraction,
                asked.least,
                times.heartbeat,
                times.training,
                times.signing,
                times.round,
            )
        )
        self.seats: dict[str, Seat] = {}
        self.tokens: dict[str, str] = {}
        self.taken: dict[AccountId, Cid] = {}
        self.finished = False
        self.weights = b""
        self._told: set[str] = set()

    # Requests

    def heartbeat(self, id_: str) -> dict[str, object]:
        """What the participant is to do."""
        standing = self.rounds.hear(id_, time.monotonic())
        if self.finished:
            if standing is not None:
                self._told.add(id_)
            return FINISH
        if standing is None:
            return REJECT
        if standing is Standing.SELECTED and id_ in self.tokens:
            return {"round": self.rounds.number, "state": "round"}
        return STAND_BY

    def start_training(self, id_: str, url: str) -> dict[str, object]:
        """Leave to train at the aggregator's ``url``, or not."""
        person = self.rounds.people.get(id_)
        if person is None or person.standing is not Standing.SELECTED or id_ not in self.tokens:
            return NO_LEAVE
        return {"url": url, "token": self.tokens[id_], "ok": True}

    def allows(self, id_: str, token: str) -> bool:
        """Whether this participant is selected under this token; also once its result was taken,
        since an answer may be lost on the way."""
        person = self.rounds.people.get(id_)
        known = self.tokens.get(id_)
        if person is None or known is None or known != token:
            return False
        return person.standing in AT_WORK or person.standing is Standing.DONE

    # What happens

    def sit(self, seat: Seat, *, sent: bool) -> bool:
        """Somebody has a place. Returns: whether it is new.

        Args:
            sent: whether its account has delivered in the running round already.
        """
        now = time.monotonic()
        if seat.id in self.seats:
            self.rounds.hear(seat.id, now)
            return False
        self.seats[seat.id] = seat
        standing = Standing.OUT if sent else Standing.WAITING
        self.rounds.join(seat.id, seat.first_round, now, standing)
        return True

    def select(self, ids: Iterable[str]) -> Selection:
        """Tokens for the newly selected. Returns: all who are selected in the round."""
        self.tokens |= {id_: str(uuid.uuid4()) for id_ in ids}
        return Selection(self.rounds.wanted, dict(self.tokens))

    def take(self, seat: Seat, number: int, delivery: Cid) -> None:
        """A result was taken; with a kept key it is on chain."""
        self.taken[seat.account] = delivery
        if seat.kept is None:
            self.rounds.taken(seat.id, time.monotonic())
        else:
            self.rounds.delivered(seat.id, number, time.monotonic())

    def sent(self, number: int, account: AccountId, delivery: Cid) -> Seat | None:
        """A result is on chain. Returns: whose it is, if somebody's here; one that signed for
        something else than what was taken has not delivered."""
        seat = next((s for s in self.seats.values() if s.account == account), None)
        if seat is None or number != self.rounds.number:
            return None
        # What a kept key sends was taken here, though its block may be seen before that is noted.
        if seat.kept is not None or self.taken.get(account) == delivery:
            self.rounds.delivered(seat.id, number, time.monotonic())
        else:
            self.rounds.fail(seat.id, time.monotonic())
        return seat

    def leave(self, id_: str) -> Seat | None:
        """Somebody is gone. Returns: the place that is free."""
        self.tokens.pop(id_, None)
        return self.seats.pop(id_, None)

    def end_round(self) -> None:
        """No more results in this round."""
        self.tokens.clear()
        self.taken.clear()

    def untold(self) -> bool:
        """Whether somebody here has not heard yet that the job is finished."""
        return bool(set(self.rounds.people) - self._told)

    def restore(
        self,
        seats: Iterable[Seat],
        selection: Selection | None,
        taken: dict[AccountId, Cid],
        sent: dict[AccountId, Cid],
    ) -> None:
        """What stood when the coordinator last ran.

        Args:
            seats: who had a place.
            selection: who was selected in the running round.
            taken: results taken in it.
            sent: results of it that are on chain.
        """
        now = time.monotonic()
        self.tokens = {} if selection is None else dict(selection.tokens)
        self.taken = dict(taken)
        for seat in seats:
            self.seats[seat.id] = seat
            standing = self._standing(seat, sent)
            self.rounds.join(seat.id, seat.first_round, now, standing)
        if selection is not None:
            seated = {seat.account for seat in self.seats.values()}
            self.rounds.go_on(selection.wanted, len(set(sent) - seated), now)

    def _standing(self, seat: Seat, sent: dict[AccountId, Cid]) -> Standing:
        if seat.account in sent:
            same = sent[seat.account] == self.taken.get(seat.account)
            return Standing.DONE if same else Standing.OUT
        if seat.id not in self.tokens:
            return Standing.WAITING
        signing = seat.kept is None and seat.account in self.taken
        return Standing.SIGNING if signing else Standing.SELECTED
