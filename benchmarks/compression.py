"""Compressed updates: bytes that a contributor sends, and what that costs in accuracy.

    DECENTRALML_MNIST_DIR=... python -m benchmarks.compression [--rounds 30] [--seeds 3]

Ten contributors with 600 images of MNIST each, their shares of each digit drawn from a Dirichlet
distribution (0.5); a net of 784, 64 and 10 neurons (50,890 numbers), untrained at first; each
trains one pass over its images a round; results are files, federated by FedAvg as in any round.
Accuracy on the 10,000 test images after some rounds, mean of the seeds. Every way of sending begins
from the same seeds: all weights, and the difference by each method, with what was lost added to the
next round's difference and without. Bytes are those of the file that carries the numbers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks.byzantine import Part, accuracy, new_model, part_of, train
from decentralml.learning.compression import FLOAT16, INT8, TOPK, Compression, write_update
from decentralml.learning.datasets import Digits, load_digits, mnist_folder
from decentralml.learning.federate import federate
from decentralml.learning.layers import Layers
from decentralml.learning.models import read_layers
from decentralml.learning.split import split_dirichlet
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.updates import InMemory
from decentralml.learning.weights import WeightsHeader, save_weights

CONTRIBUTORS = 10
IMAGES = 600
SHOWN = (1, 3, 10, 30)


@dataclass(frozen=True)
class Way:
    """How a contributor sends."""

    name: str
    compression: Compression | None = None
    feedback: bool = True


WAYS = (
    Way("all weights"),
    Way("float16", Compression(FLOAT16)),
    Way("int8", Compression(INT8)),
    Way("topk 10 %", Compression(TOPK, 0.1)),
    Way("topk 1 %", Compression(TOPK, 0.01)),
    Way("int8, rest lost", Compression(INT8), feedback=False),
    Way("topk 10 %, rest lost", Compression(TOPK, 0.1), feedback=False),
    Way("topk 1 %, rest lost", Compression(TOPK, 0.01), feedback=False),
)


class Sender:
    """One contributor."""

    def __init__(self, way: Way, part: Part) -> None:
        self._way, self._part = way, part
        self._rest: Layers | None = None

    def send(self, base: Layers, folder: Path, random: np.random.Generator) -> int:
        """Trains and leaves a result in ``folder``; the bytes of its numbers."""
        new, count = train(base, self._part, self._part.labels, random), len(self._part.labels)
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps({"examples": count, "metrics": {}}))
        way = self._way
        if way.compression is None:
            path = folder / "weights.safetensors"
            save_weights(path, new, WeightsHeader(examples=count))
        else:
            path = folder / "update.safetensors"
            rest = write_update(path, InMemory(base), new, way.compression, self._rest)
            self._rest = rest if way.feedback else None
        return path.stat().st_size


def one_job(way: Way, digits: Digits, seed: int, rounds: int) -> tuple[float, list[float]]:
    """Mean bytes of what was sent, and the accuracy after each round."""
    random = np.random.default_rng(seed)
    own = digits.train.take(random.permutation(len(digits.train))[: IMAGES * CONTRIBUTORS])
    rows = split_dirichlet(own.labels, CONTRIBUTORS, 0.5, seed)
    senders = [Sender(way, part_of(own.take(each))) for each in rows]
    test, sizes, accuracies = part_of(digits.test), [], []
    with tempfile.TemporaryDirectory() as name:
        base, new = (Path(name) / f"{stem}.safetensors" for stem in ("base", "new"))
        save_weights(base, new_model(random), WeightsHeader(examples=1))
        for number in range(rounds):
            model = in_order(base)
            results = [Path(name) / f"{number}-{index}" for index in range(CONTRIBUTORS)]
            sizes += [
                sender.send(model, result, random)
                for sender, result in zip(senders, results, strict=True)
            ]
            report = federate(base, results, FedAvg(), new)
            assert not report.refused, report.refused
            new.replace(base)
            accuracies.append(accuracy(in_order(base), test))
    return mean(sizes), accuracies


def in_order(file: Path) -> Layers:
    """The model's layers from the first to the last, as training takes them."""
    layers = read_layers(file)
    return {name: layers[name] for name in new_model(np.random.default_rng(0))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    digits = load_digits(mnist_folder())
    shown = [number for number in SHOWN if number <= options.rounds]
    print(digits.source)
    titles = "".join(f"{f'round {number}':>10}" for number in shown)
    print(f"{'sent':22}{'bytes':>9}{'share':>8}{titles}")
    whole = 0.0
    for way in WAYS:
        jobs = [one_job(way, digits, seed, options.rounds) for seed in range(options.seeds)]
        size = mean(job[0] for job in jobs)
        whole = whole or size
        figures = (mean(job[1][number - 1] for job in jobs) for number in shown)
        columns = "".join(f"{figure:9.2f}%" for figure in figures)
        print(f"{way.name:22}{size:9,.0f}{size / whole:8.3f}{columns}", flush=True)


if __name__ == "__main__":
    main()
