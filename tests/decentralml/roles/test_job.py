"""A creator's whole job, round after round, by the real runtime."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from decentralml.chain.records import AutoAccept, Delegated, TaskStatus
from decentralml.errors import DecentralMLError
from decentralml.learning import curves
from decentralml.learning.models import read_layers
from decentralml.roles.job_plan import JobReport, Plan
from decentralml.roles.participant import Train
from decentralml.types import BlockNumber, Round, TaskId
from pallets_mock.testing import DevChain
from tests.decentralml.roles.town import BASE, REWARD, Town, adding, an_offer

BOUND = 120  # seconds within which every job of these tests must be over


def post(town: Town, name: str = "Alice", **terms: object) -> TaskId:
    offer = an_offer(**{"rounds": 3, **terms})
    return town.creator(name).create_task(town.bundle(), offer, model=town.base_model()).task


class Crowd:
    """Participants in threads of their own, all stopped at the end."""

    def __init__(self, town: Town) -> None:
        self.town, self._ended = town, threading.Event()
        self._threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def join(self, name: str, task: TaskId, train: Train | None = None) -> None:
        self.run(
            lambda: self.town.participant(name, train or adding(1.0)).take_part(
                task, stop=self._ended.is_set
            )
        )

    def run(self, what: Callable[[], object]) -> None:
        def guarded() -> None:
            try:
                what()
            except DecentralMLError as error:
                self.errors.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def ended(self) -> threading.Event:
        return self._ended

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(BOUND)
            assert not thread.is_alive()


@pytest.fixture
def crowd(town: Town) -> Iterator[Crowd]:
    crowd = Crowd(town)
    with contextlib.closing(crowd):
        yield crowd


def run(town: Town, task: TaskId, name: str = "Alice", **plan: object) -> JobReport:
    over = threading.Event()
    timer = threading.Timer(BOUND, over.set)
    timer.start()
    try:
        return town.creator(name).run_job(task, Plan(**plan), stop=over.is_set)  # type: ignore[arg-type]
    finally:
        timer.cancel()


def bias(model: Path) -> Mapping[str, float]:
    return {"accuracy": float(read_layers(model)["dense/bias"][0]) / 10}


def test_a_job_goes_through_all_its_rounds_and_everybody_is_paid_for_each(
    town: Town, crowd: Crowd
) -> None:
    task = post(town)
    crowd.join("Bob", task, adding(1.0, examples=30))
    crowd.join("Charlie", task, adding(5.0, examples=10))

    report = run(town, task, evaluate=bias)

    assert report.ended == "every round is done"
    assert [done.number for done in report.rounds] == [1, 2, 3]
    for done in report.rounds:  # (30 x 1 + 10 x 5) / 40 = 2 a round
        assert done.figures == {"accuracy": pytest.approx(0.2 * done.number)}
        assert done.base == {"accuracy": pytest.approx(0.2 * (done.number - 1))}
        assert {p.worker: p.examples for p in done.used} == {
            town.address("Bob"): 30,
            town.address("Charlie"): 10,
        }
    assert report.best is not None
    assert report.best.round == 3
    np.testing.assert_allclose(read_layers(report.best.model)["dense/bias"], BASE["dense/bias"] + 6)
    market = town.market("Alice")
    assert market.task(task).status is TaskStatus.COMPLETED
    assert market.task(task).paid == 6 * REWARD
    assert {w: (e.accepted, e.paid) for w, e in report.earned.items()} == {
        town.address("Bob"): (3, 3 * REWARD),
        town.address("Charlie"): (3, 3 * REWARD),
    }
