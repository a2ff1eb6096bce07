"""The life of a participant: meet, wait to be selected, train, send; until the job is over."""

from __future__ import annotations

import logging
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from decentralml.assets.cid import cid_of_path
from decentralml.compat.xain.client import (
    ASK_AGAIN,
    Coordinator,
    Market,
    Place,
    Server,
    Training,
)
from decentralml.compat.xain.delivery import make_delivery
from decentralml.compat.xain.errors import (
    ChallengeExpired,
    CoordinatorGone,
    DeserializationError,
    ForeignDelivery,
    ParticipantError,
    RendezVousRefused,
    ResultNotTaken,
    SerializationError,
    TrainingError,
)
from decentralml.compat.xain.heartbeats import PATIENCE, Heartbeats
from decentralml.compat.xain.identity import Own
from decentralml.compat.xain.wire import longest_body, read_result_body
from decentralml.errors import CallRejected
from decentralml.types import Cid, Round

LOG: Final = logging.getLogger("xain-sdk.participant")
TOO_LATE: Final = frozenset({404, 409})
T = TypeVar("T")


class ParticipantABC(ABC):
    """What a participant is written as; the SDK's class of the same name."""

    @abstractmethod
    def train_round(self, training_input: Any) -> Any:
        """Train on one's own data.

        Args:
            training_input: what `deserialize_training_input` returned.

        Returns: what `serialize_training_result` takes.
        """

    @abstractmethod
    def serialize_training_result(self, training_result: Any) -> bytes | memoryview:
        """The result's bytes: the number of samples in 4 bytes, big-endian, then the local
        weights as `numpy.save` writes them."""

    @abstractmethod
    def deserialize_training_input(self, data: bytes) -> Any:
        """The global weights, as `numpy.save` wrote them; ``data`` is empty before there are
        any."""


class Run:
    """One participant at one coordinator.

    Args:
        participant: the person's code.
        url: the coordinator's.
        period: seconds between heartbeats.
        own: the participant's key; None when it has none.
    """

    def __init__(
        self, participant: ParticipantABC, url: str, period: float, own: Own | None
    ) -> None:
        self._participant, self._url, self._period, self._own = participant, url, period, own
        self._coordinator = Coordinator(url)

    def run(self) -> None:
        """Take part until the coordinator says that the job is finished."""
        try:
            while self._take_part() == "reject":
                # It was away for longer than the coordinator waits: it may come back.
                LOG.warning("the coordinator no longer knows this participant: meeting it again")
        finally:
            self._coordinator.close()

    def _take_part(self) -> str:
        market, place = self._meet()
        LOG.info("taking part in task %d for %s", market.task, _whose(place))
        with Heartbeats(self._url, place, self._period) as heart:
            LOG.info("waiting to be selected")
            while (said := heart.wait()) == "round":
                training = self._coordinator.start_training(place)
                if training is not None:
                    self._train(market, place, training)
                    LOG.info("waiting to be selected")
                heart.forget()
        LOG.info("the coordinator said: %s", said)
        if said == "finish" and self._own is not None:
            self._own.hand.leave(market.task)
        return said

    def _meet(self) -> tuple[Market, Place]:
        """A place, and the task for which it is."""
        market = self._coordinator.market()
        # From here on it is known to be one: a silence is a restart, not a wrong address.
        self._coordinator.server.patience = PATIENCE
        self._accept(market)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return market, self._coordinator.rendez_vous(self._own, market)
            except (CoordinatorGone, ChallengeExpired):
                if time.monotonic() >= end:
                    raise
                time.sleep(ASK_AGAIN)
                # Restarted, it has forgotten its challenges: ask for another.
                market = self._coordinator.market()

    def _accept(self, market: Market) -> None:
        """Sign for the task, having seen on one's own node what it is."""
        if self._own is None:
            return
        if self._own.hand.market.genesis != market.genesis:
            raise RendezVousRefused(
                f"its task is on the chain {market.genesis[:12]}…, and your node's is "
                f"{self._own.hand.market.genesis[:12]}…; name that chain's node: DECENTRALML_NODE"
            )
        self._own.hand.accept(market.task)

    def _train(self, market: Market, place: Place, training: Training) -> None:
        aggregator = Server(training.url, patience=PATIENCE)
        path = f"{place.id}/{training.token}"
        try:
            given = aggregator.get(path, most=longest_body(market.spec))
            if given.status != 200:
                LOG.warning("the selection is over: %s", given.line)
                return
            LOG.info("selected: training on %d bytes of global weights", len(given.body))
            body = self._work(given.body)
            answer = aggregator.post(path, body)
        finally:
            aggregator.close()
        if answer.status in TOO_LATE:
            LOG.warning("the result is not taken any more: %s", answer.line)
        elif answer.status != 200:
            raise ResultNotTaken(answer.status, answer.line)
        elif self._own is not None:
            said = answer.fields()
            self._sign(market, body, Round(int(said["round"])), Cid(str(said["delivery"])))

    def _work(self, data: bytes) -> bytes:
        """The person's three functions, one after another."""
        mine = self._participant
        given = _call(DeserializationError, lambda: mine.deserialize_training_input(data))
        result = _call(TrainingError, lambda: mine.train_round(given))
        return _call(SerializationError, lambda: _bytes(mine.serialize_training_result(result)))

    def _sign(self, market: Market, body: bytes, round_: Round, said: Cid) -> None:
        """Send the result's CID to the chain, once it is known to name what was sent."""
        if self._own is None:
            return
        hand = self._own.hand
        task = hand.show(market.task)
        if task.round != round_:
            LOG.warning("round %d is over: the result is not sent", round_)
            return
        with tempfile.TemporaryDirectory(dir=hand.workspace.folder, prefix="xain-") as folder:
            file = Path(folder) / "body"
            file.write_bytes(body)
            examples, layers = read_result_body(file, market.spec)
            delivery = Path(folder) / "delivery"
            own = cid_of_path(make_delivery(delivery, examples, layers, hand.manifest(task)))
        if own != said:
            raise ForeignDelivery(said, own)
        try:
            block = hand.send(market.task, round_, own)
        except CallRejected as refusal:
            LOG.warning("the chain does not take the result: %s", refusal)
            return
        LOG.info("result of round %d sent as %s (block %d)", round_, own, block)


def _call(failure: Callable[[], ParticipantError], function: Callable[[], T]) -> T:
    try:
        return function()
    except Exception as error:
        raise failure() from error


def _bytes(data: bytes | memoryview) -> bytes:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"a {type(data).__name__} is no bytes")
    return bytes(data)


def _whose(place: Place) -> str:
    if place.kept:
        return f"{place.account}, whose key the coordinator keeps: name your own by DECENTRALML_KEY"
    return place.account
