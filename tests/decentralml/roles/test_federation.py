"""Checked deliveries become the next model; the creator reads what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from decentralml.chain.records import (
    Manual,
    ResultStatus,
    Schedule,
    Task,
    TaskKind,
    TaskResult,
    TaskStatus,
    Terms,
)
from decentralml.errors import NothingToFederate
from decentralml.learning.errors import MissingFile
from decentralml.learning.layers import Layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.federation import Evaluate, Measuring, RoundReport, federate_round
from decentralml.roles.verdicts import Checked
from decentralml.roles.workspace import RoundFolder
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId
from tests.decentralml.roles.town import BASE, layers_of

ONE = Round(1)
A_DAY = BlockNumber(14_400)
TASK = Task(
    id=TaskId(7),
    creator=AccountId("5Creator"),
    terms=Terms(
        kind=TaskKind.CONTRIBUTION,
        title="digits",
        bundle=Cid("bafybundle"),
        reward=Planck(10),
        slots=3,
        policy=Manual(),
        schedule=Schedule(A_DAY, A_DAY, A_DAY, A_DAY),
    ),
    model=Cid("bafymodel"),
    round=ONE,
    round_started=BlockNumber(1),
    status=TaskStatus.IN_PROGRESS,
    assigned=3,
    owed=Planck(30),
    paid=Planck(0),
    waiting=0,
    units=0,
    unsettled=3,
)

WIDER = {**BASE, "dense/bias": np.zeros(4, np.float32)}


def moved(by: float) -> Layers:
    return {name: layer + np.float32(by) for name, layer in BASE.items()}


def by_bias(model: Path) -> Mapping[str, float]:
    return {"bias": float(layers_of(model)["dense/bias"][0])}


class Bench:
    """A base model, deliveries, and the folder in which they are federated."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.round = RoundFolder(folder / "round-1")
        self.base = folder / "base.safetensors"
        save_weights(self.base, BASE, WeightsHeader(examples=1))

    def delivery(self, name: str, layers: Layers, examples: int = 10) -> Checked:
        folder = self._folder / name
        folder.mkdir()
        save_weights(folder / "weights.safetensors", layers, WeightsHeader(examples=examples))
        note = f'{{"examples": {examples}, "metrics": {{"loss": 0.5}}}}'
        (folder / "result.json").write_text(note)
        return Checked(on_chain(name), folder)

    def federate(self, *deliveries: Checked, evaluate: Evaluate | None = None) -> RoundReport:
        measuring = Measuring(evaluate)
        return federate_round(TASK, ONE, self.base, deliveries, self.round, FedAvg(), measuring)


def on_chain(worker: str) -> TaskResult:
    return TaskResult(
        task=TASK.id,
        round=ONE,
        worker=AccountId(worker),
        result=Cid("bafyresult"),
        sent=BlockNumber(5),
        status=ResultStatus.PENDING,
        reason=None,
        deadline=BlockNumber(20),
        paid=Planck(0),
        bond=Planck(0),
    )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_each_delivery_weighs_by_its_examples_and_is_measured_like_base_and_model(
    bench: Bench,
) -> None:
    bob = bench.delivery("Bob", moved(1), examples=30)
    eve = bench.delivery("Eve", moved(5), examples=10)

    report = bench.federate(bob, eve, evaluate=by_bias)

    for name, layer in layers_of(report.model).items():
        np.testing.assert_allclose(layer, BASE[name] + 2.0)
    assert report.model == bench.round.federated / "base.safetensors"
    assert [(part.worker, part.examples) for part in report.used] == [("Bob", 30), ("Eve", 10)]
    assert [part.claimed for part in report.used] == [{"loss": 0.5}] * 2
    assert [part.measured for part in report.used] == [{"bias": 1.0}, {"bias": 5.0}]
    assert (report.base, report.federated) == ({"bias": 0.0}, {"bias": 2.0})
    assert (report.task, report.round, report.refused) == (7, 1, {})


def test_without_a_measure_there_are_no_figures(bench: Bench) -> None:
    report = bench.federate(bench.delivery("Bob", moved(1)))
    assert (report.used[0].measured, report.base, report.federated) == ({}, {}, {})


def test_what_was_refused_before_and_what_federating_refuses_are_named_and_left_out(
    bench: Bench,
) -> None:
    before = Checked(on_chain("Dave"), None, MissingFile("result.json"))
    now = bench.delivery("Mallory", WIDER)

    report = bench.federate(before, bench.delivery("Bob", moved(1)), now)

    assert [part.worker for part in report.used] == ["Bob"]
    assert list(report.refused) == ["Dave", "Mallory"]
    assert report.refused[AccountId("Dave")] == "MissingFile: the result has no result.json"
    assert report.refused[AccountId("Mallory")].startswith("ShapeMismatch: ")
    np.testing.assert_allclose(layers_of(report.model)["dense/bias"], 1.0)


def test_a_refused_delivery_does_not_count_though_its_files_are_sound(bench: Bench) -> None:
    sound = bench.delivery("Dave", moved(9))
    refused = Checked(sound.result, sound.folder, MissingFile("manifest.json"))
    report = bench.federate(bench.delivery("Bob", moved(1)), refused)
    np.testing.assert_allclose(layers_of(report.model)["dense/bias"], 1.0)


def test_a_delivery_that_the_store_lacks_is_neither_used_nor_blamed(bench: Bench) -> None:
    missing = Checked(on_chain("Dave"), None, missing=True)
    report = bench.federate(missing, bench.delivery("Bob", moved(1)))
    assert ([part.worker for part in report.used], report.refused) == (["Bob"], {})


def test_a_round_without_a_usable_delivery_has_no_model_and_tells_why(bench: Bench) -> None:
    with pytest.raises(NothingToFederate, match="Dave: MissingFile") as nothing:
        bench.federate(Checked(on_chain("Dave"), None, MissingFile("result.json")))
    assert list(nothing.value.refused) == ["Dave"]
    with pytest.raises(NothingToFederate, match="none was sent"):
        bench.federate()
    assert not bench.round.federated.exists()


def test_a_round_whose_every_delivery_is_refused_while_federating_tells_why_too(
    bench: Bench,
) -> None:
    before = Checked(on_chain("Dave"), None, MissingFile("result.json"))
    with pytest.raises(NothingToFederate) as nothing:
        bench.federate(before, bench.delivery("Mallory", WIDER))
    assert list(nothing.value.refused) == ["Dave", "Mallory"]
    assert nothing.value.refused["Mallory"].startswith("ShapeMismatch: ")
    assert not bench.round.federated.exists()


def test_federating_again_replaces_the_model_and_what_an_interrupted_attempt_left(
    bench: Bench,
) -> None:
    bob = bench.delivery("Bob", moved(1))
    bench.federate(bob)
    left = bench.round.folder / "federated.tmp"
    left.mkdir()
    (left / "half").touch()

    report = bench.federate(bob, bench.delivery("Eve", moved(3)))

    np.testing.assert_allclose(layers_of(report.model)["dense/bias"], 2.0)
    left_over = sorted(bench.round.folder.iterdir())
    assert left_over == [bench.round.federated, bench.round.memory]
    assert list(bench.round.federated.iterdir()) == [report.model]
