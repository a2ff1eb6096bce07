"""A contributor whose work is a function of its own process."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from decentralml.chain.records import AutoAccept, Manual, Reject, TaskKind
from decentralml.errors import TaskFailed, WrongKind
from decentralml.learning.models import read_layers
from decentralml.roles.participant import Training
from decentralml.roles.worker import Wanted
from decentralml.types import BlockNumber, Round, TaskId
from tests.decentralml.roles.town import BASE, REWARD, Town, adding, an_offer

ONE, TWO = Round(1), Round(2)


def post(town: Town, **terms: object) -> TaskId:
    offer = an_offer(**{"policy": AutoAccept(), "slots": 1, **terms})
    return town.creator("Alice").create_task(town.bundle(), offer, model=town.base_model()).task


def test_a_participant_trains_sends_and_is_paid_for_every_round(town: Town) -> None:
    task = post(town, rounds=2)
    given: list[Training] = []

    def train(training: Training) -> None:
        given.append(training)
        assert list(training.result.iterdir()) == []
        assert (training.bundle / "start_task.sh").is_file()
        adding(1.0)(training)

    bob = town.participant("Bob", train)
    first = bob.take_part(task, once=True)
    creator = town.creator("Alice")
    creator.federate(task)
    creator.start_round(task)
    second = bob.take_part(task, once=True)

    assert first.sent == [(task, ONE)]
    assert second.sent == [(task, TWO)]
    assert second.finished == {task: "the assignment is over"}
    assert [(t.task, t.round, t.contributor) for t in given] == [
        (task, ONE, bob.account),
        (task, TWO, bob.account),
    ]
    assert creator.show(task).paid == 2 * REWARD
    federated = creator.federate(task, TWO).model
    assert read_layers(federated)["dense/bias"][0] == BASE["dense/bias"][0] + 2.0


def test_it_waits_for_rounds_and_stops_when_the_task_is_over(town: Town) -> None:
    task = post(town, rounds=3)
    bob = town.address("Bob")
    ended: list[dict[TaskId, str]] = []

    def take_part() -> None:
        ended.append(town.participant("Bob", adding(1.0)).take_part(task).finished)

    thread = threading.Thread(target=take_part)
    thread.start()
    creator = town.creator("Alice")
    for number in (1, 2, 3):
        creator.market.wait_for(
            lambda e: e.name == "TaskResultSent" and e.fields["worker"] == bob,
            from_block=creator.show(task).round_started,
        )
        if number < 3:
            creator.start_round(task, town.base_model())
    thread.join(60)
    assert not thread.is_alive()
    assert ended == [{task: "the assignment is over"}]
    assert creator.show(task).paid == 3 * REWARD


def test_what_a_successful_round_kept_is_there_in_the_next_and_what_a_failed_one_left_is_not(
    town: Town,
) -> None:
    task = post(town, rounds=3)
    found: list[list[str]] = []
    failing = {2}

    def train(training: Training) -> None:
        found.append(sorted(p.name for p in training.state.iterdir()))
        (training.state / f"round-{training.round}-{len(found)}").touch()
        if int(training.round) in failing:
            failing.clear()
            raise RuntimeError("out of luck")
        adding(1.0)(training)

    bob, creator = town.participant("Bob", train), town.creator("Alice")
    bob.take_part(task, once=True)
    for _ in (2, 3):
        creator.start_round(task, town.base_model())
        bob.take_part(task, once=True)

    assert found == [[], ["round-1-1"], ["round-1-1"], ["round-1-1", "round-2-3"]]
    states = sorted(bob.workspace.task(task).glob("round-*/state"))
    assert [state.parent.name for state in states] == ["round-3"]  # no state adds up


def test_files_of_settled_rounds_do_not_add_up(town: Town) -> None:
    task = post(town, rounds=6)
    bob, creator = town.participant("Bob", adding(1.0)), town.creator("Alice")
    for number in range(1, 7):
        bob.take_part(task, once=True)
        if number < 6:
            creator.start_round(task, town.base_model())
    folder = bob.workspace.task(task)
    kept = {path.parent.name for name in ("model", "delivery") for path in folder.glob(f"*/{name}")}
    assert kept == {"round-5", "round-6"}
    assert creator.show(task).paid == 6 * REWARD


def test_files_of_a_round_that_may_be_disputed_stay(town: Town) -> None:
    task = post(town, rounds=4, policy=Manual())
    bob, creator = town.participant("Bob", adding(1.0)), town.creator("Alice")
    for number in (1, 2, 3, 4):
        bob.take_part(task, once=True)
        creator.validate_task_result(task, Round(number), bob.account, Reject("no"))
        if number < 4:
            creator.start_round(task, town.base_model())
    assert bob.workspace.round(task, ONE).delivery.is_dir()


def test_a_function_that_fails_twice_gives_the_slot_up_and_says_what_it_raised(town: Town) -> None:
    task = post(town)
    calls: list[Round] = []

    def train(training: Training) -> None:
        calls.append(training.round)
        raise ZeroDivisionError("no examples")

    bob = town.participant("Bob", train)
    with pytest.raises(TaskFailed, match="ZeroDivisionError: no examples") as failed:
        bob.take_part(task)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    assert calls == [ONE, ONE]
    assignment = bob.market.assignment(task, bob.account)
    assert assignment is not None
    assert assignment.ended
    assert "no examples" in bob.workspace.round(task, ONE).log.read_text()


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        (lambda t: None, "left no result.json"),
        (lambda t: (t.result / "result.json").write_text("[]"), "is no JSON object"),
        (lambda t: (t.state / "link").symlink_to("/etc/passwd"), "its state has a link"),
        (lambda t: (t.result / "link").symlink_to("/etc/passwd"), "its result has a link"),
    ],
)
def test_a_result_that_no_delivery_can_be_made_of_is_a_failure(
    town: Town, leave: object, why: str
) -> None:
    task = post(town)
    assert callable(leave)
    with pytest.raises(TaskFailed, match=why):
        town.participant("Bob", leave).take_part(task)


def test_an_interrupt_leaves_the_assignment_and_the_next_process_goes_on(town: Town) -> None:
    task = post(town)

    def interrupted(training: Training) -> None:
        (training.result / "half").touch()
        raise KeyboardInterrupt

    bob = town.participant("Bob", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bob.take_part(task)
    assert town.participant("Bob", adding(2.0)).take_part(task, once=True).sent == [(task, ONE)]


def test_other_assignments_of_the_account_are_left_alone(town: Town) -> None:
    other, task = post(town), post(town)
    town.contributor("Bob").accept_task(other)
    bob = town.participant("Bob", adding(1.0))
    assert bob.take_part(task).sent == [(task, ONE)]
    assert town.runs("Bob") == 0
    assert bob.market.result(other, ONE, bob.account) is None


def test_no_script_is_run_and_none_has_to_be_trusted(town: Town) -> None:
    task = post(town)
    bob = town.participant("Bob", adding(1.0))
    assert "no script of the task is run" in bob.preview(task).touches
    bob.work(Wanted(tasks=frozenset({task})), once=True)
    assert town.runs("Bob") == 0
    assert bob.results(task)[0].paid == REWARD


def test_a_task_without_a_model_is_given_none(town: Town) -> None:
    task = town.creator("Alice").create_task(town.bundle(), an_offer()).task
    given: list[Path | None] = []

    def train(training: Training) -> None:
        given.append(training.model)
        (training.result / "result.json").write_text('{"examples": 1}')

    assert town.participant("Bob", train).take_part(task, once=True).sent == [(task, ONE)]
    assert given == [None]


def test_a_task_of_another_kind_is_refused_before_anything_is_held(town: Town) -> None:
    creator = town.creator("Alice")
    labels = creator.create_task(
        town.bundle(items__json=json.dumps({"question": "?", "items": ["a"]})),
        an_offer(kind=TaskKind.ANNOTATION_TEXT),
    ).task
    bob = town.participant("Bob", adding(1.0))
    with pytest.raises(WrongKind):
        bob.take_part(labels)
    assert bob.market.balance().held == 0


def test_a_round_that_was_missed_is_released_by_the_participant_itself(
    town: Town, chain: object
) -> None:
    task = post(town, round_time=BlockNumber(4))
    bob = town.participant("Bob", adding(1.0))
    bob.accept_task(task)
    chain.new_block(4)  # type: ignore[attr-defined]
    assert bob.take_part(task).finished == {task: "the assignment is over"}
