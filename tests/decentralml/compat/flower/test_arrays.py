"""A Flower model's list of arrays comes back as it went, whatever its number types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from decentralml.compat.flower.arrays import (
    EXACT,
    check_kinds,
    from_layers,
    kinds_of,
    read_arrays,
    to_layers,
    write_arrays,
)
from decentralml.compat.flower.errors import ClientMisbehaved, NotAFlowerJob
from decentralml.learning.errors import NotFinite

LARGEST = float(np.finfo(np.float32).max)
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
FLOATS = st.sampled_from(["float16", "float32", "float64", ">f4"]).flatmap(
    lambda kind: arrays_of.arrays(
        kind,
        SHAPES,
        elements=st.floats(-1000, 1000, width=16),
    )
)
WHOLE = st.sampled_from(["int8", "int16", "int32", "uint8", "uint16", "uint32", "bool"]).flatmap(
    lambda kind: arrays_of.arrays(kind, SHAPES)
)
LONG = arrays_of.arrays("int64", SHAPES, elements=st.integers(-EXACT, EXACT))
LISTS = st.lists(st.one_of(FLOATS, WHOLE, LONG), min_size=1, max_size=6)


@given(LISTS)
def test_every_array_comes_back_with_its_type_shape_and_numbers(arrays: list[np.ndarray]) -> None:
    back = from_layers(to_layers(arrays))

    assert [array.dtype.name for array in back] == [array.dtype.name for array in arrays]
    for found, sent in zip(back, arrays, strict=True):
        assert found.shape == sent.shape
        np.testing.assert_array_equal(found, sent)


def test_a_file_keeps_the_order_of_the_list_whatever_the_types(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    sent = [np.float16([1]), np.array(7), np.float64([[2]]), np.float32(3), np.array([True])]

    write_arrays(path, sent, 5, "fit")

    back = read_arrays(path)
    assert kinds_of(back) == ["float16[1]", "int64[]", "float64[1, 1]", "float32[]", "bool[1]"]
    assert [array.reshape(-1)[0] for array in back] == [1, 7, 2, 3, True]


def test_what_comes_back_can_be_written_into() -> None:
    (array,) = from_layers(to_layers([np.zeros(2, np.float32)]))

    array += 1

    assert array.tolist() == [1, 1]


@pytest.mark.parametrize("value", [EXACT, -EXACT])
def test_the_largest_whole_number_travels(value: int) -> None:
    (back,) = from_layers(to_layers([np.array(value)]))

    assert int(back) == value


@pytest.mark.parametrize("value", [EXACT + 1, -EXACT - 1, np.iinfo("int64").min])
def test_a_whole_number_that_could_not_be_kept_is_refused(value: int) -> None:
    with pytest.raises(ClientMisbehaved, match=r"whole numbers go up to 2\*\*53"):
        to_layers([np.array(value, np.int64)])


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([1j]), np.array([None])])
def test_what_cannot_be_averaged_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ClientMisbehaved, match="cannot be averaged"):
        to_layers([array])


def test_a_list_of_numbers_is_no_array() -> None:
    with pytest.raises(ClientMisbehaved, match="a list as parameter 1"):
        to_layers([np.zeros(1), [1.0]])  # type: ignore[list-item]


def test_numbers_that_are_not_finite_are_not_sent(tmp_path: Path) -> None:
    with pytest.raises(NotFinite):
        write_arrays(tmp_path / "weights.safetensors", [np.array([np.nan])], 1, "fit")


@pytest.mark.parametrize(
    ("mean", "kind", "expected"),
    [
        (2.4999, "int64", 2),
        (2.5001, "int64", 3),
        (300.0, "uint8", 255),
        (-1.0, "uint32", 0),
        (1e300, "int64", EXACT),
        (0.5, "bool", True),
        (0.4999, "bool", False),
    ],
)
def test_a_mean_of_whole_numbers_is_rounded_into_their_type(
    mean: float, kind: str, expected: int
) -> None:
    (back,) = from_layers({f"00000.{kind}": np.array(mean)})

    assert back.dtype == kind
    assert back == expected


@pytest.mark.parametrize(
    "layers",
    [
        {"dense/kernel": np.zeros(1, np.float32)},
        {"00001.float32": np.zeros(1, np.float32)},
        {"00000.float32": np.zeros(1, np.float64)},
        {"00000.int64": np.zeros(1, np.float32)},
        {"00000.complex64": np.zeros(1, np.float64)},
    ],
)
def test_another_model_is_no_flower_job(layers: dict[str, np.ndarray]) -> None:
    with pytest.raises(NotAFlowerJob):
        from_layers(layers)


@pytest.mark.parametrize(
    "returned",
    [[], [np.zeros((2, 1), np.float32)], [np.zeros(2, np.float64)], [np.zeros(2, np.float32)] * 2],
)
def test_arrays_of_other_kinds_than_given_are_refused(returned: list[np.ndarray]) -> None:
    with pytest.raises(ClientMisbehaved, match="returned"):
        check_kinds(returned, kinds_of([np.zeros(2, np.float32)]))
