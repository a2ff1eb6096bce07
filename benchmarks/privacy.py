"""Accuracy against privacy: MNIST under central and local differential privacy.

    DECENTRALML_MNIST_DIR=... python -m benchmarks.privacy [--contributors 1000] [--seeds 3]
        [--clips 0.1 0.3 1.0]

Contributors with 50 or so images each, all different, drawn evenly; softmax regression (7,850
numbers) from zeros; 40 rounds in which everybody takes part, five steps of gradient descent on all
of one's images in each; contributor-level epsilon for delta 1e-5 after all rounds. The aggregation
is the project's own (`learning.privacy`, `learning.strategies.driver`). The clip bound and the
server's step are chosen for each row on 5,000 training images that nobody trains on (seed 0), never
on the 10,000 test images, whose accuracy is the mean of the seeds.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
import numpy.typing as npt

from decentralml.learning.datasets import Examples, load_mnist, mnist_folder
from decentralml.learning.layers import Layers
from decentralml.learning.privacy.accountant import Releases
from decentralml.learning.privacy.central import Private
from decentralml.learning.privacy.local import privatize
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.updates import InMemory

ROUNDS = 40
STEPS = 5
RATE = 0.5
DELTA = 1e-5
HELD_OUT = 5000
SERVER_RATES = {"central": (1.0,), "local": (0.03, 0.3)}

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Data:
    """Images as rows of 785 numbers (the last is 1), each contributor's in one block."""

    people: Float32  # (contributors, images, 785)
    labels: Float32  # (contributors, images, 10): 1 for the digit
    held_out: tuple[Float32, npt.NDArray[np.int64]]
    test: tuple[Float32, npt.NDArray[np.int64]]


def rows(examples: Examples) -> tuple[Float32, npt.NDArray[np.int64]]:
    """Images as rows, labels as numbers."""
    flat = examples.images.reshape(len(examples), -1).astype(np.float32) / 255
    return np.hstack([flat, np.ones((len(flat), 1), np.float32)]), examples.labels.astype(np.int64)


def deal(train: Examples, test: Examples, contributors: int, seed: int) -> Data:
    """Deal the training images out evenly."""
    images, labels = rows(train)
    order = np.random.default_rng(seed).permutation(len(images) - HELD_OUT)
    each = min(50, len(order) // contributors)
    dealt = order[: each * contributors].reshape(contributors, each)
    ones = np.eye(10, dtype=np.float32)
    held_out = images[-HELD_OUT:], labels[-HELD_OUT:]
    return Data(images[dealt], ones[labels[dealt]], held_out, rows(test))


def trained(weights: Float32, data: Data) -> Float32:
    """Everybody's weights after their steps: (contributors, 785, 10)."""
    mine = np.repeat(weights[None], len(data.people), axis=0)
    for _ in range(STEPS):
        scores = data.people @ mine
        scores -= scores.max(axis=2, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=2, keepdims=True)
        wrong = (chances - data.labels) / data.people.shape[1]
        mine -= np.float32(RATE) * (data.people.transpose(0, 2, 1) @ wrong)
    return mine


def accuracy(weights: Float32, judged: tuple[Float32, npt.NDArray[np.int64]]) -> float:
    """Share of right answers."""
    return float(np.mean(np.argmax(judged[0] @ weights, axis=1) == judged[1]))


@dataclass(frozen=True)
class Way:
    """How privacy is kept."""

    kind: str  # "none", "central", "local"
    epsilon: float
    clip: float = 1.0
    server_rate: float = 1.0

    def noise(self) -> float:
        """The noise multiplier for its epsilon."""
        return Releases(ROUNDS).noise_for(self.epsilon, DELTA) if self.kind != "none" else 0.0

    def strategy(self, contributors: int, noise: float) -> Strategy:
        """The creator's part."""
        step = FedAvgM(momentum=0.0, learning_rate=self.server_rate)
        if self.kind == "central":
            return Private(step, self.clip, noise, contributors)
        return step if self.kind == "local" else FedAvg()

    def sent(self, base: Layers, layers: Layers, noise: float) -> Layers:
        """What a contributor sends."""
        return privatize(base, layers, self.clip, noise) if self.kind == "local" else layers


def run(way: Way, data: Data) -> Float32:
    """The weights after all rounds."""
    noise = way.noise()
    strategy = way.strategy(len(data.people), noise)
    weights = np.zeros((785, 10), np.float32)
    for _ in range(ROUNDS):
        base: Layers = {"w": weights}
        updates = [
            InMemory(way.sent(base, {"w": mine}, noise), 1, str(at))
            for at, mine in enumerate(trained(weights, data))
        ]
        weights = dict(aggregate(strategy, InMemory(base), updates))["w"]
    return weights


def chosen(way: Way, data: Data, clips: Sequence[float]) -> Way:
    """The clip bound and step with the best accuracy on the held-out images."""
    if way.kind == "none":
        return way
    rates = SERVER_RATES[way.kind]
    ways = [Way(way.kind, way.epsilon, clip, rate) for clip in clips for rate in rates]
    if len(ways) == 1:
        return ways[0]
    return max(ways, key=lambda one: accuracy(run(one, data), data.held_out))


def measured(
    train: Examples, test: Examples, contributors: int, seeds: int, clips: Sequence[float]
) -> Iterator[dict[str, object]]:
    """A row for each way."""
    first = deal(train, test, contributors, 0)
    ways = [Way("none", math.inf)]
    ways += [Way("central", epsilon) for epsilon in (8.0, 3.0, 1.0)]
    ways += [Way("local", 8.0)]
    for way in ways:
        best = chosen(way, first, clips)
        dealt = [first, *(deal(train, test, contributors, seed) for seed in range(1, seeds))]
        reached = mean(accuracy(run(best, data), data.test) for data in dealt)
        yield {
            "contributors": contributors,
            "privacy": way.kind,
            "epsilon": way.epsilon if way.kind != "none" else None,
            "noise": best.noise(),
            "clip": best.clip,
            "server_rate": best.server_rate,
            "accuracy": reached,
        }


def main() -> None:
    """Print a line for each way; ``--json`` for programs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--contributors", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--clips", type=float, nargs="+", default=[0.1, 0.3, 1.0])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = mnist_folder()
    if folder is None:
        sys.exit("name MNIST's folder in DECENTRALML_MNIST_DIR")
    digits = load_mnist(folder)
    how = arguments.contributors, arguments.seeds, arguments.clips
    for row in measured(digits.train, digits.test, *how):
        if arguments.json:
            print(json.dumps(row), flush=True)
            continue
        budget = "no privacy" if row["epsilon"] is None else f"epsilon {row['epsilon']:g}"
        print(
            f"{row['contributors']} contributors, {row['privacy']:8} {budget:11} "
            f"noise {row['noise']:7.3f}  clip {row['clip']:g}  step {row['server_rate']:g}  "
            f"{100 * float(str(row['accuracy'])):.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
