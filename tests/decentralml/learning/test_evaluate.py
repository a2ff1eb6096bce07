"""Figures on predictions, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from decentralml.learning.evaluate import accuracy, accuracy_by_label, confusion, cross_entropy

SCORES = np.array([[0.5, 0.5, 0.0], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.9, 0.1, 0.0]])
LABELS = np.array([0, 1, 1, 0])


def test_accuracy_is_the_share_of_rows_whose_highest_score_is_the_label_s() -> None:
    assert accuracy(SCORES, LABELS) == 0.75


def test_a_row_of_nan_is_wrong() -> None:
    assert accuracy(np.array([[np.nan, 0.0], [1.0, 0.0]]), np.array([0, 0])) == 0.5


def test_accuracy_by_label_names_only_labels_that_occur() -> None:
    assert accuracy_by_label(SCORES, LABELS) == {0: 1.0, 1: 0.5}


def test_confusion_counts_labels_by_prediction() -> None:
    assert confusion(SCORES, LABELS).tolist() == [[2, 0, 0], [0, 1, 1], [0, 0, 0]]


def test_cross_entropy_is_the_mean_of_the_negative_logarithms() -> None:
    expected = -(math.log(0.5) + math.log(0.8) + math.log(0.25) + math.log(0.9)) / 4
    assert cross_entropy(SCORES, LABELS) == pytest.approx(expected)


def test_cross_entropy_of_certain_error_is_finite() -> None:
    assert cross_entropy(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(36.74, abs=0.01)


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        (np.zeros((0, 3)), np.zeros(0, int)),
        (SCORES, LABELS[:3]),
        (SCORES[0], LABELS),
        (SCORES, np.array([0, 1, 1, 3])),
        (SCORES, np.array([0, 1, 1, -1])),
    ],
)
def test_scores_and_labels_that_do_not_fit_are_an_error(
    scores: np.ndarray, labels: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="labels"):
        accuracy(scores, labels)
