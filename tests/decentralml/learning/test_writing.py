"""A model written layer by layer: what every reader of safetensors reads, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load

from decentralml.learning.errors import StrategyFailed
from decentralml.learning.layers import Array, Layers, template_of
from decentralml.learning.models import read_layers, write_layers
from decentralml.learning.weights import WeightsHeader, save_weights, write_weights
from decentralml.learning.writing import header_of, write_safetensors

LAYERS: Layers = {
    "half": np.array([1, -2, 3], np.float16),
    "single": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.array(4.0),
    "empty": np.zeros((0, 2), np.float32),
}
TEMPLATE = template_of(LAYERS)


def test_the_library_reads_what_was_written_layer_by_layer(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_safetensors(path, TEMPLATE, LAYERS.items(), {"who": "ann"})
    with safe_open(path, framework="np") as file:
        assert file.metadata() == {"who": "ann"}
        for name, array in LAYERS.items():
            found = file.get_tensor(name)
            assert (found.dtype, found.shape) == (array.dtype, array.shape)
            np.testing.assert_array_equal(found, array)
    assert list(tmp_path.iterdir()) == [path]


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: name != "__metadata__"),
        st.tuples(
            st.sampled_from(["float16", "float32", "float64", "int8", "uint32"]),
            st.lists(st.integers(0, 4), max_size=3),
        ),
    )
)
def test_the_library_takes_any_header(layout: dict[str, tuple[str, list[int]]]) -> None:
    layers = {name: np.ones(shape, dtype) for name, (dtype, shape) in layout.items()}
    data = b"".join(array.tobytes() for array in layers.values())
    found = load(header_of(template_of(layers), {}) + data)
    assert {name: (str(a.dtype), list(a.shape)) for name, a in found.items()} == layout


def test_arrays_begin_at_a_multiple_of_eight_bytes() -> None:
    assert {len(header_of({"a" * n: TEMPLATE["half"]}, {})) % 8 for n in range(1, 9)} == {0}


def in_turn(**changed: Array | None) -> Iterator[tuple[str, Array]]:
    layers = {**LAYERS, **changed}
    return ((name, array) for name, array in layers.items() if array is not None)


FAULTS = {
    "a layer missing in the middle": (lambda: in_turn(single=None), "in place of 'single'"),
    "the last layer missing": (lambda: in_turn(empty=None), "'empty' did not come"),
    "a layer too many": (lambda: in_turn(more=np.ones(1)), "'more'"),
    "another order": (lambda: reversed(LAYERS.items()), "in place of 'half'"),
    "another shape": (lambda: in_turn(scalar=np.ones(1)), r"\(1,\)"),
    "another type": (lambda: in_turn(scalar=np.array(4, np.float32)), "float32"),
    "a value that is not finite": (lambda: in_turn(scalar=np.array(np.nan)), "not finite"),
}


@pytest.mark.parametrize(("layers", "words"), FAULTS.values(), ids=FAULTS)
def test_what_is_no_model_of_the_template_leaves_no_file(tmp_path: Path, layers, words) -> None:
    with pytest.raises(StrategyFailed, match=words):
        write_safetensors(tmp_path / "model.safetensors", TEMPLATE, layers(), {})
    assert not list(tmp_path.iterdir())


def test_a_writer_that_fails_on_the_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(path, LAYERS, WeightsHeader(examples=3))
    old = path.read_bytes()

    def broken() -> Iterator[tuple[str, Array]]:
        yield "half", LAYERS["half"]
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write_weights(path, TEMPLATE, broken(), WeightsHeader(examples=4))
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_keras_file_is_written_layer_by_layer_too(base_file: Path, tmp_path: Path) -> None:
    base, out = read_layers(base_file), tmp_path / "out.keras"
    write_layers(base_file, ((name, array * 2) for name, array in base.items()), out)
    assert all((read_layers(out)[name] == array * 2).all() for name, array in base.items())


def test_a_keras_file_with_a_layer_missing_is_not_written(base_file: Path, tmp_path: Path) -> None:
    with pytest.raises(StrategyFailed):
        write_layers(base_file, iter(()), tmp_path / "out.keras")
    assert not list(tmp_path.iterdir())
