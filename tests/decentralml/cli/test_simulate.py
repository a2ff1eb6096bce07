"""`decentralml simulate`, as it is typed: a task folder, real digits, processes."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning import curves
from decentralml.learning.datasets import load_sklearn_digits
from decentralml.learning.weights import WeightsHeader, save_weights
from tests.decentralml.cli.conftest import CommandLine

TASK = Path(__file__).parents[1] / "simulation" / "softmax_task"
Simulate = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def simulate(tmp_path: Path) -> Simulate:
    """Runs the command in a folder with a task, its first model, and data of three people."""
    pytest.importorskip("sklearn")
    shutil.copytree(TASK, tmp_path / "task")
    layers = {"weight": np.zeros((784, 10), np.float32), "bias": np.zeros(10, np.float32)}
    save_weights(tmp_path / "model.safetensors", layers, WeightsHeader(examples=1))
    found = load_sklearn_digits("a test needs few")
    for number, name in enumerate(("ann", "bob", "cem")):
        rows = np.arange(number, 300, 3)
        found.train.take(rows).save(tmp_path / "people" / name / "digits.npz")
    found.train.save(tmp_path / "all" / "digits.npz")
    found.test.save(tmp_path / "test" / "digits.npz")

    def run(*arguments: str, **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments), cwd=tmp_path, env=environment(), capture_output=True, text=True,
            timeout=110,
        )  # fmt: skip

    return run


@pytest.fixture
def there(alone: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of this process in that folder: a refusal needs none of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DECENTRALML_MNIST_DIR", raising=False)
    return alone


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "decentralml.cli.main", "simulate", *arguments]


def environment() -> dict[str, str]:
    return {n: v for n, v in os.environ.items() if n != "DECENTRALML_MNIST_DIR"}


BASE = ("task", "--model", "model.safetensors", "--processes", "1")


def test_people_with_folders_of_their_own_train_and_the_table_tells_every_round(
    simulate: Simulate, tmp_path: Path
) -> None:
    done = simulate(
        *BASE, "--data", "people", "--evaluate", "test", "--rounds", "2", "--curves", "curve.png"
    )
    assert done.returncode == 0, done.stderr
    assert "the first model: accuracy 0.1" in done.stderr
    assert "round 2: 3 of 3 results, accuracy 0." in done.stderr
    assert " round  asked  used  dropped  failed  accuracy  seconds" in done.stdout
    lines = curves.read(tmp_path / "simulation" / "rounds" / "rounds.jsonl")
    assert [line["round"] for line in lines] == [0, 1, 2]
    assert lines[-1]["measured"]["accuracy"] > 0.6
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_digits_are_split_among_so_many_and_programs_read_json(simulate: Simulate) -> None:
    done = simulate(
        *BASE, "--digits", "--clients", "20", "--split", "by-label", "--fraction", "0.5",
        "--rounds", "3", "--strategy", "fedavgm", "--strategy-option", "momentum=0.5",
        "--drop-out", "0.3", "--byzantine", "2:label-flip", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    rounds = report["rounds"][1:]
    assert [each["asked"] for each in rounds] == [10, 10, 10]
    assert sum(each["dropped"] for each in rounds) > 0
    assert rounds[-1]["measured"]["accuracy"] > 0.5
    assert Path(report["model"]).is_file()
    assert "the handwritten digits of scikit-learn" in done.stderr


def test_interrupted_it_goes_on_with_resume_alone_to_the_same_figures(
    simulate: Simulate, tmp_path: Path
) -> None:
    split = ("--data", "all", "--clients", "4", "--evaluate", "test")
    whole = simulate(*BASE, *split, "--rounds", "4", "--folder", "whole", "--json")
    lines = tmp_path / "broken" / "rounds" / "rounds.jsonl"
    running = subprocess.Popen(
        command(*BASE, *split, "--rounds", "100000", "--folder", "broken"),
        cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True,
        # Undoes what a shell does to its background jobs, of which this test run may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while len(curves.read(lines)) < 2:
            assert time.monotonic() < end
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130
    assert "run the same command to go on" in said
    rounds = max(4, len(curves.read(lines)))
    resumed = simulate("--resume", "broken", "--rounds", str(rounds), "--json")
    again = simulate(*BASE, *split, "--rounds", str(rounds), "--folder", "broken", "--json")
    assert again.stdout == resumed.stdout
    other = simulate(*BASE, *split, "--seed", "1", "--folder", "broken")
    assert other.returncode == 7
    assert "holds a simulation with another seed" in other.stderr
    assert resumed.returncode == 0, resumed.stderr
    figures = [
        [each["measured"] for each in json.loads(done.stdout)["rounds"][:5]]
        for done in (whole, resumed)
    ]
    assert figures[0] == figures[1]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "a task folder and --model are needed"),
        (BASE, 2, "either --data FOLDER or --digits"),
        ((*BASE, "--data", "all", "--digits"), 2, "either --data FOLDER or --digits"),
        ((*BASE, "--digits", "--per-round", "1", "--fraction", "1"), 2, "not both"),
        ((*BASE, "--digits", "--byzantine", "scale"), 2, "takes N:KIND"),
        ((*BASE, "--digits", "--byzantine", "1:magic"), 7, "known: sign-flip"),
        ((*BASE, "--data", "people", "--byzantine", "1:label-flip"), 2, "label-flip needs one"),
        ((*BASE, "--data", "people", "--byzantine", "4:scale"), 2, "4 of 3 contributors"),
        ((*BASE, "--data", "people", "--curves", "c.png", "--rounds", "1"), 2, "--curves needs"),
        ((*BASE, "--data", "people", "--strategy", "magic"), 7, "no strategy is named"),
        ((*BASE, "--data", "people", "--strategy-option", "x"), 2, "takes NAME=VALUE"),
        ((*BASE, "--digits", "--split", "magic"), 7, "is no split"),
        ((*BASE, "--digits", "--clients", "2000"), 7, "cannot be split into 2000"),
        ((*BASE, "--data", "test", "--evaluate", "test", "--clients", "0"), 2, "--clients"),
        (("--resume", "people"), 7, "people is not empty"),
    ],
)
@pytest.mark.usefixtures("simulate")
def test_what_does_not_fit_together_is_refused_in_a_line(
    there: CommandLine, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = there("simulate", *arguments)
    assert done.status == status, done.err
    assert words in " ".join(done.err.split())


def test_a_cluster_without_ray_is_answered_with_how_to_get_it(simulate: Simulate) -> None:
    if importlib.util.find_spec("ray") is not None:
        pytest.skip("Ray is installed here")
    done = simulate(*BASE, "--data", "people", "--ray", "local")
    assert done.returncode == 7
    assert "pip install 'decentralml[ray]'" in done.stderr
