from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from substrateinterface.utils.ss58 import ss58_encode

from pallets_mock.rpc.errors import RpcError
from pallets_mock.rpc.params import (
    U32,
    Account,
    Bytes,
    Hash,
    Json,
    Number,
    bind,
    converter_for,
    parameters_of,
)

EVERY_KIND = [None, True, 7, -1, 1.5, "text", [1], {"a": 1}]


def refused(annotation: Any, value: Any) -> bool:
    try:
        converter_for(annotation)(value)
    except RpcError as error:
        assert error.code == -32602
        return True
    return False


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (Bytes, "0x", b""),
        (Bytes, "0x00fF", b"\x00\xff"),
        (Bytes, "abcd", b"\xab\xcd"),
        (Bytes, "0x1", b"\x01"),
        (Hash, "0x" + "ab" * 32, b"\xab" * 32),
        (U32, 2**32 - 1, 2**32 - 1),
        (Number, 5, 5),
        (Number, "0x1f", 31),
        (str, "x", "x"),
        (bool, False, False),
        (int, -5, -5),
        (float, 1, 1.0),
        (float, 1.5, 1.5),
        (list[U32], [1, 2], [1, 2]),
        (tuple[Bytes, U32], ["0x", 1], (b"", 1)),
        (Bytes | None, None, None),
        (int | str, "2027", "2027"),
        (Number | list[Number], ["0x1"], [1]),
        (Json, {"any": 1}, {"any": 1}),
    ],
)
def test_what_fits_is_converted(annotation: Any, value: Any, expected: Any):
    assert converter_for(annotation)(value) == expected


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Bytes, "0xzz"),
        (Bytes, "0x 00"),
        (Bytes, "0x\u0661\u0662"),  # digits, but not of this alphabet
        (Hash, "0x" + "ab" * 31),
        (Hash, "0x" + "ab" * 33),
        (U32, 2**32),
        (U32, -1),
        (U32, 1.0),
        (Number, "31"),
        (Number, "0x"),
        (Number, "0x" + "f" * 17),
        (int, 2**63),
        (bool, 1),
        (list[U32], [1, "2"]),
        (tuple[Bytes, U32], ["0x"]),
        (Bytes | None, 5),
    ],
)
def test_what_does_not_fit_is_refused(annotation: Any, value: Any):
    assert refused(annotation, value)


@pytest.mark.parametrize("annotation", [Bytes, Hash, U32, Number, Account, str, bool, list[U32]])
def test_of_every_other_kind_nothing_but_a_refusal_comes(annotation: Any):
    for value in EVERY_KIND:
        try:
            converter_for(annotation)(value)
        except RpcError as error:
            assert error.code == -32602


@given(key=st.binary(min_size=32, max_size=32), prefix=st.integers(0, 16383))
def test_an_account_is_read_from_its_address_on_any_network(key: bytes, prefix: int):
    if prefix in (46, 47):  # reserved: no encoder makes them
        return
    assert converter_for(Account)(ss58_encode(key, prefix)) == key


@given(
    key=st.binary(min_size=32, max_size=32), place=st.integers(0, 46), letter=st.sampled_from("1zK")
)
def test_a_mistyped_address_is_refused(key: bytes, place: int, letter: str):
    address = ss58_encode(key, 42)
    mistyped = address[:place] + letter + address[place + 1 :]
    assert mistyped == address or refused(Account, mistyped)


def test_a_type_that_json_has_not_is_a_mistake_of_the_programmer():
    with pytest.raises(TypeError):
        converter_for(complex)


def handler(key: Bytes, count: U32 = U32(5), hash_: Hash | None = None) -> None:  # noqa: B008
    """Three parameters, one of them needed."""


@pytest.mark.parametrize(
    ("given_params", "expected"),
    [
        (["0x01"], [b"\x01", 5, None]),
        (["0x01", 6], [b"\x01", 6, None]),
        (["0x01", None, "0x" + "00" * 32], [b"\x01", 5, bytes(32)]),
        (["0x01", 6, None, "more"], [b"\x01", 6, None]),
        ({"key": "0x01", "hash": "0x" + "00" * 32}, [b"\x01", 5, bytes(32)]),
    ],
)
def test_parameters_are_bound_by_place_or_name(given_params: Any, expected: list[Any]):
    assert bind(parameters_of(handler), given_params) == expected


@pytest.mark.parametrize("given_params", [None, [], {}, [None], "0x01", 7, ["0x01", "x"]])
def test_parameters_that_do_not_fit_are_refused(given_params: Any):
    with pytest.raises(RpcError) as refused_error:
        bind(parameters_of(handler), given_params)
    assert refused_error.value.code == -32602
