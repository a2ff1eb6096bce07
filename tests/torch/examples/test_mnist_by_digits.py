"""Digits by worker: every person a process on a chain, and the same numbers as in one process."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from decentralml.learning.datasets import Digits, Examples, load_mnist, mnist_folder
from decentralml.learning.frameworks.pytorch import load_layers, save_model, state_layers
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.strategies.memory import ArrayMemory
from decentralml.learning.strategies.scaffold import Scaffold
from decentralml.learning.updates import InMemory
from examples.mnist_by_digits import judging, measure
from examples.mnist_by_digits.job import EVALUATOR, GROUPS, counts, held_out
from examples.mnist_by_digits.methods import METHODS, MovingScaffold

ROOT = Path(__file__).parents[3]
ROUNDS = 2


@pytest.fixture
def digits(make_blots: Callable[..., Examples], tmp_path: Path) -> Digits:
    """A few images, written as MNIST's files, so that the example reads them as it reads MNIST."""
    for kind, examples in (("train", make_blots(600, 1)), ("t10k", make_blots(200, 2))):
        for name, dimensions, array in (
            ("images-idx3", 3, examples.images),
            ("labels-idx1", 1, examples.labels),
        ):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            data = bytes([0, 0, 8, dimensions]) + sizes + array.tobytes()
            path = tmp_path / "mnist" / f"{kind}-{name}-ubyte.gz"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(gzip.compress(data))
    return load_mnist(tmp_path / "mnist")


@pytest.mark.timeout(900)
def test_five_processes_on_a_chain_end_with_the_numbers_of_one_process(
    digits: Digits, tmp_path: Path
) -> None:
    folder = tmp_path / "job"
    command = [sys.executable, "-m", "examples.mnist_by_digits", "--rounds", str(ROUNDS)]
    done = subprocess.run(
        [*command, "--folder", str(folder)],
        cwd=ROOT,
        env={**os.environ, "DECENTRALML_MNIST_DIR": str(tmp_path / "mnist")},
        capture_output=True,
        text=True,
        timeout=890,
    )
    assert done.returncode == 0, done.stderr
    said = {name: said_by(name, done.stdout) for name in (*GROUPS, EVALUATOR, "creator")}
    for name, group in GROUPS.items():
        own = digits.train.labels[np.isin(digits.train.labels, group)]
        assert said[name] == [f"has {counts(own)}"]
    assert said[EVALUATOR][0] == f"has {counts(digits.test.labels)}"
    assert said["creator"][-2] == "2 rounds, 6 results paid: every round is done"
    assert rows_of(said[EVALUATOR], after=1)["bob"][:3] == ["0.0%", "100.0%", "0.0%"]
    expected = in_one_process(digits, tmp_path)
    federated = rows_of(said[EVALUATOR], after=ROUNDS)["federated"]
    assert federated[4] == f"{expected[-1][1]:.2%}"
    last = read_layers(folder / "federated.safetensors")
    simulated = read_layers(tmp_path / "simulated" / "rounds" / f"model-{ROUNDS:04}.safetensors")
    for name, array in last.items():  # sums are taken in the order of names, or of addresses
        np.testing.assert_allclose(array, simulated[name], atol=1e-6)


def in_one_process(digits: Digits, tmp_path: Path) -> list[measure.Point]:
    folder = tmp_path / "simulated"
    folder.mkdir()
    return measure.learn(METHODS["scaffold"], digits, 1, folder, (1, ROUNDS))


def said_by(name: str, printed: str) -> list[str]:
    lines = (line.split(maxsplit=1) for line in printed.splitlines())
    return [words[1] for words in lines if len(words) == 2 and words[0] == name]


def rows_of(said: list[str], after: int) -> dict[str, list[str]]:
    start = said.index(f"after round {after}: predictions in")
    rows = [re.split(r"\s+", line) for line in said[start + 2 : start + 6]]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.skipif(mnist_folder() is None, reason="DECENTRALML_MNIST_DIR names no MNIST")
def test_of_mnist_itself_the_workers_have_what_the_job_is_known_by(tmp_path: Path) -> None:
    digits = load_mnist(mnist_folder() or tmp_path)
    labels = {
        name: digits.train.labels[np.isin(digits.train.labels, group)]
        for name, group in GROUPS.items()
    }
    assert counts(labels["alice"]) == "24754 images; 0: 5923, 1: 6742, 2: 5958, 3: 6131"
    assert (len(labels["bob"]), len(labels["charlie"])) == (17181, 18065)


def test_held_out_images_are_training_images_that_nobody_trains_on(digits: Digits) -> None:
    chosen = held_out(digits, 100)
    assert len(chosen.test) == 100
    together = np.concatenate([chosen.train.images, chosen.test.images])
    before = sorted(image.tobytes() for image in digits.train.images)
    assert sorted(image.tobytes() for image in together) == before


def test_a_judgement_says_which_digits_are_answered_and_how_well(tmp_path: Path) -> None:
    net = judging._build_model()
    layers = {name: np.zeros_like(array) for name, array in state_layers(net).items()}
    layers["dense2.bias"][5] = np.log(9)  # always 5: with 9 / 18
    load_layers(net, layers)
    save_model(net, tmp_path / "five.safetensors")
    labels = np.array([5, 5, 5, 1], np.uint8)
    examples = Examples(np.zeros((4, 28, 28), np.uint8), labels)
    judged = judging.judge(tmp_path / "five.safetensors", examples)
    assert judged.shares == {"0-3": 0.0, "4-6": 1.0, "7-9": 0.0}
    assert judged.accuracy == 0.75
    assert judged.loss == pytest.approx((3 * np.log(2) + np.log(18)) / 4)
    assert judged.row("five") == "five             0.0%   100.0%     0.0%    1.242    75.00%"


def test_the_moving_scaffold_moves_as_fedavgm_and_controls_as_scaffold() -> None:
    generator = np.random.default_rng(1)
    strategies = [MovingScaffold(), Scaffold(), FedAvgM(0.8, 1.0, nesterov=True)]
    base = {"w": generator.normal(size=7).astype("f4")}
    memories = [None, None, None]
    for _ in range(3):
        updates = [
            InMemory(
                {"w": generator.normal(size=7).astype("f4")},
                examples,
                str(examples),
                extras=InMemory({"w": generator.normal(size=7).astype("f4")}),
            )
            for examples in (10, 30)
        ]
        seen = []
        for at, strategy in enumerate(strategies):
            memory = memories[at] or ArrayMemory(InMemory(base).template)
            layers = dict(aggregate(strategy, InMemory(base), updates, memory))
            memories[at] = memory.next()
            seen.append(SimpleNamespace(layers=layers, slots=memories[at].slots))
        moving, scaffold, server = seen
        np.testing.assert_array_equal(moving.layers["w"], server.layers["w"])
        np.testing.assert_array_equal(moving.slots["control"]["w"], scaffold.slots["control"]["w"])
        base = moving.layers


@pytest.mark.parametrize("name", METHODS)
def test_every_setting_of_a_method_is_one_that_the_scripts_know(
    name: str, scripts: Callable[[str], Any]
) -> None:
    known = {field.name for field in fields(scripts("train_model").Work)}
    assert set(METHODS[name].settings) <= known


def test_figures_are_kept_and_not_measured_again(
    digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def learn(_method: object, _digits: object, seed: int, _folder: Path) -> list[measure.Point]:
        calls.append(seed)
        return [(number, 0.9 + seed / 100, 0.3) for number in measure.POINTS]

    monkeypatch.setattr(measure, "learn", learn)
    methods = {"fedavg": METHODS["fedavg"]}
    for _ in range(2):
        lines = measure.measure(tmp_path / "results.jsonl", methods, digits, (1, 3))
    assert calls == [1, 3]
    assert measure.table(lines)[-1].endswith("| 92.00% | 91.00% to 93.00%, 2 seeds |")
