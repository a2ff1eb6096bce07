from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallets_mock.clock import Clock, Every, Instant, Manual, parse_block_time, parse_time
from pallets_mock.errors import BadBlockTime, TimeGoesForward

SLOT = 6000


class Stopped(Clock):
    """The machine's clock stands at ten minutes past 1970."""

    def now_ms(self) -> int:
        return 600_000 + self.shift_ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("instant", Instant()),
        ("manual", Manual()),
        ("6", Every(6.0)),
        (0.01, Every(0.01)),
        (86_400, Every(86_400.0)),
    ],
)
def test_a_block_time_is_a_word_or_seconds(text: str | float, expected: object):
    assert parse_block_time(text) == expected


@pytest.mark.parametrize("text", ["", "often", "0", 0.009, 86_401, "nan", "inf", "-6"])
def test_anything_else_is_no_block_time(text: str | float):
    with pytest.raises(BadBlockTime):
        parse_block_time(text)


@pytest.mark.parametrize(
    ("last", "not_before", "expected"),
    [
        (0, 0, 600_000),  # the clock's time
        (599_999, 0, 600_000),  # the slot before
        (600_000, 0, 606_000),  # the clock's slot is taken: the next one
        (900_000, 0, 906_000),  # blocks ran ahead of the clock
        (0, 700_000, 700_000),
        (900_000, 700_000, 906_000),
    ],
)
def test_the_next_block_is_of_now_or_of_the_first_free_slot(
    last: int, not_before: int, expected: int
):
    assert Stopped().next_block_ms(last, SLOT, not_before) == expected


@given(last=st.integers(0, 10**15), slot=st.integers(1, 10**6), wish=st.integers(0, 10**15))
def test_a_slot_never_has_two_blocks(last: int, slot: int, wish: int):
    assert Stopped().next_block_ms(last, slot, wish) // slot > last // slot


def test_time_can_be_set_forward_and_not_behind_the_newest_block():
    clock = Stopped()
    clock.set_time(900_000, last_ms=899_999)
    assert clock.now_ms() == 900_000
    clock.set_time(700_000, last_ms=600_000)
    assert clock.now_ms() == 700_000
    with pytest.raises(TimeGoesForward):
        clock.set_time(600_000, last_ms=600_000)


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (5, 5),
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01 00:00:01", 1000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-02", 86_400_000),
    ],
)
def test_a_time_is_milliseconds_or_a_date_of_utc(value: int | str, ms: int):
    assert parse_time(value) == ms


def test_what_is_no_date_is_refused():
    with pytest.raises(ValueError, match="tomorrow"):
        parse_time("tomorrow")
