"""Who holds which data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.datasets import Examples, load_shards
from decentralml.simulation.errors import BadSimulation
from decentralml.simulation.shares import SPLITS, Split, flip_labels, numbered, of_folders, sharing

LABELS = np.repeat(np.arange(10), 30).astype(np.uint8)
EXAMPLES = Examples(np.arange(300).astype(np.uint8).repeat(4).reshape(300, 2, 2), LABELS)


@pytest.mark.parametrize("kind", SPLITS)
def test_every_example_is_one_contributor_s(tmp_path: Path, kind: str) -> None:
    everybody = sharing(EXAMPLES, 7, tmp_path, Split(kind, 0.5, seed=1))
    assert [each.name for each in everybody] == [each.name for each in numbered(7)]
    held = [load_shards(each.data) for each in everybody if each.data is not None]
    assert len(held) == 7
    assert sum(len(each) for each in held) == 300
    images = np.concatenate([each.images for each in held]).tolist()
    assert sorted(images) == sorted(EXAMPLES.images.tolist())


def test_the_seed_decides_the_shares_and_writing_them_again_changes_nothing(
    tmp_path: Path,
) -> None:
    def shares(folder: str, seed: int) -> list[list[int]]:
        made = sharing(EXAMPLES, 3, tmp_path / folder, Split("dirichlet", 0.5, seed))
        return [load_shards(each.data).labels.tolist() for each in made if each.data is not None]

    first = shares("a", 1)
    assert shares("a", 1) == first
    assert shares("b", 2) != first


def test_a_small_alpha_gives_each_contributor_few_labels(tmp_path: Path) -> None:
    def most(alpha: float) -> float:
        rows = Split("dirichlet", alpha, 0).rows(LABELS, 5)
        return float(np.mean([np.bincount(LABELS[own]).max() / len(own) for own in rows]))

    assert most(0.05) > 0.4
    assert most(1000) < 0.15


@pytest.mark.parametrize(
    ("split", "parts", "words"),
    [
        (Split("magic"), 2, "known: iid, by-label, dirichlet"),
        (Split("iid"), 301, "300 examples cannot be split into 301 parts"),
        (Split("dirichlet", 0.0), 2, "above 0"),
        (Split("by-label", 1.5), 2, "within 0 to 1"),
    ],
)
def test_a_split_that_cannot_be_is_refused(split: Split, parts: int, words: str) -> None:
    with pytest.raises(BadSimulation, match=words):
        split.rows(LABELS, parts)


def test_flipped_labels_are_counted_from_the_other_end_on_the_same_images(tmp_path: Path) -> None:
    flipped = flip_labels(EXAMPLES, 9)
    assert (flipped.images == EXAMPLES.images).all()
    assert flipped.labels.tolist() == [9 - label for label in LABELS.tolist()]
    made = sharing(EXAMPLES, 2, tmp_path, Split("iid", seed=1), flipped=["00002"])
    honest = sharing(EXAMPLES, 2, tmp_path / "honest", Split("iid", seed=1))
    for contributor, other, is_flipped in zip(made, honest, (False, True), strict=True):
        assert contributor.data is not None
        assert other.data is not None
        labels, true = load_shards(contributor.data).labels, load_shards(other.data).labels
        assert (labels == (9 - true if is_flipped else true)).all()


def test_subfolders_are_contributors_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("bob", "ann lee"):
        (tmp_path / name).mkdir()
    (tmp_path / "note.txt").touch()
    everybody = of_folders(tmp_path)
    assert [each.name for each in everybody] == ["ann-lee", "bob"]
    assert everybody[1].data == tmp_path / "bob"


def test_subfolders_that_get_one_name_or_none_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSimulation, match="no subfolders"):
        of_folders(tmp_path)
    for name in ("ann lee", "ann-lee"):
        (tmp_path / name).mkdir()
    with pytest.raises(BadSimulation, match="one name"):
        of_folders(tmp_path)
