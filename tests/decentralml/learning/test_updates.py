"""Arrays read in pieces: from memory and from files, the same numbers either way."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.learning.errors import FileChanged, MalformedModel
from decentralml.learning.layers import Layers, LayerSpec, template_of
from decentralml.learning.updates import (
    FileUpdate,
    InFile,
    InMemory,
    Scratch,
    parameters_of,
    read_layer,
    read_whole,
    spans,
)

LAYERS: Layers = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.array(7, np.float64),
    "empty": np.zeros((0, 4), np.float16),
    "half": np.array([1.5, -2], np.float16),
}


@pytest.fixture
def raw(tmp_path: Path) -> InFile:
    """LAYERS in a file, one after another after three bytes that make all of them unaligned."""
    path, offsets = tmp_path / "raw", {}
    with path.open("wb") as file:
        file.write(b"...")
        for name, array in LAYERS.items():
            offsets[name] = file.tell()
            file.write(array.tobytes())
    return InFile(path, template_of(LAYERS), offsets)


def test_a_file_gives_the_numbers_that_were_written_to_it(raw: InFile) -> None:
    found = read_whole(raw)
    assert list(found) == list(LAYERS)
    for name, array in LAYERS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)


@given(data=st.data())
def test_any_block_is_that_part_of_the_flattened_layer(data: st.DataObject) -> None:
    model = InMemory(LAYERS)
    name = data.draw(st.sampled_from(list(LAYERS)))
    stop = data.draw(st.integers(0, LAYERS[name].size))
    start = data.draw(st.integers(0, stop))
    assert model.block(name, start, stop).tolist() == LAYERS[name].reshape(-1)[start:stop].tolist()


def test_a_block_of_a_file_is_that_part_of_the_flattened_layer(raw: InFile) -> None:
    assert raw.block("matrix", 2, 5).tolist() == [2, 3, 4]
    assert raw.block("matrix", 6, 6).tolist() == []
    assert raw.block("scalar", 0, 1).tolist() == [7]
    assert raw.block("empty", 0, 0).dtype == np.float16


@pytest.mark.parametrize("name", ["matrix", "scalar"])
def test_blocks_cannot_be_written_to(raw: InFile, name: str) -> None:
    for model in (raw, InMemory(LAYERS), FileUpdate(raw, 1)):
        with pytest.raises(ValueError, match="read-only"):
            model.block(name, 0, 1)[0] = 1


def test_the_arrays_given_to_memory_stay_writable() -> None:
    array = np.zeros(2, np.float32)
    InMemory({"a": array})
    array[0] = 1


def test_a_file_that_was_written_to_after_its_check_is_not_read(raw: InFile) -> None:
    with raw.path.open("r+b") as file:
        file.write(b"!")
    os.utime(raw.path, ns=(1, 1))  # A clock may be too coarse to see two writes in one tick.
    with pytest.raises(FileChanged):
        raw.block("matrix", 0, 1)


def test_a_file_that_was_replaced_after_its_check_is_not_read(raw: InFile) -> None:
    times = raw.path.stat().st_mtime_ns
    other = raw.path.with_name("other")
    other.write_bytes(raw.path.read_bytes())
    os.utime(other, ns=(times, times))
    other.replace(raw.path)
    with pytest.raises(FileChanged):
        raw.block("matrix", 0, 1)


def test_a_file_that_was_truncated_after_its_check_is_an_error_and_not_zeros(raw: InFile) -> None:
    os.truncate(raw.path, 10)
    with pytest.raises(FileChanged):
        raw.block("matrix", 0, 6)


def test_a_layer_may_end_where_the_file_ends_and_not_one_byte_later(raw: InFile) -> None:
    size = raw.path.stat().st_size
    template = {"last": LayerSpec((2,), "float16")}
    assert InFile(raw.path, template, {"last": size - 4}).block("last", 0, 2).tolist() == [1.5, -2]
    with pytest.raises(MalformedModel, match="'last'"):
        InFile(raw.path, template, {"last": size - 3})


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    limit = len(list(Path("/proc/self/fd").iterdir())) + 10
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, old[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, old)


def test_blocks_of_more_files_than_there_are_descriptors_can_be_held(
    raw: InFile, few_descriptors: int
) -> None:
    models = [InFile(raw.path, raw.template, raw.offsets) for _ in range(3 * few_descriptors)]
    held = [model.block("matrix", 0, 6) for model in models]
    assert all(block.tolist() == [0, 1, 2, 3, 4, 5] for block in held)


def test_an_update_has_at_least_one_example() -> None:
    assert InMemory(LAYERS, 1).examples == 1
    with pytest.raises(ValueError, match="at least 1"):
        InMemory(LAYERS, 0)


def test_an_update_s_arrays_are_its_model_s(raw: InFile) -> None:
    update = FileUpdate(raw, 12, "ann")
    assert update.template == raw.template
    assert read_layer(update, "matrix").tolist() == LAYERS["matrix"].tolist()


def test_a_layer_without_dimensions_counts_as_one_number() -> None:
    assert parameters_of(InMemory(LAYERS).template) == 6 + 1 + 0 + 2


def test_spans_cover_a_layer_once_and_in_order() -> None:
    assert list(spans(5, 2)) == [(0, 2), (2, 4), (4, 5)]
    assert list(spans(4, 2)) == [(0, 2), (2, 4)]
    assert list(spans(0, 2)) == []


def test_memory_that_is_used_again_gives_each_block_as_it_is(raw: InFile) -> None:
    scratch = Scratch()
    for model in (raw, FileUpdate(raw, 1), FileUpdate(InMemory(LAYERS), 1), InMemory(LAYERS)):
        for name, array in LAYERS.items():
            flat = array.reshape(-1)
            for start, stop in ((0, flat.size), (0, 1), (1, flat.size)):
                block = scratch.block(model, name, min(start, flat.size), min(stop, flat.size))
                assert block.dtype == array.dtype
                assert block.tolist() == flat[start:stop].tolist()
                assert not block.flags.writeable


def test_memory_is_taken_once(raw: InFile) -> None:
    scratch = Scratch()
    first = scratch.block(raw, "matrix", 0, 3)
    assert np.shares_memory(first, scratch.block(raw, "matrix", 3, 6))
    assert first.tolist() == [3, 4, 5]  # no longer the block that it was
