"""Shares: the threshold gives the secret back, one fewer says nothing."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.learning.secagg.shamir import PRIME, combine, is_share, split


@settings(deadline=None)
@given(secret=st.binary(min_size=32, max_size=32), data=st.data())
def test_any_threshold_of_the_shares_gives_the_secret(secret: bytes, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 20))
    threshold = data.draw(st.integers(1, count))
    shares = dict(enumerate(split(secret, threshold, count), 1))
    points = data.draw(
        st.lists(st.sampled_from(sorted(shares)), min_size=threshold, unique=True).map(
            lambda some: some[:threshold]
        )
    )
    assert combine({x: shares[x] for x in points}) == secret


def test_with_one_share_fewer_every_secret_is_as_likely() -> None:
    """For every secret there is a share that fits the ones at hand: worked out by Lagrange."""
    shares = dict(enumerate(split(bytes(32), 3, 3), 1))
    for wanted in (bytes(32), b"\xff" * 32, secrets.token_bytes(32)):
        # value(0) = 3 s1 - 3 s2 + s3, for the points 1, 2, 3
        one, two = (int.from_bytes(shares[x], "big") for x in (1, 2))
        third = (int.from_bytes(wanted, "big") - 3 * one + 3 * two) % PRIME
        assert combine({1: shares[1], 2: shares[2], 3: third.to_bytes(33, "big")}) == wanted


def test_a_polynomial_worked_out_by_hand() -> None:
    shares = {x: (7 + 5 * x).to_bytes(33, "big") for x in (2, 9)}
    assert combine(shares) == (7).to_bytes(32, "big")


def test_shares_of_no_32_byte_secret_give_none() -> None:
    assert combine({1: (2**256).to_bytes(33, "big")}) is None
    assert combine({1: (2**256 - 1).to_bytes(33, "big")}) == b"\xff" * 32


@pytest.mark.parametrize(("threshold", "count"), [(0, 3), (4, 3)])
def test_a_threshold_outside_the_count_is_refused(threshold: int, count: int) -> None:
    with pytest.raises(ValueError, match="cannot split"):
        split(bytes(32), threshold, count)


@pytest.mark.parametrize("shares", [{}, {1: bytes(32)}, {1: PRIME.to_bytes(33, "big")}])
def test_what_is_no_share_is_refused(shares: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="no shares"):
        combine(shares)


def test_the_field_ends_below_its_prime() -> None:
    assert is_share((PRIME - 1).to_bytes(33, "big"))
    assert not is_share(PRIME.to_bytes(33, "big"))
    assert not is_share(bytes(32))


def test_the_field_is_one() -> None:
    """Fermat's test to many bases, the prime being fixed and no adversary's."""
    assert all(pow(base, PRIME - 1, PRIME) == 1 for base in range(2, 40))
