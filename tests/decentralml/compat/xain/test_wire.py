"""What a participant sends is taken whole or refused by name."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from decentralml.compat.xain.wire import (
    LAYER,
    encode_result,
    encode_weights,
    longest_body,
    read_initial,
    read_result_body,
)
from decentralml.errors import ConfigError
from decentralml.learning.errors import (
    BadExampleCount,
    DtypeMismatch,
    MalformedModel,
    NotFinite,
    PickleRefused,
    ResultRefused,
    ShapeMismatch,
    TooLarge,
)
from decentralml.learning.layers import LayerSpec

FIVE = LayerSpec((5,), "float32")
WEIGHTS = np.arange(5, dtype=np.float32)


def saved(array: object, **how: bool) -> bytes:
    writer = io.BytesIO()
    np.save(writer, array, **how)  # type: ignore[arg-type]
    return writer.getvalue()


def read(tmp_path: Path, body: bytes, spec: LayerSpec = FIVE) -> tuple[int, np.ndarray]:
    file = tmp_path / "body"
    file.write_bytes(body)
    examples, layers = read_result_body(file, spec)
    return examples, layers[LAYER]


def header(shape: str, descr: str = "<f4") -> bytes:
    """An array's beginning, with whatever is to stand in it."""
    words = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(words).to_bytes(2, "little") + words


def test_the_count_is_four_bytes_big_endian_before_the_array(tmp_path: Path) -> None:
    body = b"\x00\x00\x01\x02" + saved(WEIGHTS)

    examples, weights = read(tmp_path, body)

    assert examples == 258
    assert weights.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert body == encode_result(258, WEIGHTS)


@settings(max_examples=60)
@given(
    examples=st.integers(1, 10_000_000),
    values=arrays.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        arrays.array_shapes(min_dims=1, max_dims=3, max_side=7),
        elements=st.floats(-1000, 1000, width=16),
    ),
)
def test_every_array_of_the_models_shape_comes_back_in_its_type(
    tmp_path_factory: pytest.TempPathFactory, examples: int, values: np.ndarray
) -> None:
    spec = LayerSpec(values.shape, "float32")
    for order in "CF":
        sent = np.asarray(values, order=order)  # type: ignore[call-overload]
        body = encode_result(examples, sent)
        assert len(body) <= longest_body(spec)

        count, found = read(tmp_path_factory.mktemp("body"), body, spec)

        assert count == examples
        assert found.dtype == np.float32
        assert np.array_equal(found, values.astype(np.float32))


def test_bytes_in_the_other_order_are_the_same_numbers(tmp_path: Path) -> None:
    _, weights = read(tmp_path, encode_result(1, WEIGHTS.astype(">f8")))

    assert weights.dtype == np.float32
    assert weights.tolist() == WEIGHTS.tolist()


@pytest.mark.parametrize("count", [0, 10_000_001, 2**32 - 1])
def test_a_count_of_nothing_or_beyond_reason(tmp_path: Path, count: int) -> None:
    with pytest.raises(BadExampleCount, match=str(count)):
        read(tmp_path, count.to_bytes(4, "big") + saved(WEIGHTS))


@pytest.mark.parametrize("count", [1, 10_000_000])
def test_the_least_and_the_most_that_a_count_may_be(tmp_path: Path, count: int) -> None:
    assert read(tmp_path, encode_result(count, WEIGHTS))[0] == count


@pytest.mark.parametrize("length", range(4))
def test_a_body_without_a_whole_count(tmp_path: Path, length: int) -> None:
    with pytest.raises(MalformedModel, match=f"{length} bytes"):
        read(tmp_path, b"\x01" * length)


@pytest.mark.parametrize("cut", [1, 4, 19, 20, 40, 100, 147])
def test_a_body_that_ends_early(tmp_path: Path, cut: int) -> None:
    body = encode_result(10, WEIGHTS)

    with pytest.raises(MalformedModel):
        read(tmp_path, body[:-cut])


def test_a_byte_too_many(tmp_path: Path) -> None:
    with pytest.raises(MalformedModel, match="21 bytes"):
        read(tmp_path, encode_result(10, WEIGHTS) + b"\x00")


class Trap:
    """Would tell if it were ever loaded."""

    sprung = False

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return spring, ()


def spring() -> Trap:
    Trap.sprung = True
    return Trap()


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_is_not_read(tmp_path: Path, protocol: int) -> None:
    body = b"\0\0\0\x0a" + pickle.dumps(Trap(), protocol)

    with pytest.raises(PickleRefused):
        read(tmp_path, body)

    assert not Trap.sprung


def test_a_pickled_array_is_not_read(tmp_path: Path) -> None:
    body = b"\0\0\0\x0a" + saved(np.array([Trap()] * 5, dtype=object), allow_pickle=True)

    with pytest.raises(PickleRefused):
        read(tmp_path, body)

    assert not Trap.sprung


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite(tmp_path: Path, bad: float) -> None:
    values = WEIGHTS.copy()
    values[3] = bad
    with pytest.raises(NotFinite, match="1 values"):
        read(tmp_path, encode_result(10, values))


def test_a_number_that_the_models_type_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(NotFinite):
        read(tmp_path, encode_result(10, np.full(5, 1e39)))


@pytest.mark.parametrize("shape", [(4,), (6,), (1, 5), (5, 1), ()])
def test_another_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises((ShapeMismatch, TooLarge)):
        read(tmp_path, encode_result(10, np.zeros(shape, np.float32)))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex64", "<U3", "S8"])
def test_numbers_that_are_no_weights(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(DtypeMismatch):
        read(tmp_path, encode_result(10, np.zeros(5, dtype)))


@pytest.mark.parametrize(
    "shape",
    ["(10**18,)", "(1000000000000000000,)", "(-5,)", "5", "(5.0,)", "(True,)", "(((((5)))))", "x"],
)
def test_a_shape_that_lies_costs_no_memory(tmp_path: Path, shape: str) -> None:
    with pytest.raises(ResultRefused):
        read(tmp_path, b"\0\0\0\x0a" + header(shape) + bytes(20))


def test_a_description_longer_than_any_of_ours(tmp_path: Path) -> None:
    words = b"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }" + b" " * 1100 + b"\n"
    body = b"\x93NUMPY\x01\x00" + len(words).to_bytes(2, "little") + words + bytes(20)

    with pytest.raises(TooLarge):
        read(tmp_path, b"\0\0\0\x0a" + body)


def test_more_bytes_than_such_a_model_can_have(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        read(tmp_path, bytes(longest_body(FIVE) + 1))


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_be_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    with pytest.raises(ResultRefused):
        read(tmp_path_factory.mktemp("body"), body)


@settings(max_examples=300)
@given(st.integers(0, 167), st.integers(0, 255))
def test_one_changed_byte_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    body = bytearray(encode_result(10, WEIGHTS))
    body[place % len(body)] = value
    try:
        _, weights = read(tmp_path_factory.mktemp("body"), bytes(body))
    except ResultRefused:
        return
    assert weights.shape == (5,)
    assert np.isfinite(weights).all()


def test_initial_weights_must_be_of_the_models_shape_and_type(tmp_path: Path) -> None:
    good, wrong = tmp_path / "good.npy", tmp_path / "wrong.npy"
    good.write_bytes(encode_weights(WEIGHTS))
    wrong.write_bytes(encode_weights(WEIGHTS.astype(np.float64)))

    assert read_initial(None, FIVE) is None
    assert np.array_equal(read_initial(good, FIVE), WEIGHTS)  # type: ignore[arg-type]
    for path in (wrong, tmp_path / "missing.npy"):
        with pytest.raises(ConfigError, match="initial weights"):
            read_initial(path, FIVE)
