"""What the evaluator says of a model: which digits it answers with, and how often it is right."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import assets_templates
from decentralml.learning.datasets import Examples
from decentralml.learning.evaluate import accuracy, cross_entropy
from decentralml.learning.frameworks.pytorch import load_model_safely, predict

from .job import GROUPS

JUDGED = (1, 11, 21, 31, 40)
"""Rounds after which everything is judged."""


@dataclass(frozen=True)
class Judgement:
    """One model on the test images.

    Attributes:
        shares: group of digits → share of the predictions (0 to 1) that are one of them.
        loss: mean cross-entropy, nats.
        accuracy: 0 to 1.
    """

    shares: Mapping[str, float]
    loss: float
    accuracy: float

    def row(self, name: str) -> str:
        """One line of the table."""
        shares = "".join(f"{share:>9.1%}" for share in self.shares.values())
        return f"{name:<12}{shares}{self.loss:>9.3f}{self.accuracy:>10.2%}"


HEAD = f"{'':<12}{'0-3':>9}{'4-6':>9}{'7-9':>9}{'loss':>9}{'accuracy':>10}"


def judge(model: Path, examples: Examples) -> Judgement:
    """Judges a stranger's model file: its numbers go into a net of the evaluator's own.

    Raises: ResultRefused: the file is not sound, or not of that net.
    """
    net = load_model_safely(_build_model(), model)
    logits = predict(net, examples.images[:, None].astype("float32") / 255).astype(np.float64)
    answers = logits.argmax(axis=1)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    labels = examples.labels.astype(np.int64)
    shares = {
        f"{group[0]}-{group[-1]}": float(np.isin(answers, group).mean())
        for group in GROUPS.values()
    }
    return Judgement(shares, cross_entropy(chances, labels), accuracy(logits, labels))


def table(number: int, judged: Iterable[tuple[str, Judgement]]) -> list[str]:
    """The lines that are printed after a round."""
    rows = [judgement.row(name) for name, judgement in judged]
    return [f"after round {number}: predictions in", HEAD, *rows]


def _build_model() -> Any:
    folder = str(Path(assets_templates.__file__).parent / "pytorch")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("model").build_model()
