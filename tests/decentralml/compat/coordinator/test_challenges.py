"""What is signed at a rendez-vous is good once, for a minute, and only here."""

from __future__ import annotations

import pytest

from decentralml.compat.coordinator.admission import Challenges


class Clock:
    """Time, as the test sets it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_challenge_is_open_once(clock: Clock) -> None:
    challenges = Challenges(clock)
    one, other = challenges.new(), challenges.new()

    assert one != other
    challenges.use(one)
    assert not challenges.is_open(one)
    assert challenges.is_open(other)


def test_a_challenge_is_open_for_a_minute(clock: Clock) -> None:
    challenges = Challenges(clock)
    one = challenges.new()

    clock.now += 59.9
    assert challenges.is_open(one)
    clock.now += 0.2
    assert not challenges.is_open(one)


def test_what_was_not_given_out_here_is_not_open(clock: Clock) -> None:
    challenges = Challenges(clock)
    longer = challenges.new().replace("1060", "9999", 1)

    for forged in (Challenges(clock).new(), longer, "", "-", "nan-ff-", "1e9-ü-ü", "x" * 9000):
        assert not challenges.is_open(forged)


def test_asking_for_many_crowds_out_nobodys(clock: Clock) -> None:
    challenges = Challenges(clock)
    one = challenges.new()
    for _ in range(5000):
        challenges.new()

    assert challenges.is_open(one)


def test_what_is_too_old_is_not_remembered(clock: Clock) -> None:
    challenges = Challenges(clock)
    for _ in range(10):
        challenges.use(challenges.new())
        clock.now += 61

    assert len(challenges._used) == 1
