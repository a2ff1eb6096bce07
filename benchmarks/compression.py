"""Compressed updates: bytes that a contributor sends, and what that costs in accuracy.

    DECENTRALML_MNIST_DIR=... python -m benchmarks.compression [--rounds 6] [--seeds 1]

The main job's model (14,410 parameters) on MNIST: three contributors with 1,000 images each, nine
tenths of each digit with one of them, the model untrained at first; FedAvg; accuracy on the 10,000
test images after each round, mean of the seeds. Every way of sending does the same work from the
same seeds: all weights (`.safetensors`; a `.keras` file with the same numbers is 154 kB larger),
and the difference by each method, with what was lost added to the next round's difference and
without. Bytes are those of the file that carries the numbers, mean over contributors and rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from assets_templates.mnist.model import as_arrays, build_model, evaluate_file, template_function
from decentralml.learning.compression import FLOAT16, INT8, TOPK, Compression, write_update
from decentralml.learning.datasets import Digits, load_digits, mnist_folder
from decentralml.learning.federate import federate
from decentralml.learning.frameworks.keras import (
    import_keras,
    load_model_safely,
    model_layers,
    save_model,
)
from decentralml.learning.layers import Layers
from decentralml.learning.models import read_layers
from decentralml.learning.split import split_mostly_by_label
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.updates import InMemory
from decentralml.learning.weights import WeightsHeader, save_weights

CONTRIBUTORS = 3
EXAMPLES = 1000
SHOWN = (1, 2, 4, 6)


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
    Way("topk 1 %, no rest", Compression(TOPK, 0.01), feedback=False),
)


class Sender:
    """One contributor."""

    def __init__(self, way: Way, data: Any, number: int) -> None:
        self._way, self._data, self._number = way, data, number
        self._rest: Layers | None = None

    def send(self, base: Path, folder: Path, seed: int) -> int:
        """Trains and leaves a result in ``folder``; the bytes of its numbers."""
        import_keras().utils.set_random_seed(seed)
        model = load_model_safely(base)
        with redirect_stdout(sys.stderr):
            template_function("train_model", "train_model")(model, self._data, batch_size=16)
        folder.mkdir()
        note = {"examples": len(self._data[1]), "metrics": {}}
        (folder / "result.json").write_text(json.dumps(note))
        return self._save(model, base, folder).stat().st_size

    def _save(self, model: Any, base: Path, folder: Path) -> Path:
        way = self._way
        if way.compression is None:
            path = folder / "weights.safetensors"
            save_weights(path, model_layers(model), WeightsHeader(examples=len(self._data[1])))
            return path
        path, before = folder / "update.safetensors", InMemory(read_layers(base))
        rest = write_update(path, before, model_layers(model), way.compression, self._rest)
        self._rest = rest if way.feedback else None
        return path


def one_job(way: Way, digits: Digits, seed: int, rounds: int) -> tuple[float, list[float]]:
    """Mean bytes of what was sent, and the accuracy after each round."""
    own = digits.train.take(np.arange(EXAMPLES * CONTRIBUTORS))
    parts = split_mostly_by_label(own.labels, CONTRIBUTORS, 0.9, seed)
    senders = [Sender(way, as_arrays(own.take(rows)), n) for n, rows in enumerate(parts)]
    sizes, accuracies = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = folder / "base.keras"
        import_keras().utils.set_random_seed(seed)
        save_model(build_model(), base)
        for number in range(rounds):
            results = [folder / f"{number}-{index}" for index in range(CONTRIBUTORS)]
            for index, result in enumerate(results):
                sizes.append(senders[index].send(base, result, seed + 100 * number + index))
            new = folder / f"{number}.keras"
            report = federate(base, results, FedAvg(), new)
            assert not report.refused, report.refused
            base = new
            accuracies.append(evaluate_file(base, digits.test))
    return mean(sizes), accuracies


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    digits = load_digits(mnist_folder())
    shown = [number for number in SHOWN if number <= options.rounds]
    print(digits.source)
    print(f"{'sent':20}{'bytes':>9}{'share':>8}" + "".join(f"{f'round {n}':>10}" for n in shown))
    whole = 0.0
    for way in WAYS:
        jobs = [one_job(way, digits, seed, options.rounds) for seed in range(options.seeds)]
        size = mean(job[0] for job in jobs)
        whole = whole or size
        accuracy = [mean(job[1][number - 1] for job in jobs) for number in shown]
        columns = "".join(f"{100 * value:9.2f}%" for value in accuracy)
        print(f"{way.name:20}{size:9,.0f}{size / whole:8.3f}{columns}", flush=True)


if __name__ == "__main__":
    main()
