"""The example of five floats, every participant a process of its own, paid on chain."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import ResultStatus
from decentralml.compat.coordinator.settings import load, sample, toml
from decentralml.learning.models import read_layers
from decentralml.types import TaskId
from pallets_mock.testing import DevChain

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "xain"
TOKEN = 10**12
ROUNDS, SELECTED = 5, 3


@pytest.fixture
def chain() -> Iterator[DevChain]:
    with DevChain() as chain:
        yield chain


class Scene:
    """The example's processes, ended with the test."""

    def __init__(self, chain: DevChain, folder: Path, stack: ExitStack) -> None:
        self.chain, self.folder, self.stack = chain, folder, stack

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        person = self.folder / f"person-{len(list(self.folder.glob('person-*')))}"
        person.mkdir()
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("DECENTRALML_")},
            "DECENTRALML_NODE": self.chain.url,
            "DECENTRALML_WORKSPACE": str(person / "workspace"),
            "DECENTRALML_STORE": str(person / "store"),
            "PYTHON": sys.executable,
            **variables,
        }
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.stack.callback(end, process)
        return process

    def coordinator(self, config: Path) -> tuple[subprocess.Popen[str], str]:
        """A coordinator, and its address once it answers."""
        running = self.start(
            *(sys.executable, "-m", "decentralml.cli.main", "coordinator"),
            *("--config", str(config), "--key", "//Alice"),
            DECENTRALML_PASSWORD="not a secret here",
        )
        assert running.stderr is not None
        for line in running.stderr:
            found = re.search(r"coordinator at (http://\S+),", line)
            if found:
                # Nobody else reads what it says: a full pipe would stop it.
                Thread(target=running.stderr.read, daemon=True).start()
                return running, found[1]
        raise AssertionError("the coordinator ended at once")

    def participant(self, url: str, seed: int, **variables: str) -> subprocess.Popen[str]:
        return self.start(
            str(EXAMPLE / "run-participant"),
            *("--upper-bound", "1000", "--coordinator-url", url),
            *("--heartbeat-period", "0.2", "--seed", str(seed), "--samples", str(50 + seed)),
            **variables,
        )


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.communicate()


def config(folder: Path) -> Path:
    """The example's own, with ports of its own and fewer rounds."""
    text = (EXAMPLE / "coordinator.toml").read_text().replace("rounds = 10", f"rounds = {ROUNDS}")
    path = folder / "coordinator.toml"
    path.write_text(text + "\n[coordinator]\nport = 0\n[aggregator]\nport = 0\n")
    return path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_mean_falls_towards_zero_and_every_result_is_paid(
    chain: DevChain, tmp_path: Path
) -> None:
    with ExitStack() as stack, Node(chain.url) as node:
        scene, market = Scene(chain, tmp_path, stack), Market(node)
        running, url = scene.coordinator(config(tmp_path))
        people = [scene.participant(url, seed) for seed in range(3)]
        people += [
            scene.participant(url, seed=3, DECENTRALML_KEY="//Bob"),
            scene.participant(url, seed=4, DECENTRALML_KEY="//Charlie"),
        ]
        said = [person.communicate(timeout=200) for person in people]
        assert running.wait(timeout=60) == 0

        assert [person.returncode for person in people] == [0] * 5, said
        means = []
        for number in range(1, ROUNDS + 1):
            (model,) = tmp_path.glob(f"*/workspace/*/*/tasks/0/round-{number}/federated/*")
            (weights,) = read_layers(model).values()
            assert weights.shape == (5,)
            assert len(set(weights.tolist())) == 1
            means.append(float(weights[0]))
        assert means[0] < 1000
        assert all(before > after > 0 for before, after in itertools.pairwise(means))
        assert np.load(tmp_path / "final-weights.npy").tolist() == [means[-1]] * 5

        task, results = market.task(TaskId(0)), market.results_of(TaskId(0))
        assert {(r.status, r.paid) for r in results} == {(ResultStatus.ACCEPTED, TOKEN)}
        assert sorted(r.round for r in results) == [n + 1 for n in range(ROUNDS) for _ in range(3)]
        assert (task.paid, task.owed) == (ROUNDS * SELECTED * TOKEN, 0)
        accounts = {r.worker for r in results}
        earned = {a: sum(r.worker == a for r in results) * TOKEN for a in accounts}
        assert {a: market.reputation(a).earned for a in accounts} == earned
        answers = sum(out.count("answered") for out, _ in said)
        assert answers == ROUNDS * SELECTED


def test_the_examples_configuration_is_one_of_the_samples_kind() -> None:
    asked = load(EXAMPLE / "coordinator.toml")
    everything = toml.loads(sample())

    toml_keys = set(toml.loads((EXAMPLE / "coordinator.toml").read_text()))
    assert (asked.participants.fraction, asked.participants.least) == (0.6, 5)
    assert toml_keys <= set(everything)
