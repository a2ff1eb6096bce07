"""A model's file measured on data of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.learning.datasets import load_shards
from decentralml.learning.errors import DataNotFound
from decentralml.learning.measure import measuring


def shard(path: Path, count: int, side: int = 4) -> None:
    rows = np.arange(count, dtype=np.uint8)
    np.savez(path, images=np.ones((count, side, side), np.uint8) * rows[:, None, None], labels=rows)


def test_a_folder_s_shards_are_one_set_in_the_order_of_their_names(tmp_path: Path) -> None:
    shard(tmp_path / "b.npz", 3)
    shard(tmp_path / "a.npz", 2)
    assert load_shards(tmp_path).labels.tolist() == [0, 1, 0, 1, 2]


def test_a_folder_without_sound_shards_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match=r"no \.npz"):
        load_shards(tmp_path)
    shard(tmp_path / "a.npz", 2)
    shard(tmp_path / "b.npz", 2, side=5)
    with pytest.raises(DataNotFound, match="not of one size"):
        load_shards(tmp_path)
    np.savez(tmp_path / "b.npz", images=np.ones(3))
    with pytest.raises(DataNotFound, match="cannot be read"):
        load_shards(tmp_path)


def test_a_model_is_measured_as_keras_itself_does(
    keras: Any, base_file: Path, tmp_path: Path
) -> None:
    shard(tmp_path / "a.npz", 3)
    data = load_shards(tmp_path)
    model = keras.models.load_model(base_file)
    loss, accuracy = model.evaluate(data.images[..., None].astype("f4"), data.labels, verbose=0)
    measured = measuring(tmp_path)(base_file)
    assert measured["accuracy"] == pytest.approx(accuracy)
    assert measured["loss"] == pytest.approx(loss, rel=1e-5)
