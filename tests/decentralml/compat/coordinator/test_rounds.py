"""Who is selected, replaced and waited for; time is a number that the test counts."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from decentralml.compat.coordinator.rounds import AT_WORK, Rounds, Rules, Standing

RULES = Rules(fraction=0.6, least=5, heartbeat=15, training=100, signing=20, round=1000)
RNG = random.Random(7)


def rounds_of(people: int, rules: Rules = RULES) -> Rounds:
    rounds = Rounds(rules)
    for number in range(people):
        rounds.join(f"p{number}", 1, now=0)
    return rounds


def alive(rounds: Rounds, now: float) -> None:
    for id_ in rounds.people:
        rounds.hear(id_, now)


def standing(rounds: Rounds, *wanted: Standing) -> set[str]:
    return {p.id for p in rounds.people.values() if p.standing in wanted}


@pytest.mark.parametrize(
    ("fraction", "people", "share"),
    [(1.0, 5, 5), (0.6, 5, 3), (0.6, 6, 4), (0.7, 10, 7), (0.1, 5, 1), (0.01, 5, 1)],
)
def test_a_share_is_rounded_up_and_exact(fraction: float, people: int, share: int) -> None:
    assert Rules(fraction, 5, 1, 1, 1, 1).share(people) == share


def test_nobody_is_selected_before_enough_are_connected() -> None:
    rounds = rounds_of(4)
    assert rounds.select(RNG, 0) == []

    rounds.join("fifth", 1, now=0)

    assert len(rounds.select(RNG, 0)) == 3


def test_those_who_are_not_selected_wait() -> None:
    rounds = rounds_of(5)
    chosen = set(rounds.select(RNG, 0))

    assert standing(rounds, Standing.SELECTED) == chosen
    assert len(standing(rounds, Standing.WAITING)) == 2
    assert rounds.select(RNG, 1) == []


def test_selection_is_by_chance() -> None:
    chosen = {frozenset(rounds_of(5).select(random.Random(seed), 0)) for seed in range(200)}

    assert len(chosen) == math.comb(5, 3)


def test_whoever_joins_in_a_running_round_waits_for_the_next() -> None:
    rounds = rounds_of(5)
    rounds.select(RNG, 0)
    for late in range(5):
        rounds.join(f"late{late}", 1, now=1)

    assert rounds.select(RNG, 1) == []
    rounds.begin(2, now=2)
    assert len(rounds.select(RNG, 2)) == 6  # of ten


def test_one_that_the_chain_takes_later_is_not_selected_now() -> None:
    rounds = rounds_of(4)
    rounds.join("next", 2, now=0)

    assert rounds.select(RNG, 0) == []
    rounds.begin(2, now=0)
    assert len(rounds.select(RNG, 0)) == 3


def test_one_that_dies_is_replaced_by_one_who_waits() -> None:
    rounds = rounds_of(5)
    dead = rounds.select(RNG, 0)[0]
    alive(rounds, 10)
    rounds.people[dead].heard = 0

    assert rounds.expire(15) == [dead]

    (replacement,) = rounds.select(RNG, 15)
    assert replacement != dead
    assert len(standing(rounds, Standing.SELECTED)) == 3


def test_a_heartbeat_in_the_last_moment_keeps_the_place() -> None:
    rounds = rounds_of(1)
    rounds.hear("p0", 0.1)

    assert rounds.expire(15) == []
    assert rounds.expire(15.1) == ["p0"]
    assert rounds.hear("p0", 15.1) is None


def test_one_that_is_too_slow_is_replaced_and_stays_for_the_next_round() -> None:
    rounds = rounds_of(5)
    slow = set(rounds.select(RNG, 0))
    alive(rounds, 99)
    assert rounds.select(RNG, 99) == []

    alive(rounds, 100)
    assert rounds.expire(100) == []

    assert standing(rounds, Standing.OUT) == slow
    assert len(rounds.select(RNG, 100)) == 2  # all that are left
    rounds.begin(2, now=101)
    assert len(standing(rounds, Standing.WAITING)) == 5


def test_one_that_never_signs_is_replaced() -> None:
    rounds = rounds_of(5)
    first = rounds.select(RNG, 0)[0]
    rounds.taken(first, 10)
    alive(rounds, 30)

    rounds.expire(29.9)
    assert rounds.people[first].standing is Standing.SIGNING
    rounds.expire(30)
    assert rounds.people[first].standing is Standing.OUT


def test_a_round_is_complete_when_all_that_was_wanted_is_on_chain() -> None:
    rounds = rounds_of(5)
    one, two, three = rounds.select(RNG, 0)
    for id_ in (one, two):
        rounds.delivered(id_, 1, 1)
    assert not rounds.is_complete(1)

    rounds.taken(three, 1)
    assert not rounds.is_complete(1)

    rounds.delivered(three, 1, 2)
    assert rounds.is_complete(2)


def test_a_result_of_another_round_does_not_count() -> None:
    rounds = rounds_of(5)
    rounds.select(RNG, 0)
    rounds.delivered("p0", 2, 1)

    assert rounds.done == 0


def test_a_result_counts_when_its_participant_is_gone() -> None:
    rounds = rounds_of(5)
    one, two, three = rounds.select(RNG, 0)
    for id_ in (one, two, three):
        rounds.delivered(id_, 1, 1)
    rounds.leave(one)

    assert rounds.done == 3
    assert rounds.is_complete(1)


def test_fewer_are_wanted_when_many_go() -> None:
    rounds = rounds_of(10)
    assert len(rounds.select(RNG, 0)) == 6
    for id_ in [*sorted(standing(rounds, Standing.WAITING)), "p0", "p1"]:
        rounds.leave(id_)

    rounds.select(RNG, 1)

    assert rounds.wanted == 3  # 0.6 of the least, which is 5


def test_a_round_that_takes_too_long_closes_with_what_there_is() -> None:
    rounds = rounds_of(5)
    one, *_ = rounds.select(RNG, 0)
    rounds.delivered(one, 1, 1)

    assert not rounds.is_complete(999.9)
    assert rounds.is_complete(1000)


def test_when_nobody_delivered_in_time_those_who_failed_may_try_again() -> None:
    rounds = rounds_of(5)
    for id_ in list(rounds.people):
        rounds.select(RNG, 0)
        rounds.people[id_].standing = Standing.SELECTED
        rounds.fail(id_, 1)
    assert rounds.select(RNG, 999) == []
    assert not rounds.is_complete(1000)

    assert len(rounds.select(RNG, 1000)) == 3


def test_after_a_restart_the_round_wants_what_it_wanted() -> None:
    rounds = rounds_of(5)
    rounds.people["p0"].standing = Standing.DONE
    rounds.people["p1"].standing = Standing.SELECTED
    rounds.go_on(wanted=3, departed=1, now=0)

    assert rounds.select(RNG, 0) == []
    rounds.delivered("p1", 1, 1)
    assert rounds.is_complete(1)


def test_the_next_deadline_is_the_first_of_all() -> None:
    rounds = rounds_of(5)
    assert rounds.next_deadline() == 15
    rounds.select(RNG, 0)
    alive(rounds, 90)
    assert rounds.next_deadline() == 100
    assert Rounds(RULES).next_deadline() == math.inf


class AnyLife(RuleBasedStateMachine):
    """Whatever happens in whatever order, nobody is counted or selected twice."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = Rounds(Rules(0.5, 2, 10, 30, 5, 200))
        self.rng = random.Random(0)
        self.now, self.count = 0.0, 0
        self.on_chain: set[str] = set()

    @rule(later=st.integers(0, 1))
    def join(self, later: int) -> None:
        self.count += 1
        self.rounds.join(f"p{self.count}", self.rounds.number + later, self.now)

    @precondition(lambda self: self.rounds.people)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.rounds.people)))
        if self.rounds.people[id_].standing is Standing.SELECTED:
            self.rounds.taken(id_, self.now)
            if data.draw(st.booleans()):
                self.rounds.delivered(id_, self.rounds.number, self.now)
                self.on_chain.add(id_)

    @precondition(lambda self: self.rounds.people)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        self.rounds.fail(data.draw(st.sampled_from(sorted(self.rounds.people))), self.now)

    @rule(seconds=st.sampled_from([0.5, 3, 9, 40]), hearing=st.booleans())
    def pass_time(self, seconds: float, hearing: bool) -> None:
        self.now += seconds
        if hearing:
            alive(self.rounds, self.now)
        self.rounds.expire(self.now)

    @rule()
    def select(self) -> None:
        able = {p.id for p in self.rounds.people.values() if p.first_round <= self.rounds.number}
        waiting = standing(self.rounds, Standing.WAITING)
        before = self.rounds.wanted
        chosen = set(self.rounds.select(self.rng, self.now))
        assert chosen <= able
        if before and not (chosen - waiting):
            assert self.rounds.wanted <= before
        if chosen:
            at_work = len(standing(self.rounds, *AT_WORK))
            assert self.rounds.done + at_work == min(self.rounds.wanted, self.rounds.done + at_work)

    @precondition(lambda self: self.rounds.is_complete(self.now))
    @rule()
    def close(self) -> None:
        self.rounds.begin(self.rounds.number + 1, self.now)
        self.on_chain.clear()

    @invariant()
    def every_result_counts_once(self) -> None:
        assert self.rounds.done == len(self.on_chain)


AnyLife.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestAnyLife = AnyLife.TestCase
