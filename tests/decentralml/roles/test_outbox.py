"""Each step's call is in a block once, however its sending went."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.chain import calls
from decentralml.chain.call_errors import NoFreeSlot, UnknownTask
from decentralml.chain.market import Market
from decentralml.chain.records import Reject
from decentralml.errors import InsufficientFunds, OutOfOrder
from decentralml.roles.journal import CallState, Journal
from decentralml.roles.outbox import Outbox
from decentralml.types import Planck, Round, TaskId
from tests.decentralml.roles.town import STAKE, TOKEN, Town, an_offer


class Killed(BaseException):
    """The process ends here."""


def killed_at(point: str) -> object:
    def checkpoint(name: str) -> None:
        if name.endswith(point):
            raise Killed

    return checkpoint


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


@pytest.fixture
def bob(town: Town) -> Market:
    return town.market("Bob")


@pytest.fixture
def task(town: Town) -> TaskId:
    return town.creator("Alice").create_task(town.bundle(), an_offer(slots=1)).task


def test_a_finished_step_gives_its_receipt_again(
    bob: Market, journal: Journal, task: TaskId
) -> None:
    outbox = Outbox(bob, journal)
    first = outbox.send("accept", calls.accept_task(task))
    assert outbox.send("accept", calls.accept_task(task)) == first
    assert first.event("TaskAccepted").fields["task"] == task


@pytest.mark.parametrize("point", [":signed", ":included"])
def test_an_interrupted_step_is_finished_with_the_bytes_of_then(
    town: Town, bob: Market, journal: Journal, task: TaskId, point: str
) -> None:
    with pytest.raises(Killed):
        Outbox(bob, journal, killed_at(point)).send("accept", calls.accept_task(task))  # type: ignore[arg-type]
    before = journal.call("accept")
    outbox = Outbox(town.market("Bob"), journal)
    assert outbox.is_under_way("accept")
    outbox.send("accept", calls.accept_task(task))
    after = journal.call("accept")
    assert before is not None
    assert after is not None
    assert (after.signed, after.state) == (before.signed, CallState.DONE)
    assert town.nonce("Bob") == 1


def test_a_step_begun_with_other_arguments_is_finished_and_the_person_told(
    town: Town, journal: Journal, task: TaskId
) -> None:
    alice = town.market("Alice")
    with pytest.raises(Killed):
        Outbox(alice, journal, killed_at(":signed")).send(  # type: ignore[arg-type]
            "end", calls.withdraw_task(task)
        )
    with pytest.raises(OutOfOrder, match="is done with those now"):
        Outbox(alice, journal).send("end", calls.withdraw_task(TaskId(2**40)))
    entry = journal.call("end")
    assert entry is not None
    assert entry.state is CallState.DONE


def test_a_refused_step_is_noted_and_may_begin_anew(
    town: Town, bob: Market, journal: Journal, task: TaskId
) -> None:
    town.contributor("Charlie").accept_task(task)
    outbox = Outbox(bob, journal)
    with pytest.raises(NoFreeSlot):
        outbox.send("accept", calls.accept_task(task))
    town.contributor("Charlie").release_assignment(task)
    outbox.send("accept", calls.accept_task(task))
    entry = journal.call("accept")
    assert entry is not None
    assert (entry.state, entry.attempts) == (CallState.DONE, 2)


def test_a_refusal_that_nobody_saw_is_found_by_the_restart(bob: Market, journal: Journal) -> None:
    call = calls.accept_task(TaskId(2**40))
    with pytest.raises(Killed):
        Outbox(bob, journal, killed_at(":refused")).send("accept", call)  # type: ignore[arg-type]
    outbox = Outbox(bob, journal)
    assert outbox.is_under_way("accept")
    outbox.finish_all()
    entry = journal.call("accept")
    assert entry is not None
    assert entry.state is CallState.FAILED
    assert not outbox.is_under_way("accept")


def test_a_call_that_another_program_of_the_account_overtook_is_signed_anew_and_kept(
    town: Town, bob: Market, journal: Journal, task: TaskId
) -> None:
    with pytest.raises(Killed):
        Outbox(bob, journal, killed_at(":signed")).send("accept", calls.accept_task(task))  # type: ignore[arg-type]
    town.market("Bob").transfer(town.address("Alice"), Planck(TOKEN))  # takes the nonce
    anew: list[str] = []
    Outbox(bob, journal, anew.append).finish("accept")
    assert "accept:signed anew" in anew
    entry = journal.call("accept")
    assert entry is not None
    assert entry.state is CallState.DONE
    assert town.nonce("Bob") == 2


def test_settling_leaves_other_steps_and_finished_ones_alone(
    town: Town, bob: Market, journal: Journal, task: TaskId
) -> None:
    Outbox(bob, journal).send("mine/done", calls.accept_task(task))
    done = journal.call("mine/done")
    for key in ("mine/open", "other/open"):
        with pytest.raises(Killed):
            Outbox(bob, journal, killed_at(f"{key}:signed")).send(  # type: ignore[arg-type]
                key, calls.transfer(town.address("Alice"), Planck(1))
            )
    outbox = Outbox(bob, journal)

    outbox.finish_all("mine/")

    assert journal.call("mine/done") == done
    assert not outbox.is_under_way("mine/open")
    assert outbox.is_under_way("other/open")
    assert town.nonce("Bob") == 2


def test_a_finished_step_cannot_be_finished_again(
    bob: Market, journal: Journal, task: TaskId
) -> None:
    outbox = Outbox(bob, journal)
    outbox.send("accept", calls.accept_task(task))
    with pytest.raises(OutOfOrder, match="not under way"):
        outbox.finish("accept")


def test_a_step_that_is_not_under_way_cannot_be_finished(bob: Market, journal: Journal) -> None:
    with pytest.raises(OutOfOrder, match="not under way"):
        Outbox(bob, journal).finish("accept")


def test_a_poor_account_is_told_so_and_does_not_hold_up_other_steps(
    town: Town, journal: Journal, task: TaskId
) -> None:
    poor = town.market("Poor")
    outbox = Outbox(poor, journal)
    with pytest.raises(InsufficientFunds):
        outbox.send("accept", calls.accept_task(task))
    outbox.finish_all()
    assert outbox.is_under_way("accept")
    town.fund("Poor")
    outbox.send("accept", calls.accept_task(task))
    assert poor.balance().held > STAKE


def test_the_chains_words_come_through(bob: Market, journal: Journal) -> None:
    verdict = calls.validate_task_result(TaskId(2**40), Round(1), bob.account, Reject("no"))
    with pytest.raises(UnknownTask):
        Outbox(bob, journal).send("validate", verdict)
