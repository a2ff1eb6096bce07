"""A result folder becomes an update, or is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.compression import Compression, write_update
from decentralml.learning.errors import CopiedWeights, MissingFile
from decentralml.learning.intake import Intake
from decentralml.learning.updates import InMemory, read_whole
from decentralml.learning.weights import WeightsHeader, save_weights

BASE = {"a": np.zeros(3, np.float32)}


def result(tmp_path: Path, name: str, value: float, examples: int = 5) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "result.json").write_text(f'{{"examples": {examples}}}')
    layers = {"a": np.full(3, value, np.float32)}
    save_weights(folder / "weights.safetensors", layers, WeightsHeader(examples))
    return folder


def test_an_update_is_the_contributor_s_numbers_and_examples(tmp_path: Path) -> None:
    intake = Intake(InMemory(BASE), tmp_path)
    found, update = intake.take(result(tmp_path, "1", 7, examples=9), "ann")
    assert (found.examples, update.examples, update.contributor) == (9, 9, "ann")
    assert read_whole(update)["a"].tolist() == [7, 7, 7]
    assert update.extras is None


def test_the_same_numbers_from_another_are_a_copy_of_the_first(tmp_path: Path) -> None:
    intake = Intake(InMemory(BASE), tmp_path)
    intake.take(result(tmp_path, "1", 7), "ann")
    with pytest.raises(CopiedWeights) as copied:
        intake.take(result(tmp_path, "2", 7), "eve", again=True)
    assert copied.value.original == "ann"


def test_a_second_look_at_the_same_result_is_no_copy_where_it_is_announced(tmp_path: Path) -> None:
    intake = Intake(InMemory(BASE), tmp_path)
    folder = result(tmp_path, "1", 7)
    intake.take(folder, "ann")
    assert intake.take(folder, "ann", again=True)[0].examples == 5
    with pytest.raises(CopiedWeights):
        intake.take(folder, "ann")


def test_without_a_round_s_model_any_model_is_taken_and_no_difference(tmp_path: Path) -> None:
    intake = Intake(None, tmp_path)
    assert intake.take(result(tmp_path, "1", 7), "ann")[1].template["a"].shape == (3,)
    change = tmp_path / "2"
    change.mkdir()
    (change / "result.json").write_text('{"examples": 5}')
    write_update(change / "update.safetensors", InMemory(BASE), BASE, Compression("int8"))
    with pytest.raises(MissingFile, match="change of"):
        intake.take(change, "ben")


def test_a_result_without_a_model_says_which_files_would_do(tmp_path: Path) -> None:
    folder = result(tmp_path, "1", 7)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(MissingFile, match=r"\.keras, \.safetensors or update\.safetensors"):
        Intake(InMemory(BASE), tmp_path).take(folder, "ann")
