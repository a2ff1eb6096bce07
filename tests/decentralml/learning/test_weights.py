"""safetensors with a header: round trip, and every way in which a file can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from decentralml.learning.errors import MalformedModel, NotFinite, ShapeMismatch, TooLarge
from decentralml.learning.layers import template_of
from decentralml.learning.limits import ModelLimits
from decentralml.learning.weights import (
    WeightsHeader,
    open_arrays,
    read_arrays,
    read_header,
    read_specs,
    read_weights,
    save_weights,
)
from decentralml.types import Cid

LAYERS = {
    "layers/dense/vars/0": np.arange(6, dtype=np.float32).reshape(2, 3),
    "layers/dense/vars/1": np.zeros(3, np.float64),
    "scalar": np.array(0.5, np.float16),
}
HEADER = WeightsHeader(600, {"accuracy": 0.93}, 2, Cid("bafkbase"), "5Alice")
PLAIN = {"examples": 1, "metrics": {}, "round": 1, "base_model": None, "contributor": ""}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_weights(path, LAYERS, HEADER)
    return path


def with_header(path: Path, header: Any) -> Path:
    text = header if isinstance(header, str) else json.dumps(header)
    save_file({"a": np.ones(2, np.float32)}, path, {"decentralml": text})
    return path


def test_what_was_saved_is_read(file: Path) -> None:
    layers, header = read_weights(file)
    assert header == HEADER
    assert template_of(layers) == template_of(LAYERS)
    assert all((layers[name] == LAYERS[name]).all() for name in LAYERS)


def test_saving_leaves_one_file_only(file: Path) -> None:
    assert list(file.parent.iterdir()) == [file]


def test_arrays_come_in_the_template_s_order(file: Path) -> None:
    assert list(read_arrays(file, template=template_of(LAYERS))) == list(LAYERS)


def test_a_file_that_does_not_fit_the_template_is_refused(file: Path) -> None:
    template = template_of({**LAYERS, "layers/dense/vars/0": np.zeros((3, 2), np.float32)})
    with pytest.raises(ShapeMismatch):
        read_arrays(file, template=template)


def test_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(NotFinite):
        save_weights(tmp_path / "w.safetensors", {"a": np.array([np.nan], np.float32)}, HEADER)
    assert not list(tmp_path.iterdir())


def test_whole_numbers_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="int64"):
        save_weights(tmp_path / "w.safetensors", {"a": np.array([1])}, HEADER)


def test_nan_in_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": np.array([1, np.inf], np.float32)}, path)
    with pytest.raises(NotFinite, match="'a'"):
        read_arrays(path)


def test_whole_numbers_in_a_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": np.array([1])}, path)
    with pytest.raises(MalformedModel, match="I64"):
        read_arrays(path)


def test_a_file_of_other_tools_has_arrays_and_no_header(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": np.ones(2, np.float32)}, path)
    assert read_header(path) is None
    assert read_arrays(path)["a"].tolist() == [1, 1]
    with pytest.raises(MalformedModel, match="no 'decentralml' header"):
        read_weights(path)


def test_the_header_alone_can_be_read(file: Path) -> None:
    assert read_header(file) == HEADER


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 8, b"\xff\0\0\0\0\0\0\0{}", b"not safetensors at all"]
)
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(data)
    with pytest.raises((MalformedModel, TooLarge)):
        read_arrays(path)


def test_a_truncated_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(MalformedModel):
        read_arrays(file)


def test_a_file_at_the_limit_is_read_and_one_byte_less_is_too_small_a_limit(file: Path) -> None:
    size = file.stat().st_size
    read_arrays(file, ModelLimits(file_bytes=size))
    with pytest.raises(TooLarge, match=f"is {size}, the limit is {size - 1}"):
        read_arrays(file, ModelLimits(file_bytes=size - 1))


def test_a_header_longer_than_the_limit_is_refused(file: Path) -> None:
    with pytest.raises(TooLarge, match="header"):
        read_arrays(file, ModelLimits(header_bytes=10))


def test_as_many_layers_as_the_limit_are_read_and_one_more_is_refused(file: Path) -> None:
    assert len(read_specs(file, ModelLimits(layers=3))) == 3
    with pytest.raises(TooLarge, match="layers"):
        read_specs(file, ModelLimits(layers=2))


@pytest.mark.parametrize(
    "header",
    [
        "[]",
        "{",
        "{}",
        {**PLAIN, "more": 1},
        {**PLAIN, "examples": 0},
        {**PLAIN, "examples": True},
        {**PLAIN, "examples": 10**15 + 1},
        {**PLAIN, "examples": 1.0},
        {**PLAIN, "round": 0},
        {**PLAIN, "metrics": []},
        {**PLAIN, "metrics": {"a": "b"}},
        {**PLAIN, "metrics": {"a": True}},
        {**PLAIN, "base_model": 3},
        {**PLAIN, "contributor": None},
    ],
)
def test_a_header_that_nobody_here_writes_is_refused(tmp_path: Path, header: Any) -> None:
    with pytest.raises(MalformedModel, match="the header of"):
        read_weights(with_header(tmp_path / "w.safetensors", header))


def test_the_largest_count_of_examples_passes(tmp_path: Path) -> None:
    path = with_header(tmp_path / "w.safetensors", {**PLAIN, "examples": 10**15})
    assert read_weights(path)[1].examples == 10**15


def raw_file(path: Path, offsets: dict[str, list[int]], data: bytes) -> Path:
    """A safetensors file of single-precision arrays that lie where ``offsets`` says."""
    head = {
        name: {"dtype": "F32", "shape": [(end - start) // 4], "data_offsets": [start, end]}
        for name, (start, end) in offsets.items()
    }
    text = json.dumps(head).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_arrays_are_read_in_pieces_from_where_they_lie(tmp_path: Path) -> None:
    numbers = np.arange(5, dtype=np.float32)
    path = raw_file(tmp_path / "a.safetensors", {"b": [8, 20], "a": [0, 8]}, numbers.tobytes())
    found = open_arrays(path)
    assert list(found.template) == ["a", "b"]
    assert (found.block("a", 0, 2).tolist(), found.block("b", 1, 3).tolist()) == ([0, 1], [3, 4])


@pytest.mark.parametrize(
    "offsets",
    [{"a": [0, 8], "b": [12, 20]}, {"a": [0, 12], "b": [8, 20]}, {"a": [0, 8], "b": [8, 16]}],
    ids=["a gap", "an overlap", "bytes left over"],
)
def test_arrays_that_do_not_lie_one_after_another_are_refused(
    tmp_path: Path, offsets: dict[str, list[int]]
) -> None:
    with pytest.raises(MalformedModel):
        open_arrays(raw_file(tmp_path / "a.safetensors", offsets, bytes(20)))
