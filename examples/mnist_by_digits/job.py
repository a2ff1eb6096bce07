"""The job's folders: who has which digits, the task, and the model of the first round.

task/                what workers' machines run: the PyTorch template with a method's settings
first.safetensors    the model that round 1 begins with, untrained
people/<name>/       the data that a person alone has
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decentralml.learning.datasets import Digits, Examples
from decentralml.learning.split import split_by_label
from decentralml.roles.templates import new_task_folder

from .methods import Method

GROUPS: Mapping[str, tuple[int, ...]] = {
    "alice": (0, 1, 2, 3),
    "bob": (4, 5, 6),
    "charlie": (7, 8, 9),
}
EVALUATOR = "evaluator"


@dataclass(frozen=True)
class Job:
    """Where the job's folders are."""

    folder: Path

    @property
    def task(self) -> Path:
        """The bundle to post."""
        return self.folder / "task"

    @property
    def model(self) -> Path:
        """The first round's model."""
        return self.folder / "first.safetensors"

    def data(self, name: str) -> Path:
        """A person's own data."""
        return self.folder / "people" / name


def make_job(folder: Path, digits: Digits, method: Method, seed: int = 1) -> Job:
    """Makes the folders, the same again for the same arguments.

    Args:
        folder: new.
        digits: each worker gets the training images of its digits, the evaluator all test images.
        method: the settings of the task folder.
        seed: of the first model's random numbers and of the order of images.
    """
    job = Job(folder)
    new_task_folder("pytorch", job.task, {**method.settings, "seed": seed})
    parts = split_by_label(digits.train.labels, list(GROUPS.values()))
    for name, rows in zip(GROUPS, parts, strict=True):
        digits.train.take(rows).save(job.data(name) / "digits.npz")
    digits.test.save(job.data(EVALUATOR) / "digits.npz")
    command = [sys.executable, "model.py", str(job.model.resolve()), "--seed", str(seed)]
    subprocess.run(command, cwd=job.task, check=True)
    return job


def held_out(digits: Digits, count: int = 10_000) -> Digits:
    """The digits to choose settings by: ``count`` of the training images are the test images."""
    rows = np.random.default_rng(2024).permutation(len(digits.train))
    test, train = np.sort(rows[:count]), np.sort(rows[count:])
    source = f"{digits.source}, {count} of its training images held out"
    return Digits(digits.train.take(train), digits.train.take(test), source)


def fewer(digits: Digits, train: int, test: int) -> Digits:
    """The first images of each kind, for a quick run."""
    return Digits(_first(digits.train, train), _first(digits.test, test), digits.source)


def counts(labels: np.ndarray) -> str:
    """How many there are of each digit, in words."""
    kinds = [f"{digit}: {int((labels == digit).sum())}" for digit in np.unique(labels)]
    return f"{len(labels)} images; {', '.join(kinds)}"


def _first(examples: Examples, count: int) -> Examples:
    return examples.take(np.arange(min(count, len(examples))))
