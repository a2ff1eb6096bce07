"""JSON from strangers is read within bounds or not at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.learning.hostile_json import JsonRefused, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(-1e30, 1e30) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(VALUES)
def test_what_json_writes_is_read_as_it_was(value: object) -> None:
    assert read_json(json.dumps(value).encode(), 100_000) == value


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e999",
        b"-1e999",
        b'{"a": 1, "a": 2}',
        b"{",
        b"",
        b"\xff\xfe",
        b"[1,]",
        b"9" * 41,
        b"0." + b"1" * 40,
    ],
)
def test_what_is_no_plain_json_is_refused(text: bytes) -> None:
    with pytest.raises(JsonRefused):
        read_json(text, 1000)


def test_as_many_bytes_as_allowed_are_read_and_one_more_is_refused() -> None:
    assert read_json(b"[1,2]", 5) == [1, 2]
    with pytest.raises(JsonRefused, match="6 bytes, the limit is 5"):
        read_json(b"[1, 2]", 5)


def test_as_deep_as_allowed_is_read_and_one_deeper_is_refused() -> None:
    assert read_json(b"[[[1]]]", 100, max_depth=3) == [[[1]]]
    with pytest.raises(JsonRefused, match="deeper than 3"):
        read_json(b"[[[[1]]]]", 100, max_depth=3)


def test_a_hundred_thousand_brackets_are_refused_without_recursion() -> None:
    with pytest.raises(JsonRefused, match="deeper"):
        read_json(b"[" * 100_000, 200_000)


def test_brackets_within_text_do_not_count_as_depth() -> None:
    assert read_json(rb'["[[[[\"[[[[", "]"]', 100, max_depth=1) == ['[[[["[[[[', "]"]


def test_forty_digits_are_read() -> None:
    assert read_json(b"9" * 40, 100) == int("9" * 40)
