"""The job that both sides do: the same arrays, data, seeds and training; NumPy only.

Overhead is measured with training that is next to nothing (a number is added to the first array,
another one for each client, since equal results would be refused as copies). Accuracy is measured
with real training: a perceptron on MNIST, plain SGD, written out here so that both sides run the
very same code.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Arrays = list[np.ndarray]
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "5 floats": [(5,)],
    "1.2 M": [(784, 1024), (1024,), (1024, 400), (400,), (400, 10), (10,)],
    "25 M": [(784, 4096), (4096,), (4096, 5312), (5312,), (5312, 10), (10,)],
}
CLIENTS_SEED = 1000
BATCH = 32
BATCHES = 20
RATE = 0.1


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes: the model's size, clients, rounds, and whether they train for real.
    """

    size: str
    clients: int
    rounds: int
    trains: bool = False

    @property
    def name(self) -> str:
        """As the command line and the table call it."""
        return f"{self.clients} x {self.size}" + (", MNIST" if self.trains else "")

    @property
    def model_bytes(self) -> int:
        """Of the arrays alone."""
        return 4 * sum(int(np.prod(shape)) for shape in SHAPES[self.size])


CASES = (
    Case("1.2 M", 3, 10, trains=True),
    Case("5 floats", 3, 10),
    Case("1.2 M", 3, 10),
    Case("25 M", 3, 4),
    Case("5 floats", 100, 4),
    Case("1.2 M", 100, 4),
    Case("25 M", 30, 2),
)


def case_named(name: str) -> Case:
    """The line of that name."""
    return next(case for case in CASES if case.name == name)


def first_arrays(size: str) -> Arrays:
    """The first model: the same on both sides."""
    generator = np.random.default_rng(7)
    return [
        (generator.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)
        if len(shape) > 1
        else np.full(shape, 1 if size == "5 floats" else 0, np.float32)
        for shape in SHAPES[size]
    ]


def training(case: Case, client: int) -> Callable[[Arrays, int], tuple[Arrays, int]]:
    """The client's `fit`: (arrays, round) → (arrays, examples)."""
    if not case.trains:
        return lambda arrays, _round: (_nudged(arrays, client), 10 + client)
    images, labels = _part(client, case.clients)
    return lambda arrays, number: (_trained(arrays, images, labels, number), len(labels))


def accuracy(arrays: Arrays) -> float:
    """On MNIST's 10,000 test images."""
    images, labels = _mnist("t10k")
    return float(np.mean(_forward(arrays, images)[-1].argmax(axis=1) == labels))


def cpu_seconds() -> float:
    """Of this process, with its threads."""
    times = os.times()
    return times.user + times.system


def peak_bytes() -> int:
    """What this process had resident at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not tell VmHWM")


def _nudged(arrays: Arrays, client: int) -> Arrays:
    arrays[0] += np.float32(1e-3 * (client + 1))
    return arrays


def _trained(arrays: Arrays, images: np.ndarray, labels: np.ndarray, number: int) -> Arrays:
    """Steps of plain SGD on cross-entropy."""
    order = np.random.default_rng(CLIENTS_SEED + number).permutation(len(labels))
    for batch in range(BATCHES):
        chosen = order[batch * BATCH : (batch + 1) * BATCH]
        _step(arrays, images[chosen], labels[chosen])
    return arrays


def _step(arrays: Arrays, images: np.ndarray, labels: np.ndarray) -> None:
    layers = _forward(arrays, images)
    scores = layers[-1] - layers[-1].max(axis=1, keepdims=True)
    slope = np.exp(scores)
    slope /= slope.sum(axis=1, keepdims=True)
    slope[np.arange(len(labels)), labels] -= 1
    slope /= len(labels)
    for index in range(len(arrays) - 2, -1, -2):
        below = layers[index // 2]
        weights, bias = below.T @ slope, slope.sum(axis=0)
        slope = (slope @ arrays[index].T) * (below > 0)
        arrays[index] -= np.float32(RATE) * weights
        arrays[index + 1] -= np.float32(RATE) * bias


def _forward(arrays: Arrays, images: np.ndarray) -> list[np.ndarray]:
    layers = [images]
    for index in range(0, len(arrays), 2):
        sums = layers[-1] @ arrays[index] + arrays[index + 1]
        layers.append(np.maximum(sums, 0) if index < len(arrays) - 2 else sums)
    return layers


def _part(client: int, clients: int) -> tuple[np.ndarray, np.ndarray]:
    images, labels = _mnist("train")
    mine = np.random.default_rng(CLIENTS_SEED).permutation(len(labels))[client::clients]
    return images[mine], labels[mine]


def _mnist(which: str) -> tuple[np.ndarray, np.ndarray]:
    folder = Path(os.environ["DECENTRALML_MNIST_DIR"])
    pixels, labels = (
        _idx(folder, f"{which}-{what}") for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    return pixels.reshape(len(labels), -1).astype(np.float32) / 255, labels


def _idx(folder: Path, name: str) -> np.ndarray:
    plain, packed = folder / name, folder / f"{name}.gz"
    data = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    sizes = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)
