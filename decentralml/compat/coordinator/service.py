"""A coordinator at work: two ports, one thread for the market, one that watches the chain.

What happens arrives at the board, whose `Rounds` decides; this does what it decided. The event
loop answers heartbeats at once, whatever the chain is doing meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, TypeVar

from decentralml.compat.coordinator.admission import Challenges, Proof
from decentralml.compat.coordinator.board import Board
from decentralml.compat.coordinator.desk import Closed, Desk
from decentralml.compat.coordinator.errors import Busy, LateResult, NoPlace
from decentralml.compat.coordinator.http import aggregator_app, coordinator_app
from decentralml.compat.coordinator.seats import Seat
from decentralml.compat.coordinator.servers import Listener
from decentralml.compat.coordinator.settings import CoordinatorSettings
from decentralml.compat.coordinator.watch import OpenMarket, Watch
from decentralml.compat.xain.wire import encode_weights, longest_body
from decentralml.types import AccountId, BlockNumber, Cid, Round

LOG: Final = logging.getLogger("decentralml.coordinator")
LONGEST_SLEEP: Final = 60.0
MOST_MEETING: Final = 100
"""Rendez-vous that may wait for the market at the same time."""
T = TypeVar("T")

OpenDesk = Callable[[], AbstractContextManager[Desk]]


class Service:
    """One job, from its posting to its end; lives in one event loop.

    Args:
        open_desk: builds the desk, in the thread that will use it.
        open_market: connects for the watch, in a thread of its own.
        settings: the configuration.
        coordinator, aggregator: the ports.
    """

    def __init__(
        self,
        open_desk: OpenDesk,
        open_market: OpenMarket,
        settings: CoordinatorSettings,
        coordinator: Listener,
        aggregator: Listener,
    ) -> None:
        self._open_desk, self._open_market, self._settings = open_desk, open_market, settings
        self._coordinator, self._aggregator = coordinator, aggregator
        self._board, self._challenges = Board(settings), Challenges()
        self._rng = random.Random()
        self._meeting = 0
        self._market_thread = ThreadPoolExecutor(1, thread_name_prefix="market")
        self._changed, self._stopped = asyncio.Event(), False
        self._desk: Desk
        self._bodies: Path

    # Running

    async def run(self) -> None:
        """Answer until the job is finished and everybody was told, or until `stop`.

        Raises: DecentralMLError: what keeps it from going on; started again, it goes on.
        """
        with tempfile.TemporaryDirectory(prefix="decentralml-bodies-") as bodies:
            self._bodies = Path(bodies)
            context = self._open_desk()
            try:
                self._desk = await self._market(context.__enter__)
                try:
                    await self._serve()
                finally:
                    await self._market(lambda: context.__exit__(None, None, None))
            finally:
                await self._coordinator.close()
                await self._aggregator.close()
                self._market_thread.shutdown()

    def stop(self) -> None:
        """End soon; called in the event loop."""
        self._stopped = True
        self._changed.set()

    async def _serve(self) -> None:
        head = await self._market(self._restore)
        self._coordinator.serve(coordinator_app(self))
        self._aggregator.serve(aggregator_app(self))
        where = f"coordinator at {self._coordinator.url}, aggregator at {self._url}"
        LOG.info("task %d: %s", self._desk.task.id, where)
        task = self._desk.task.id
        with Watch(self._open_market, task, head, self._sent, self.stop):
            while not (self._stopped or self._board.finished):
                await self._step()
            await self._end()

    async def _step(self) -> None:
        """Whatever is to be done now; if that is nothing, wait until something happens."""
        rounds, now = self._board.rounds, time.monotonic()
        await self._vacate(rounds.expire(now))
        if self._desk.over:
            self._board.finished = True
        elif rounds.is_complete(now):
            await self._close_round()
        elif chosen := rounds.select(self._rng, now):
            number, selection = rounds.number, self._board.select(chosen)
            LOG.info("round %d: selected %s", number, self._names(chosen))
            await self._market(lambda: self._desk.seats.write_selection(number, selection))
        else:
            await self._wait()

    async def _close_round(self) -> None:
        self._board.end_round()
        closed = await self._market(self._desk.close_round)
        _tell(closed)
        if not self._desk.over:
            self._board.weights = await self._market(self._encoded)
            self._board.rounds.begin(self._desk.task.round, time.monotonic())

    async def _end(self) -> None:
        """Wait until everybody who is left was told, then free what is left of the pay."""
        if self._stopped:
            return
        LOG.info("the job is finished")
        while True:
            await self._vacate(self._board.rounds.expire(time.monotonic()))
            if self._stopped or not self._board.untold():
                break
            await self._wait()
        if not self._stopped:
            await self._market(self._desk.finish)

    async def _vacate(self, gone: Iterable[str]) -> None:
        for id_ in gone:
            seat = self._board.leave(id_)
            if seat is not None:
                LOG.warning("%s is gone", _name(seat))
                await self._market(lambda seat=seat: self._desk.admission.vacate(seat))  # type: ignore[misc]

    async def _wait(self) -> None:
        """Until something happened, or time itself changes something."""
        left = self._board.rounds.next_deadline() - time.monotonic()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), min(max(0.0, left), LONGEST_SLEEP))
        self._changed.clear()

    async def _market(self, function: Callable[[], T]) -> T:
        """What a function answers, called in the market's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._market_thread, function)

    # In the market's thread

    def _restore(self) -> BlockNumber:
        """What stood when the coordinator last ran. Returns: the newest block looked at."""
        desk, head = self._desk, self._desk.head()
        number, seats = desk.task.round, desk.seats.all()
        sent = {result.worker: result.result for result in desk.results()}
        taken = {seat.account: desk.seats.taken(number, seat.account) for seat in seats}
        self._board.rounds.begin(number, time.monotonic())
        self._board.restore(
            seats,
            desk.seats.selection(number),
            {account: cid for account, cid in taken.items() if cid is not None},
            sent,
        )
        self._board.weights = self._encoded()
        return head

    def _encoded(self) -> bytes:
        weights = self._desk.weights()
        return b"" if weights is None else encode_weights(weights)

    def _admit(self, proof: Proof | None) -> tuple[Seat, bool]:
        """A place, and whether its account has sent a result in this round already."""
        seat = self._desk.admission.admit(proof, self._challenges)
        return seat, any(result.worker == seat.account for result in self._desk.results())

    # What the two faces show: see `http.Job`

    def about(self) -> dict[str, object]:
        """The task, and a new challenge."""
        spec, task = self._settings.model.spec, self._desk.task
        return {
            "task": int(task.id),
            "genesis": self._desk.genesis,
            "challenge": self._challenges.new(),
            "keyless": self._settings.participants.keyless,
            "shape": list(spec.shape),
            "dtype": spec.dtype,
        }

    async def rendez_vous(self, proof: Proof | None) -> dict[str, object]:
        """A place for somebody."""
        if self._board.finished:
            raise NoPlace("the job is finished")
        if self._meeting >= MOST_MEETING:
            raise Busy("too many participants come at once")
        self._meeting += 1
        try:
            seat, sent = await self._market(lambda: self._admit(proof))
        finally:
            self._meeting -= 1
        if self._board.sit(seat, sent=sent):
            LOG.info("%s takes part%s", _name(seat), " by a key kept here" if seat.kept else "")
        self._changed.set()
        key = "own" if seat.kept is None else "kept"
        return {"id": seat.id, "ok": True, "key": key, "account": seat.account}

    def heartbeat(self, id_: str) -> dict[str, object]:
        """What the participant is to do."""
        if self._board.finished:
            self._changed.set()
        return self._board.heartbeat(id_)

    def start_training(self, id_: str) -> dict[str, object]:
        """Leave to train, or not."""
        return self._board.start_training(id_, self._url)

    def allows(self, id_: str, token: str) -> bool:
        """Whether this participant is selected under this token."""
        return self._board.allows(id_, token)

    def weights(self) -> bytes:
        """The global weights."""
        return self._board.weights

    def longest_body(self) -> int:
        """The most bytes that a result may have."""
        return longest_body(self._settings.model.spec)

    def patience(self) -> float:
        """Seconds that a result may take to come in."""
        return self._settings.timeouts.training

    def place_for_body(self) -> Path:
        """A file that does not exist, for a result."""
        return self._bodies / uuid.uuid4().hex

    async def take(self, id_: str, token: str, body: Path) -> dict[str, object]:
        """A result that came."""
        number, seat = Round(self._board.rounds.number), self._board.seats.get(id_)
        if seat is None or not self._board.allows(id_, token):
            raise LateResult("the round is over, or another was selected meanwhile")
        cid = await self._market(lambda: self._desk.deliver(seat, number, body))
        self._board.take(seat, number, cid)
        LOG.info("round %d: result of %s taken as %s", number, _name(seat), cid)
        self._changed.set()
        return {"task": int(self._desk.task.id), "round": int(number), "delivery": cid}

    def refused(self, id_: str, why: str) -> None:
        """A result was refused."""
        seat = self._board.seats.get(id_)
        if seat is not None:
            LOG.warning("result of %s refused: %s", _name(seat), why)
        self._board.rounds.fail(id_, time.monotonic())
        self._changed.set()

    # What the chain tells

    def _sent(self, number: int, account: AccountId, delivery: Cid) -> None:
        seat = self._board.sent(number, account, delivery)
        if seat is not None:
            LOG.info("round %d: %s sent %s", number, _name(seat), delivery)
            self._changed.set()

    # Words

    @property
    def _url(self) -> str:
        """The aggregator's address as participants reach it."""
        return (self._settings.aggregator.url or self._aggregator.url).rstrip("/")

    def _names(self, ids: Iterable[str]) -> str:
        return ", ".join(_name(self._board.seats[id_]) for id_ in ids)


def _name(seat: Seat) -> str:
    return f"{seat.account} ({seat.id[:8]}…)"


def _tell(closed: Closed) -> None:
    used, samples = len(closed.used), closed.examples
    LOG.info("round %d: averaged %d results over %d samples", closed.round, used, samples)
    for account, why in closed.refused.items():
        LOG.warning("round %d: %s is not paid: %s", closed.round, account, why)
