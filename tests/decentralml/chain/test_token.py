"""Amounts as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.chain.token import MAX_AMOUNT, Token
from decentralml.errors import InvalidAmount
from decentralml.types import Planck

DML = Token("DML", 12)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 DML"),
        (1, "0.000000000001 DML"),
        (1_500_000_000_000, "1.5 DML"),
        (10**12, "1 DML"),
        (123 * 10**12 + 10, "123.00000000001 DML"),
        (-5 * 10**11, "-0.5 DML"),
    ],
)
def test_an_amount_is_written_exactly(amount: int, text: str) -> None:
    assert DML.format(Planck(amount)) == text


def test_a_token_without_decimals_has_no_point() -> None:
    assert Token("X", 0).format(Planck(7)) == "7 X"
    assert Token("X", 0).parse("7") == 7


@pytest.mark.parametrize("text", ["1.5", "1.5 DML", " 1.5DML ", "01.500"])
def test_an_amount_is_read_with_or_without_symbol(text: str) -> None:
    assert DML.parse(text) == 1_500_000_000_000


@pytest.mark.parametrize(
    "text", ["", "DML", "-1", "+1", "1e3", "1,5", ".5", "1.", "1.5 DOT", "nan", "1_000", "²", "٣"]
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        DML.parse(text)


def test_a_place_beyond_the_smallest_unit_is_refused_rather_than_rounded() -> None:
    assert DML.parse("0.000000000001") == 1
    with pytest.raises(InvalidAmount, match="12 decimal places"):
        DML.parse("0.0000000000001")


def test_the_largest_balance_is_the_largest_amount() -> None:
    units = Token("U", 0)
    assert units.parse(str(MAX_AMOUNT)) == MAX_AMOUNT
    with pytest.raises(InvalidAmount, match="more than"):
        units.parse(str(MAX_AMOUNT + 1))
    with pytest.raises(InvalidAmount, match="more than"):
        units.parse("9" * 5000)


@given(amount=st.integers(0, MAX_AMOUNT), decimals=st.integers(0, 38))
def test_what_is_written_is_read_back(amount: int, decimals: int) -> None:
    token = Token("DML", decimals)
    assert token.parse(token.format(Planck(amount))) == amount
