"""Accuracy by strategy when 0 to 4 of 10 contributors send wrong results.

    python -m benchmarks.byzantine [--rounds 10] [--images 1500] [--concentration C] [--wrong 4]

Ten contributors hold equal parts of MNIST (of the folder that DECENTRALML_MNIST_DIR names, else of
scikit-learn's digits); with ``--concentration`` their shares of each digit are drawn from a
Dirichlet distribution, so that honest updates differ more. Each trains a net of 784, 64 and 10
neurons with NumPy, one pass over its images a round. A wrong contributor trains as well, and sends,
with d the change that it trained:

- flipped: the round's model - 4 d
- scaled:  the round's model + 20 d
- noise:   the round's model + normal noise of standard deviation 1
- labels:  what it trained on labels y → 9 - y

The robust strategies are set to the most that ten contributors allow: Krum f = 3, Bulyan f = 1,
trimmed mean 0.3. Accuracy is that on the test images after the last round, in per cent; 10 % is
guessing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from decentralml.learning.datasets import Examples, load_digits, mnist_folder
from decentralml.learning.layers import Layers
from decentralml.learning.split import split_dirichlet, split_evenly
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.strategies.memory import ArrayMemory
from decentralml.learning.strategies.registry import named
from decentralml.learning.updates import InMemory

CONTRIBUTORS = 10
BATCH = 32
RATE = 0.1
HIDDEN = 64
SEED = 7

STRATEGIES: dict[str, tuple[str, dict[str, Any]]] = {
    "FedAvg": ("fedavg", {}),
    "FedAvgM 0.9, rate 0.3": ("fedavgm", {"momentum": 0.9, "learning_rate": 0.3}),
    "FedAdam": ("fedadam", {}),
    "norm clipping": ("norm-clipping", {}),
    "median": ("median", {}),
    "trimmed mean 0.3": ("trimmed-mean", {"trim": 0.3}),
    "geometric median": ("geometric-median", {}),
    "Krum, f = 3": ("krum", {"f": 3}),
    "Multi-Krum, f = 3": ("multi-krum", {"f": 3}),
    "Bulyan, f = 1": ("bulyan", {"f": 1}),
}

Random = np.random.Generator
Change = Callable[[Any, Any, Random], Any]
ATTACKS: dict[str, Change] = {
    "flipped": lambda base, change, _: base - 4 * change,
    "scaled": lambda base, change, _: base + 20 * change,
    "noise": lambda base, change, random: base + random.standard_normal(change.shape),
    "labels": lambda base, change, _: base + change,
}


@dataclass(frozen=True)
class Part:
    """One contributor's images, as rows of numbers from 0 to 1, and their labels."""

    images: Any
    labels: Any


def part_of(examples: Examples) -> Part:
    images = examples.images.reshape(len(examples), -1).astype(np.float32) / 255
    return Part(images, examples.labels.astype(np.int64))


def new_model(random: Random) -> Layers:
    sizes = (784, HIDDEN, 10)
    layers: Layers = {}
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        scale = np.sqrt(2 / inputs)
        layers[f"kernel {index}"] = scale * random.standard_normal((inputs, outputs))
        layers[f"bias {index}"] = np.zeros(outputs)
    return {name: array.astype(np.float32) for name, array in layers.items()}


def train(model: Layers, part: Part, labels: Any, random: Random) -> Layers:
    """One pass of stochastic gradient descent on the cross-entropy."""
    trained = {name: array.copy() for name, array in model.items()}
    w0, b0, w1, b1 = trained.values()
    # A model that wrong results blew up overflows here; it then counts as one that guesses.
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in batches(len(labels), random):
            images = part.images[rows]
            hidden = np.maximum(images @ w0 + b0, 0)
            error = softmax(hidden @ w1 + b1)
            error[np.arange(len(rows)), labels[rows]] -= 1
            error *= RATE / len(rows)
            back = (error @ w1.T) * (hidden > 0)
            w1 -= hidden.T @ error
            b1 -= error.sum(axis=0)
            w0 -= images.T @ back
            b0 -= back.sum(axis=0)
    return {name: np.nan_to_num(array) for name, array in trained.items()}


def batches(count: int, random: Random) -> Iterator[Any]:
    order = random.permutation(count)
    for start in range(0, count, BATCH):
        yield order[start : start + BATCH]


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def accuracy(model: Layers, test: Part) -> float:
    w0, b0, w1, b1 = model.values()
    with np.errstate(over="ignore", invalid="ignore"):
        answers = (np.maximum(test.images @ w0 + b0, 0) @ w1 + b1).argmax(axis=1)
    return 100 * float((answers == test.labels).mean())


def run(  # noqa: PLR0913, PLR0917 - one cell of the table
    strategy: Strategy, parts: list[Part], test: Part, rounds: int, attack: str, wrong: int
) -> float:
    random = np.random.default_rng(SEED)
    model = new_model(random)
    memory = ArrayMemory(InMemory(model).template)
    for _ in range(rounds):
        updates = [
            one_result(model, part, attack if index < wrong else "", random, f"{index:02}")
            for index, part in enumerate(parts)
        ]
        model = dict(aggregate(strategy, InMemory(model), updates, memory))
        memory = memory.next()
    return accuracy(model, test)


def one_result(model: Layers, part: Part, attack: str, random: Random, name: str) -> InMemory:
    labels = 9 - part.labels if attack == "labels" else part.labels
    trained = train(model, part, labels, random)
    if attack:
        spoil = ATTACKS[attack]
        trained = {
            layer: spoil(model[layer], array - model[layer], random).astype(np.float32)
            for layer, array in trained.items()
        }
    return InMemory(trained, len(labels), name)


def main() -> None:
    """Train every cell, print a table for each attack."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--images", type=int, default=1500, help="of each contributor")
    parser.add_argument("--concentration", type=float, default=None)
    parser.add_argument("--wrong", type=int, default=4, choices=range(5), help="at most")
    parser.add_argument("--strategy", action="append", choices=list(STRATEGIES))
    options = parser.parse_args()
    digits = load_digits(mnist_folder())
    total = min(len(digits.train), options.images * CONTRIBUTORS)
    train_set = digits.train.take(
        np.random.default_rng(SEED).permutation(len(digits.train))[:total]
    )
    if options.concentration is None:
        shares = split_evenly(total, CONTRIBUTORS, SEED)
    else:
        shares = split_dirichlet(train_set.labels, CONTRIBUTORS, options.concentration, SEED)
    parts = [part_of(train_set.take(rows)) for rows in shares]
    test = part_of(digits.test)
    chosen = options.strategy or list(STRATEGIES)
    print(f"{digits.source}; {total:,} images in all, {options.rounds} rounds")
    clean = {
        label: run(named(name, **more), parts, test, options.rounds, "", 0)
        for label, (name, more) in STRATEGIES.items()
        if label in chosen
    }
    for attack in ATTACKS if options.wrong else ["all honest"]:
        print(f"\n| {attack} | " + " | ".join(map(str, range(options.wrong + 1))) + " |")
        print("| --- " * (options.wrong + 2) + "|")
        for label in chosen:
            name, more = STRATEGIES[label]
            cells = [clean[label]] + [
                run(named(name, **more), parts, test, options.rounds, attack, wrong)
                for wrong in range(1, options.wrong + 1)
            ]
            print(f"| {label} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
