"""What a creator does next in a job, as a table of situations."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.chain.records import Task
from decentralml.roles.federation import Part
from decentralml.roles.job.plan import InvalidPlan, JobRound, Plan
from decentralml.roles.job.steps import (
    Close,
    End,
    KeepWaiting,
    Standing,
    best_round,
    next_move,
    stop_reason,
)
from decentralml.types import AccountId, BlockNumber, Cid, Round
from tests.decentralml.roles.test_steps import a_task

# The task: 2 slots, 3 rounds, workers may accept before block 200; round 2 began in block 90 and
# lasts 50 blocks: block 140 is the first in which it is over.
ALL = Plan()
SHORT = Plan(deadline_blocks=20)


def standing(  # noqa: PLR0917 - a situation is that much
    head: int = 100,
    sent: int = 0,
    decided: int | None = None,
    sound: int | None = None,
    waiting: int = 0,
    written_off: int = 0,
    needed: int = 1,
    **task: object,
) -> Standing:
    decided = sent if decided is None else decided
    return Standing(
        head=BlockNumber(head),
        task=a_task(waiting=waiting, **task),  # type: ignore[arg-type]
        sent=sent,
        decided=decided,
        sound=decided if sound is None else sound,
        written_off=written_off,
        needed=needed,
    )


def results(decided: int, wanted: int, until: int | None = 140) -> KeepWaiting:
    block = None if until is None else BlockNumber(until)
    return KeepWaiting(block, f"results: {decided} of {wanted}")


@pytest.mark.parametrize(
    ("plan", "now", "move"),
    [
        # Everybody who takes part has delivered.
        (ALL, standing(sent=2), Close()),
        (ALL, standing(sent=1, waiting=1), results(1, 2)),
        (ALL, standing(sent=2, decided=1), results(1, 2)),
        # A bad result counts as delivered, not as a result.
        (ALL, standing(sent=2, sound=1), Close()),
        (replace(ALL, min_results=2), standing(sent=2, sound=1, waiting=1), results(2, 3)),
        # A share of them.
        (replace(ALL, fraction=0.5), standing(sent=2, waiting=2), Close()),
        (replace(ALL, fraction=0.5), standing(sent=2, waiting=3), results(2, 3)),
        (replace(ALL, fraction=0.5, min_results=3), standing(sent=2, waiting=2), results(2, 3)),
        # The round's time: block 140 is the first in which it is over.
        (ALL, standing(head=138, sent=1, waiting=1), results(1, 2)),
        (ALL, standing(head=139, sent=1, waiting=1), Close()),
        (SHORT, standing(head=108, sent=1, waiting=1), results(1, 2, 110)),
        (SHORT, standing(head=109, sent=1, waiting=1), Close()),
        # Never with less than the least, whatever the time.
        (replace(ALL, min_results=2), standing(head=150, sent=1, waiting=1), results(1, 2, 200)),
        (ALL, standing(head=150, waiting=1), results(0, 1, 200)),
        (ALL, standing(sent=3, needed=5, waiting=2), results(3, 5)),
        (ALL, standing(sent=5, needed=5, waiting=0), Close()),
        # Those who missed the round before are not waited for.
        (ALL, standing(sent=1, waiting=1, written_off=1), Close()),
        (ALL, standing(sent=0, waiting=1, written_off=1), results(0, 1)),
    ],
)  # fmt: skip
def test_a_round_is_closed_when_enough_is_there_or_its_time_is_over(
    plan: Plan, now: Standing, move: object
) -> None:
    assert next_move(plan, now) == move


def first(head: int = 100, **changes: object) -> Task:
    return a_task(round_=1, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "now", "closes"),
    [
        (ALL, standing(sent=1, round_=1), False),  # two slots, one worker
        (ALL, standing(sent=2, round_=1, assigned=2), True),
        (replace(ALL, min_workers=1), standing(sent=1, round_=1), True),
        (replace(ALL, min_workers=3), standing(sent=2, round_=1, assigned=2), True),  # nobody can
        (ALL, standing(sent=1, round_=1, head=139), True),  # the round's time is over
        (ALL, standing(sent=1, round_=1, head=199, round_started=BlockNumber(190)), True),
        (ALL, standing(sent=1, round_=2), True),  # only the first round waits for workers
    ],
)
def test_the_first_round_waits_for_workers_while_they_can_join(
    plan: Plan, now: Standing, closes: bool
) -> None:
    assert isinstance(next_move(plan, now), Close) is closes


def test_a_round_to_which_nobody_can_deliver_any_more_ends_the_job() -> None:
    nobody = {"head": 199, "assigned": 0, "round_started": BlockNumber(190)}
    move = next_move(ALL, standing(**nobody))
    assert isinstance(move, End)
    assert "0 of the 1 sound results" in move.reason
    full = standing(head=150, sent=2, sound=0, assigned=2)  # no slot, before accept_before
    assert isinstance(next_move(ALL, full), End)
    # While one may join, or one is pending, it goes on.
    assert isinstance(next_move(ALL, standing(head=150)), KeepWaiting)
    open_ = standing(sent=1, decided=0, **nobody)
    assert isinstance(next_move(ALL, open_), KeepWaiting)


@given(
    sent=st.integers(0, 20),
    waiting=st.integers(0, 20),
    bad=st.integers(0, 20),
    least=st.integers(1, 10),
    fraction=st.floats(0.01, 1),
    head=st.integers(90, 260),
)
def test_a_round_is_never_closed_with_too_little_and_always_when_all_is_there(  # noqa: PLR0917
    sent: int, waiting: int, bad: int, least: int, fraction: float, head: int
) -> None:
    plan = Plan(min_results=least, fraction=fraction)
    sound = max(0, sent - bad)
    move = next_move(plan, standing(head, sent, sent, sound, waiting))
    if isinstance(move, Close):
        assert sound >= least
    elif sound >= least:
        assert head < 139
        assert waiting > 0 or sent < least


def done(number: int, accuracy: float | None) -> JobRound:
    return JobRound(
        number=Round(number),
        block=BlockNumber(number),
        used=(Part(AccountId("5Bob"), 3, {"loss": 2.0}, {}), Part(AccountId("5Eve"), 1, {}, {})),
        refused={AccountId("5Dave"): "NotFinite"},
        missed=(AccountId("5Mallory"),),
        base={},
        figures={} if accuracy is None else {"accuracy": accuracy},
        cid=Cid("bafy"),
        model=Path("/there") / "model.keras",
    )


def rounds(*accuracies: float | None) -> list[JobRound]:
    return [done(number, accuracy) for number, accuracy in enumerate(accuracies, 1)]


def measured(model: Path) -> dict[str, float]:
    return {}


@pytest.mark.parametrize(
    ("changes", "accuracies", "stops"),
    [
        ({}, (0.1, 0.1, 0.1, 0.1), False),
        ({"patience": 2}, (0.5, 0.4), False),
        ({"patience": 2}, (0.5, 0.4, 0.5), True),  # as good is not better
        ({"patience": 2}, (0.5, 0.4, 0.6, 0.5), False),
        ({"patience": 2, "min_delta": 0.1}, (0.5, 0.55, 0.59), True),
        ({"patience": 2, "min_delta": 0.1}, (0.5, 0.55, 0.61), False),
        ({"patience": 2}, (0.5, None, math.nan), False),  # what was not measured says nothing
        ({"patience": 1, "lower_is_better": True}, (0.5, 0.4, 0.3), False),
        ({"patience": 1, "lower_is_better": True}, (0.5, 0.6), True),
        ({"target": 0.9}, (0.89,), False),
        ({"target": 0.9}, (0.5, 0.9), True),
        ({"target": 0.1, "lower_is_better": True}, (0.5, 0.11), False),
        ({"target": 0.1, "lower_is_better": True}, (0.5, 0.1), True),
    ],
)
def test_a_job_stops_early_by_its_figures(
    changes: dict[str, object], accuracies: tuple[float | None, ...], stops: bool
) -> None:
    plan = Plan(evaluate=measured, **changes)  # type: ignore[arg-type]
    assert (stop_reason(plan, rounds(*accuracies)) is not None) is stops


def test_the_best_round_is_the_first_of_the_best() -> None:
    measuring = Plan(evaluate=measured)
    assert best_round(measuring, rounds(0.1, 0.5, 0.5, 0.2)) == done(2, 0.5)
    assert best_round(replace(measuring, lower_is_better=True), rounds(0.3, 0.1)) == done(2, 0.1)
    assert best_round(measuring, rounds(None, math.nan)) is None
    assert best_round(measuring, []) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"min_results": 0},
        {"min_workers": 0},
        {"deadline_blocks": 0},
        {"fraction": 0.0},
        {"fraction": 1.01},
        {"fraction": math.nan},
        {"min_delta": -0.1},
        {"patience": 0, "evaluate": measured},
        {"patience": 1},  # nothing measures
        {"target": 0.5},
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidPlan):
        Plan(**changes)  # type: ignore[arg-type]


def test_a_round_is_read_from_the_journal_as_it_was_written() -> None:
    one = done(3, 0.25)
    assert JobRound.decode(one.encode(), Path("/there")) == one


def test_a_round_tells_examples_and_what_contributors_claim_weighted_by_them() -> None:
    one = done(1, 0.5)
    assert one.examples == 4
    assert one.claimed == {}  # not all of them say a loss
    both = replace(one, used=(one.used[0], replace(one.used[1], claimed={"loss": 6.0})))
    assert both.claimed == {"loss": 3.0}


def test_a_line_of_the_curves_has_no_number_that_json_lacks() -> None:
    assert done(1, math.inf).line()["federated"] == {"accuracy": None}
    assert done(1, 0.5).line()["federated"] == {"accuracy": 0.5}
