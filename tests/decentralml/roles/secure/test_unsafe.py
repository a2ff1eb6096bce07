"""What a creator may ask of members, and is refused: nothing is sent, and the member leaves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from decentralml.errors import TaskFailed
from decentralml.roles.events import Event
from decentralml.roles.secure.request import KEY, Request, Sum, roster_of
from decentralml.roles.secure.settings import SecureSettings, rounds_for, write_secure
from decentralml.roles.telling import Told
from decentralml.types import AccountId, Round, TaskId
from tests.decentralml.roles.town import Town, adding, an_offer

NAMES = ("Bob", "Charlie", "Dave")
FIRST = Round(1)


@pytest.fixture
def task(town: Town) -> TaskId:
    """A secure task whose three members have sent their channel keys."""
    bundle = town.bundle()
    write_secure(bundle, SecureSettings(threshold=0.6, min_members=3))
    offer = an_offer(rounds=rounds_for(1), slots=3)
    posted = town.creator("Alice").create_task(bundle, offer, model=town.base_model())
    for name in NAMES:
        town.participant(name, adding(1.0)).take_part(posted.task, once=True)
    return posted.task


def publish(town: Town, task: TaskId, asked: Request) -> None:
    told = Told("secure", {KEY: asked.to_json()})
    town.creator("Alice").start_round(task, town.base_model(), told=told)


def bob(town: Town, task: TaskId) -> list[str]:
    """What Bob is told when he takes part once more."""
    told: list[Event] = []
    worker = town.participant("Bob", adding(1.0), on_event=told.append)
    with suppress(TaskFailed):
        worker.take_part(task, once=True)
    return [event.text for event in told]


def members(town: Town, *names: str) -> dict[AccountId, Round]:
    return {town.address(name): FIRST for name in names}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            lambda t: Request(share=roster_of(members(t, *NAMES, "Ferdie"))),
            "sent nothing in round 1",
        ),
        (
            lambda t: Request(share=roster_of(members(t, "Bob", "Charlie"))),
            "a roster of 2 members, where 3 to 500 are allowed",
        ),
        (
            lambda t: Request(share=roster_of({**members(t, *NAMES), t.address("Dave"): Round(2)})),
            "sent nothing in round 2",
        ),
    ],
    ids=["an invented member", "too few members", "a key of another round"],
)
def test_a_roster_that_the_chain_does_not_bear_out_is_not_answered(
    town: Town, task: TaskId, asked: Callable[[Town], Request], why: str
) -> None:
    publish(town, task, asked(town))
    assert any(why in text for text in bob(town, task))
    market = town.market("Alice")
    assert market.result(task, Round(2), town.address("Bob")) is None
    held = market.assignment(task, town.address("Bob"))
    assert held is not None
    assert held.ended


def test_a_malformed_request_is_not_answered_and_ends_no_daemon(town: Town, task: TaskId) -> None:
    told = Told("secure", {KEY: {"share": 7}})
    town.creator("Alice").start_round(task, town.base_model(), told=told)
    assert any("its roster is malformed" in text for text in bob(town, task))


def test_an_update_is_not_masked_for_a_sum_with_somebody_who_announced_nothing(
    town: Town, task: TaskId
) -> None:
    roster = roster_of(members(town, *NAMES))
    publish(town, task, Request(share=roster))
    for name in ("Bob", "Charlie"):
        town.participant(name, adding(1.0)).take_part(task, once=True)
    everybody = tuple(member for member, _ in roster)
    publish(town, task, Request(sum=Sum(roster, everybody)))

    assert any("sent nothing in round 2" in text for text in bob(town, task))
    assert town.market("Alice").result(task, Round(3), town.address("Bob")) is None
