"""The main job makes sense: disjoint data, and a federated model better than each one alone."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import pytest

from assets_templates.mnist.job import Plan, make_job
from decentralml.learning.datasets import load_digits, load_sklearn_digits, mnist_folder
from decentralml.learning.models import read_layers
from examples.mnist.federate_locally import tell

SMALL = Plan(rounds=1, contributor_examples=1500, engineer_examples=200, items=4)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_federated_model_is_better_than_each_contributor_s_alone(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    job = make_job(tmp_path / "job", load_digits(mnist_folder()), SMALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        (scores,) = tell(job, tmp_path / "work")
    assert len(scores.alone) == 3
    assert scores.federated > max(scores.alone.values()) + 0.02, printed.getvalue()
    assert "annotator agrees on    100%" in printed.getvalue()


def test_nobody_has_another_person_s_examples_and_the_same_plan_gives_the_same_job(
    tmp_path: Path,
) -> None:
    pytest.importorskip("keras")
    digits = load_sklearn_digits("a test needs few")
    plan = Plan(contributors=2, contributor_examples=100, engineer_examples=50, items=8)
    first, again = (make_job(tmp_path / name, digits, plan) for name in ("first", "again"))
    people = [first.data("contributor", 1), first.data("contributor", 2), first.data("engineer", 1)]
    seen: list[bytes] = []
    for folder in people:
        with np.load(folder / "digits.npz") as shard:
            seen += [image.tobytes() for image in shard["images"]]
    # Two of the 1,797 digits could be equal pixel by pixel; none of those chosen here are.
    assert len(set(seen)) == len(seen)
    one, other = read_layers(first.base_model), read_layers(again.base_model)
    assert all((one[name] == other[name]).all() for name in one)
    with pytest.raises(FileExistsError, match="not empty"):
        make_job(tmp_path / "first", digits, plan)
