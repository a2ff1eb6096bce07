"""Compressed differences: what a method keeps, what it may lose, and what is refused."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load_file, save_file

from decentralml.learning.compression import (
    FLOAT16,
    INT8,
    METHODS,
    TOPK,
    Compression,
    kept,
    write_update,
)
from decentralml.learning.decompression import open_update
from decentralml.learning.errors import (
    DtypeMismatch,
    LayerMismatch,
    MalformedModel,
    MalformedUpdate,
    NotFinite,
    ResultRefused,
    ShapeMismatch,
    TooLarge,
)
from decentralml.learning.inspection import check_readable
from decentralml.learning.layers import Layers
from decentralml.learning.limits import ModelLimits
from decentralml.learning.updates import InMemory, read_whole
from decentralml.learning.weights import WeightsHeader, save_weights

LARGE = 3 * (1 << 16) + 5
"""Numbers of a layer that is read in several blocks, the last of them short."""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """An update file from ``base`` to ``new``."""

    def make(base: Layers, new: Layers, method: str = FLOAT16, fraction: float = 0.5) -> Path:
        path = tmp_path / "update.safetensors"
        write_update(path, InMemory(base), new, Compression(method, fraction))
        return path

    return make


def read_back(base: Layers, path: Path) -> Layers:
    return read_whole(open_update(path, InMemory(base)))


def normal(size: int | tuple[int, ...], scale: float = 1) -> np.ndarray:
    return (np.random.default_rng(5).standard_normal(size) * scale).astype(np.float32)


# What a method keeps

differences = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40),
    elements=st.floats(-1e4, 1e4, width=32),
)


def lost(change: np.ndarray, method: str, fraction: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """What is lost of a difference to zeros: as the reader sees it, and as the writer is told."""
    base = {"a": np.zeros_like(change)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "update.safetensors"
        told = write_update(path, InMemory(base), {"a": change}, Compression(method, fraction))
        return change - read_back(base, path)["a"], told["a"]


@given(differences)
def test_float16_loses_at_most_half_a_unit_in_the_eleventh_bit(change: np.ndarray) -> None:
    error, _ = lost(change, FLOAT16)
    assert (np.abs(error) <= np.maximum(np.abs(change) * 2.0**-11, 2.0**-25)).all()


@given(differences)
def test_int8_loses_at_most_half_a_step_of_its_256_numbers(change: np.ndarray) -> None:
    error, _ = lost(change, INT8)
    for start in range(0, change.size, 256):
        block = slice(start, start + 256)
        step = np.abs(change.reshape(-1)[block]).max() / 127
        assert np.abs(error.reshape(-1)[block]).max() <= 0.5001 * step + 1e-43


@given(differences, st.floats(0.01, 1))
def test_topk_keeps_the_largest_changes_exactly_and_loses_all_others(
    change: np.ndarray, fraction: float
) -> None:
    error, _ = lost(change, TOPK, fraction)
    sizes, count = np.abs(change.reshape(-1)), kept(change.size, fraction)
    missing = error.reshape(-1) != 0
    assert np.count_nonzero(~missing) >= count
    np.testing.assert_array_equal(error.reshape(-1)[missing], change.reshape(-1)[missing])
    assert sizes[missing].max(initial=0) <= np.sort(sizes)[::-1][:count].min(initial=np.inf)


@given(differences, st.sampled_from(METHODS))
def test_what_is_told_to_be_lost_is_what_the_reader_lacks(change: np.ndarray, method: str) -> None:
    error, told = lost(change, method, 0.3)
    np.testing.assert_allclose(told, error, rtol=1e-5, atol=1e-6 * np.abs(change).max(initial=0))


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_of_several_blocks_is_moved_as_a_whole(write: Write, method: str) -> None:
    base, change = {"a": normal(LARGE)}, normal(LARGE, 0.01)[::-1]
    path = write(base, {"a": base["a"] + change}, method, 1.0)
    np.testing.assert_allclose(read_back(base, path)["a"], base["a"] + change, atol=2e-4)


@given(start=st.integers(0, 3000), length=st.integers(0, 3000), method=st.sampled_from(METHODS))
def test_any_block_is_that_part_of_the_whole(start: int, length: int, method: str) -> None:
    base = {"a": normal(6000)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "update.safetensors"
        write_update(path, InMemory(base), {"a": base["a"] * 2}, Compression(method, 0.1))
        moved = open_update(path, InMemory(base))
        part = moved.block("a", start, start + length)
        assert part.tolist() == moved.block("a", 0, 6000)[start : start + length].tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_the_model_s_number_type_stays(write: Write, method: str, dtype: type) -> None:
    base = {"a": np.ones(4, dtype)}
    assert read_back(base, write(base, {"a": base["a"] * 2}, method))["a"].dtype == dtype


@pytest.mark.parametrize("method", METHODS)
def test_a_block_cannot_be_written_to(write: Write, method: str) -> None:
    base = {"a": np.ones(4, np.float32)}
    moved = open_update(write(base, base, method), InMemory(base))
    with pytest.raises(ValueError, match="read-only"):
        moved.block("a", 0, 1)[0] = 3


def test_a_tenth_of_the_numbers_takes_a_fifth_of_the_bytes_and_int8_a_quarter(
    write: Write,
) -> None:
    base = {"a": np.zeros(100_000, np.float32)}
    new = {"a": normal(100_000)}
    sizes = {
        method: write(base, new, method, 0.1).stat().st_size / 400_000
        for method in (FLOAT16, INT8, TOPK)
    }
    assert sizes == pytest.approx({FLOAT16: 0.5, INT8: 0.2539, TOPK: 0.2}, abs=1e-3)


def test_what_was_lost_comes_with_the_next_difference(tmp_path: Path) -> None:
    path, base = tmp_path / "update.safetensors", {"a": np.zeros(4, np.float32)}
    one = Compression(TOPK, 0.25)
    change = {"a": np.array([4, 0, 3, 0], np.float32)}
    rest = write_update(path, InMemory(base), change, one)
    assert read_back(base, path)["a"].tolist() == [4, 0, 0, 0]
    assert rest["a"].tolist() == [0, 0, 3, 0]
    rest = write_update(path, InMemory(base), {"a": np.array([1, 0, 1, 0], np.float32)}, one, rest)
    assert read_back(base, path)["a"].tolist() == [0, 0, 4, 0]
    assert rest["a"].tolist() == [1, 0, 0, 0]


def test_topk_sends_at_least_one_number_of_a_layer_that_has_any() -> None:
    assert [kept(size, 0.001) for size in (0, 1, 1000, 1001)] == [0, 1, 1, 2]
    assert kept(7, 1.0) == 7


# What cannot be written


@pytest.mark.parametrize("fraction", [0, -0.1, 1.0001, float("nan")])
def test_a_fraction_outside_0_to_1_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction"):
        Compression(TOPK, fraction)


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'zip'.*float16"):
        Compression("zip")


def test_the_largest_half_precision_change_is_written_and_a_larger_one_is_not(
    write: Write,
) -> None:
    base = {"a": np.zeros(1, np.float32)}
    write(base, {"a": np.array([65504], np.float32)})
    with pytest.raises(ValueError, match="'a' changed by more than float16"):
        write(base, {"a": np.array([65505], np.float32)})


@pytest.mark.parametrize(
    ("new", "error"),
    [
        ({"b": np.zeros(1, np.float32)}, LayerMismatch),
        ({"a": np.zeros(2, np.float32)}, ShapeMismatch),
        ({"a": np.zeros(1)}, DtypeMismatch),
        ({"a": np.array([np.nan], np.float32)}, NotFinite),
    ],
)
def test_a_model_that_does_not_fit_is_not_written(
    write: Write, tmp_path: Path, new: Layers, error: type[ResultRefused]
) -> None:
    with pytest.raises(error):
        write({"a": np.zeros(1, np.float32)}, new)
    assert not list(tmp_path.iterdir())


# What strangers write

BASE = {"a": np.ones(600, np.float32)}


def hostile(tmp_path: Path, tensors: Layers, note: object = None, method: str = TOPK) -> Path:
    path = tmp_path / "update.safetensors"
    text = json.dumps({"method": method}) if note is None else str(note)
    save_file(tensors, path, {"decentralml_update": text})
    return path


def sparse(indices: object, values: object = None, **changed: np.ndarray) -> Layers:
    indices = np.asarray(indices, np.uint32)
    values = np.ones(len(indices), np.float32) if values is None else np.asarray(values)
    return {"indices/a": indices, "values/a": values, **changed}


def test_the_first_and_the_last_number_can_be_named(tmp_path: Path) -> None:
    path = hostile(tmp_path, sparse([0, 599]))
    assert np.flatnonzero(read_back(BASE, path)["a"] == 2).tolist() == [0, 599]


def test_a_difference_may_name_no_number(tmp_path: Path) -> None:
    assert (read_back(BASE, hostile(tmp_path, sparse([])))["a"] == 1).all()


SPARSE_FAULTS = {
    "an index beyond the layer": (sparse([0, 600]), MalformedUpdate, "index 600"),
    "an index twice": (sparse([5, 5]), MalformedUpdate, "do not rise"),
    "indices that fall": (sparse([5, 4]), MalformedUpdate, "do not rise"),
    "more indices than numbers": (sparse(np.arange(601)), MalformedUpdate, "601 indices"),
    "a value too few": (sparse([1, 2], np.ones(1, np.float32)), MalformedUpdate, "2 indices"),
    "signed indices": (
        {"indices/a": np.zeros(1, np.int8), "values/a": np.ones(1, np.float32)},
        DtypeMismatch,
        "int8",
    ),
    "double values": (sparse([1], np.ones(1)), DtypeMismatch, "float64"),
    "indices in a square": (
        {"indices/a": np.array([[1]], np.uint32), "values/a": np.ones(1, np.float32)},
        ShapeMismatch,
        "indices/a",
    ),
    "no values": ({"indices/a": np.zeros(1, np.uint32)}, LayerMismatch, "values/a"),
    "another layer": (sparse([1], more=np.ones(1, np.float32)), LayerMismatch, "more"),
}


@pytest.mark.parametrize(("tensors", "error", "words"), SPARSE_FAULTS.values(), ids=SPARSE_FAULTS)
def test_a_difference_that_topk_does_not_write_is_refused(
    tmp_path: Path, tensors: Layers, error: type[ResultRefused], words: str
) -> None:
    with pytest.raises(error, match=words):
        open_update(hostile(tmp_path, tensors), InMemory(BASE))


def test_indices_must_rise_across_the_blocks_in_which_they_are_read(tmp_path: Path) -> None:
    base, indices = {"a": np.zeros(LARGE, np.float32)}, np.arange(LARGE)
    assert (read_back(base, hostile(tmp_path, sparse(indices)))["a"] == 1).all()
    indices[1 << 16] = indices[(1 << 16) - 1]
    with pytest.raises(MalformedUpdate, match="do not rise"):
        open_update(hostile(tmp_path, sparse(indices)), InMemory(base))


def scaled(scales: object, values: np.ndarray | None = None) -> Layers:
    values = np.ones(600, np.int8) if values is None else values
    return {"scales/a": np.asarray(scales, np.float32), "values/a": values}


QUANTISED_FAULTS = {
    "a scale that is no number": (scaled([1, np.nan, 1]), MalformedUpdate, "scale"),
    "an infinite scale": (scaled([1, 1, np.inf]), MalformedUpdate, "scale"),
    "a scale below zero": (scaled([-1, 1, 1]), MalformedUpdate, "scale"),
    "a scale too few": (scaled([1, 1]), ShapeMismatch, "scales/a"),
    "a scale too many": (scaled([1, 1, 1, 1]), ShapeMismatch, "scales/a"),
    "values of another shape": (scaled([1, 1, 1], np.ones(599, np.int8)), ShapeMismatch, "values"),
    "half-precision values": (
        scaled([1, 1, 1], np.ones(600, np.float16)),
        DtypeMismatch,
        "values/a",
    ),
    "no scales": ({"values/a": np.ones(600, np.int8)}, LayerMismatch, "scales/a"),
}


@pytest.mark.parametrize(
    ("tensors", "error", "words"), QUANTISED_FAULTS.values(), ids=QUANTISED_FAULTS
)
def test_a_difference_that_int8_does_not_write_is_refused(
    tmp_path: Path, tensors: Layers, error: type[ResultRefused], words: str
) -> None:
    with pytest.raises(error, match=words):
        open_update(hostile(tmp_path, tensors, method=INT8), InMemory(BASE))


@pytest.mark.parametrize(
    ("tensors", "method"),
    [
        ({"values/a": np.full(600, np.nan, np.float16)}, FLOAT16),
        ({"values/a": np.full(600, np.inf, np.float16)}, FLOAT16),
        (sparse([7], np.array([np.nan], np.float32)), TOPK),
        (scaled([3e38] * 3, np.full(600, 127, np.int8)), INT8),
    ],
)
def test_a_difference_that_leads_to_no_finite_model_is_found_when_it_is_read(
    tmp_path: Path, tensors: Layers, method: str
) -> None:
    moved = open_update(hostile(tmp_path, tensors, method=method), InMemory(BASE))
    with pytest.raises(NotFinite):
        check_readable(moved)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "[]",
        "{}",
        '{"method": "zip"}',
        '{"method": ["topk"]}',
        '{"method": "topk", "more": 1}',
        '{"method": "topk"}' + " " * 1024,
    ],
)
def test_a_header_that_names_no_method_is_refused(tmp_path: Path, note: str) -> None:
    with pytest.raises(MalformedUpdate):
        open_update(hostile(tmp_path, sparse([1]), note), InMemory(BASE))


def test_a_file_of_weights_is_no_difference(tmp_path: Path) -> None:
    save_file(BASE, tmp_path / "update.safetensors")
    with pytest.raises(MalformedUpdate):
        open_update(tmp_path / "update.safetensors", InMemory(BASE))


def test_a_type_that_no_method_writes_is_refused(tmp_path: Path) -> None:
    path = hostile(tmp_path, {"values/a": np.ones(600, np.int64)}, method=INT8)
    with pytest.raises(MalformedModel, match="I64"):
        open_update(path, InMemory(BASE))


def test_a_file_above_the_limit_is_refused_unread(write: Write) -> None:
    path = write(BASE, BASE)
    size = path.stat().st_size
    open_update(path, InMemory(BASE), ModelLimits(file_bytes=size))
    with pytest.raises(TooLarge):
        open_update(path, InMemory(BASE), ModelLimits(file_bytes=size - 1))


@pytest.mark.parametrize("method", METHODS)
def test_as_many_layers_as_the_limit_pass_and_one_more_is_refused(
    write: Write, method: str
) -> None:
    path = write({"a": BASE["a"], "b": BASE["a"]}, {"a": BASE["a"], "b": BASE["a"]}, method)
    base = InMemory({"a": BASE["a"], "b": BASE["a"]})
    open_update(path, base, ModelLimits(layers=2))
    with pytest.raises((TooLarge, LayerMismatch)):
        open_update(path, base, ModelLimits(layers=0))


def test_other_tools_can_read_the_file(write: Write) -> None:
    found = load_file(write(BASE, {"a": BASE["a"] + 2}, TOPK, 0.01))
    assert found["indices/a"].size == 6
    assert found["values/a"].tolist() == [2] * 6


def test_the_documented_script_leaves_an_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "compressed-updates.md"
    (script,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    model = tmp_path / "model.safetensors"
    save_weights(model, BASE, WeightsHeader(examples=1))
    monkeypatch.setenv("MODEL_PATH", str(model))
    monkeypatch.setenv("RESULT_DIR", str(tmp_path))
    exec(compile(script, str(page), "exec"), {})
    moved = read_back(BASE, tmp_path / "update.safetensors")["a"]
    assert np.count_nonzero(moved != 1) == 30
