"""Rounds of many contributors: what they come to, whoever fails and whenever it is killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.simulation.errors import (
    BadSimulation,
    NoResults,
    NotMeasured,
    OtherSimulation,
    WorkersDied,
)
from decentralml.simulation.pool import Pool, ProcessPool
from decentralml.simulation.shares import numbered
from decentralml.simulation.simulate import Report, Simulation, Watch, simulate
from decentralml.simulation.turn import Job
from tests.decentralml.simulation import trainers

Simulate = Callable[..., Report]


@pytest.fixture
def run(pool_for: Callable[[Simulation], Pool], tmp_path: Path) -> Simulate:
    """Simulates in processes that are there already."""

    def run(simulation: Simulation, folder: str = "simulated", **more: Any) -> Report:
        return simulate(simulation, tmp_path / folder, pool=pool_for(simulation), **more)

    return run


def adding(model: Path, **changes: Any) -> Simulation:
    """Contributor n adds n, weighted by n: the mean of 1 to 4 is 30 / 10."""
    simulation = Simulation(
        trainers.ADD, model, numbered(4), FedAvg(), 3, measure=trainers.first_number
    )
    return replace(simulation, **changes)


def noisy(model: Path, **changes: Any) -> Simulation:
    """Contributors with random numbers."""
    return replace(
        adding(model), **{"work": trainers.NOISE, "contributors": numbered(6), **changes}
    )


def same(one: Path, other: Path) -> bool:
    """Whether two models are equal number for number."""
    a, b = read_layers(one), read_layers(other)
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


def test_each_round_begins_with_the_weighted_mean_of_the_one_before(
    run: Simulate, model: Path
) -> None:
    report = run(adding(model))
    assert report.curve("first") == [(0, 0.0), (1, 3.0), (2, 6.0), (3, 9.0)]
    layers = read_layers(report.model)
    assert (layers["a"] == 9).all()
    assert layers["b"].dtype == np.float64
    assert [(r.round, r.used, r.examples) for r in report.rounds[1:]] == [
        (1, 4, 10),
        (2, 4, 10),
        (3, 4, 10),
    ]


def test_the_same_seed_gives_the_same_model_however_many_processes_there_are(
    run: Simulate, model: Path, tmp_path: Path
) -> None:
    simulation = noisy(model, per_round=4, drop_out=0.3, seed=7)
    with ProcessPool(Job(simulation.work, simulation.measure), processes=1) as pool:
        alone = simulate(simulation, tmp_path / "alone", pool=pool)
    together = run(simulation)
    other = run(replace(simulation, seed=8), "other")
    assert same(alone.model, together.model)
    assert not same(alone.model, other.model)


def test_only_as_many_are_asked_as_a_round_has_and_some_drop_out(
    run: Simulate, model: Path
) -> None:
    simulation = adding(model, contributors=numbered(40), per_round=20, drop_out=0.5, rounds=4)
    rounds = run(simulation).rounds[1:]
    assert [each.asked for each in rounds] == [20] * 4
    assert all(each.used == 20 - each.dropped for each in rounds)
    assert 20 < sum(each.dropped for each in rounds) < 60
    assert len({each.examples for each in rounds}) > 1


def test_who_fails_or_sends_nonsense_is_named_and_the_others_count(
    run: Simulate, model: Path
) -> None:
    simulation = adding(model, work=trainers.odd_ones_work, contributors=numbered(5), rounds=1)
    report = run(simulation)
    (only,) = report.rounds[1:]
    assert only.failed == {
        "00002": "LookupError: no data for 00002",
        "00004": "LookupError: no data for 00004",
    }
    assert {name: why.split(":")[0] for name, why in only.refused.items()} == {
        "00003": "BadExampleCount",
        "00005": "CopiedWeights",
    }
    assert only.used == 1
    assert (read_layers(report.model)["a"] == 1).all()


def test_a_round_in_which_everybody_fails_ends_the_simulation_by_name(
    run: Simulate, model: Path
) -> None:
    with pytest.raises(NoResults, match=r"round 1: none of 4 .* SystemExit: cannot go on") as ended:
        run(adding(model, work=trainers.LEAVE))
    assert set(ended.value.failures) == {"00001", "00002", "00003", "00004"}


def test_a_round_from_which_everybody_drops_out_leaves_the_model_as_it_is(
    run: Simulate, model: Path
) -> None:
    report = run(adding(model, per_round=1, drop_out=0.6, rounds=8))
    values = dict(report.curve("first"))
    empty = [each.round for each in report.rounds[1:] if not each.used]
    assert 2 <= len(empty) <= 7
    for each in report.rounds[1:]:
        moved = values[each.round] - values[each.round - 1]
        assert (moved == 0) == (each.round in empty)
        assert each.dropped == 1 - each.used


def test_what_a_contributor_leaves_in_its_state_is_there_in_its_next_turn(
    run: Simulate, model: Path
) -> None:
    report = run(adding(model, work=trainers.COUNT))
    values = [value for _, value in report.curve("first")]
    assert np.diff(values) == pytest.approx([1, 2, 3], abs=1e-4)


def test_a_measure_that_fails_is_an_error_of_its_own(run: Simulate, model: Path) -> None:
    with pytest.raises(NotMeasured, match="LookupError: no test data"):
        run(adding(model, measure=trainers.cannot_measure))


def test_without_a_measure_nothing_is_measured(run: Simulate, model: Path) -> None:
    report = run(adding(model, measure=None))
    assert [each.round for each in report.rounds] == [1, 2, 3]
    assert all(each.measured == {} for each in report.rounds)


def test_the_folder_keeps_the_newest_model_and_no_results(
    run: Simulate, model: Path, tmp_path: Path
) -> None:
    report = run(adding(model))
    models = list((tmp_path / "simulated").rglob("*.safetensors"))
    assert report.model in models
    assert {path.name for path in models} <= {"model-0003.safetensors", "memory-0003.safetensors"}
    assert not (tmp_path / "simulated" / "round").exists()


def test_rounds_can_be_added_to_a_simulation(run: Simulate, model: Path) -> None:
    whole = run(noisy(model), "whole")
    run(noisy(model, rounds=1), "parts")
    parts = run(noisy(model), "parts", resume=True)
    assert same(whole.model, parts.model)
    assert [r.measured for r in parts.rounds] == [r.measured for r in whole.rounds]
    again = run(noisy(model), "parts", resume=True)
    assert again == parts


def test_a_folder_with_something_else_in_it_is_refused(
    run: Simulate, model: Path, tmp_path: Path
) -> None:
    run(adding(model, rounds=1))
    with pytest.raises(OtherSimulation, match="is not empty"):
        run(adding(model, rounds=1))
    with pytest.raises(OtherSimulation, match="another seed") as refused:
        run(adding(model, rounds=1, seed=2), resume=True)
    assert refused.value.differs == ("seed",)
    with pytest.raises(OtherSimulation, match="another work"):
        run(noisy(model, contributors=numbered(4), rounds=1), resume=True)


def test_a_worker_that_is_killed_ends_the_simulation_and_resuming_gives_the_same_model(
    run: Simulate, model: Path, tmp_path: Path
) -> None:
    simulation = noisy(model, work=trainers.DieOnce(tmp_path / "killed"))
    with pytest.raises(WorkersDied, match="fewer processes"):
        simulate(simulation, tmp_path / "simulated")
    resumed = simulate(simulation, tmp_path / "simulated", resume=True)
    assert [each.used for each in resumed.rounds[1:]] == [6, 6, 6]
    assert same(resumed.model, run(noisy(model), "never-killed").model)


def test_who_watches_hears_of_every_turn_and_every_round(run: Simulate, model: Path) -> None:
    turns: list[tuple[int, int, int]] = []
    rounds: list[int] = []
    watch = Watch(lambda *of: turns.append(of), lambda result: rounds.append(result.round))
    run(adding(model, rounds=2), watch=watch)
    assert rounds == [0, 1, 2]
    assert turns == [(number, done, 4) for number in (1, 2) for done in range(5)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contributors": []}, "there must be one"),
        ({"contributors": [*numbered(2), *numbered(1)]}, "each its own"),
        ({"per_round": 0}, "0 of 4"),
        ({"per_round": 5}, "5 of 4"),
        ({"drop_out": 1.0}, "below 1"),
        ({"drop_out": -0.1}, "below 1"),
        ({"seed": -1}, "from 0"),
        ({"hostile": {"mallory": None}}, "'mallory' is hostile"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    model: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadSimulation, match=words):
        adding(model, **changes)
