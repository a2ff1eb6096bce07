"""A whole secure job on a chain with the real runtime: sums are right, single updates unseen."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.models import read_layers
from decentralml.roles.participant import Training
from decentralml.roles.secure.message import MASKED
from decentralml.roles.secure.settings import SecureSettings, rounds_for, write_secure
from decentralml.types import BlockNumber, Round, TaskId
from tests.decentralml.roles.test_job import Crowd, run
from tests.decentralml.roles.town import REWARD, Town, adding, an_offer

NAMES = ["Bob", "Charlie", "Dave", "Eve"]


@pytest.fixture
def crowd(town: Town) -> Iterator[Crowd]:
    with contextlib.closing(Crowd(town)) as crowd:
        yield crowd


def post(town: Town, trainings: int, slots: int = 4, **terms: object) -> TaskId:
    bundle = town.bundle()
    write_secure(bundle, SecureSettings(threshold=0.6, min_members=3))
    offer = an_offer(**{"rounds": rounds_for(trainings), "slots": slots, **terms})
    return town.creator("Alice").create_task(bundle, offer, model=town.base_model()).task


def kernel(model: Path) -> float:
    return float(read_layers(model)["dense/bias"][0])


def test_the_sum_is_the_weighted_mean_of_all_updates(town: Town, crowd: Crowd) -> None:
    task = post(town, trainings=2)
    for at, name in enumerate(NAMES, 1):
        crowd.join(name, task, adding(step=float(at), examples=at))

    report = run(town, task)

    # (1*1 + 2*2 + 3*3 + 4*4) / 10 = 3 in each of two trainings.
    assert report.ended == "every round is done"
    assert kernel(report.rounds[-1].model) == pytest.approx(6, abs=1e-6)
    assert [r.figures.get("examples") for r in report.rounds] == [None, None, None, 10, None, 10]
    assert {town.market("Alice").reputation(town.address(n)).earned for n in NAMES} == {6 * REWARD}
    assert not crowd.errors
