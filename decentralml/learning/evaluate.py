"""How good predictions are, on arrays of any framework."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]


def accuracy(scores: Floats, labels: Labels) -> float:
    """Share (0 to 1) of rows whose highest score is the label's.

    Args:
        scores: (n, classes), probabilities or logits; NaN counts as wrong.
        labels: (n,), whole numbers from 0.

    Raises:
        ValueError: no rows, or the two do not fit.
    """
    _check(scores, labels)
    right = (scores.argmax(axis=1) == labels) & ~np.isnan(scores).any(axis=1)
    return float(np.mean(right))


def accuracy_by_label(scores: Floats, labels: Labels) -> dict[int, float]:
    """Label → accuracy on the rows with that label, for the labels that occur."""
    _check(scores, labels)
    return {
        int(label): accuracy(scores[labels == label], labels[labels == label])
        for label in np.unique(labels)
    }


def cross_entropy(probabilities: Floats, labels: Labels) -> float:
    """Mean of -ln of the probability given to the label (nats); at most about 36.7 for each row."""
    _check(probabilities, labels)
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(np.mean(-np.log(np.clip(chosen, np.finfo(np.float64).eps / 2, 1.0))))


def confusion(scores: Floats, labels: Labels) -> npt.NDArray[np.int64]:
    """(classes, classes): how often the row's label (first axis) was taken for the second."""
    _check(scores, labels)
    counts = np.zeros((scores.shape[1], scores.shape[1]), np.int64)
    np.add.at(counts, (labels, scores.argmax(axis=1)), 1)
    return counts


def _check(scores: Floats, labels: Labels) -> None:
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or not len(labels):
        raise ValueError(f"scores {scores.shape} and labels {labels.shape} do not fit")
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(f"labels reach from {labels.min()} to {labels.max()}")
