"""What a daemon takes on, and what it does when the chain or the store says no."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from decentralml.chain.records import AutoAccept, Task, TaskKind
from decentralml.errors import NoSandbox
from decentralml.roles.contributor import Contributor
from decentralml.roles.events import Did, Event
from decentralml.roles.rooms import Machine
from decentralml.roles.worker import Wanted
from decentralml.runner import BubblewrapSandbox, Limits
from decentralml.types import AccountId, BlockNumber, Planck, TaskId
from pallets_mock.testing import DevChain
from tests.decentralml.roles.test_steps import a_task
from tests.decentralml.roles.town import REWARD, STAKE, TOKEN, Town, an_offer, trust_all

ANY = Wanted()


def offering(reward: int = 10, stake: int = 5, sealing_key: bytes | None = None) -> Task:
    task = a_task()
    terms = replace(task.terms, reward=Planck(reward), stake=Planck(stake), sealing_key=sealing_key)
    return replace(task, terms=terms)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (ANY, True),
        (replace(ANY, kinds=frozenset({TaskKind.CONTRIBUTION})), True),
        (replace(ANY, kinds=frozenset({TaskKind.ENGINEERING})), False),
        (replace(ANY, tasks=frozenset({TaskId(7)})), True),
        (replace(ANY, tasks=frozenset({TaskId(8)})), False),
        (replace(ANY, creators=frozenset({AccountId("creator")})), True),
        (replace(ANY, creators=frozenset({AccountId("other")})), False),
        (replace(ANY, least_reward=Planck(10)), True),
        (replace(ANY, least_reward=Planck(11)), False),
        (replace(ANY, most_stake=Planck(5)), True),
        (replace(ANY, most_stake=Planck(4)), False),
    ],
)
def test_a_filter_takes_what_fits_in_every_respect(wanted: Wanted, fits: bool) -> None:
    assert wanted.matches(offering()) is fits


def test_a_task_sealed_to_a_key_fits_unless_everybody_could_open_it() -> None:
    assert ANY.matches(offering(sealing_key=bytes(range(32))))
    assert not ANY.matches(offering(sealing_key=bytes(32)))


def post(town: Town, **terms: object) -> TaskId:
    return (
        town.creator("Alice")
        .create_task(town.bundle(), an_offer(**terms), model=town.base_model())
        .task
    )


@pytest.mark.development_only("takes on whatever is open on its chain")
def test_a_daemon_takes_on_what_fits_and_leaves_the_rest(town: Town) -> None:
    auto = {"policy": AutoAccept(), "slots": 1}
    post(town, **auto, reward=Planck(TOKEN))
    dear = post(town, **auto, reward=Planck(3 * TOKEN))
    report = town.contributor("Bob").work(Wanted(least_reward=Planck(2 * TOKEN)), once=True)
    assert [task for task, _ in report.sent] == [dear]


@pytest.mark.development_only("takes on whatever is open on its chain")
def test_a_daemon_does_one_task_after_another_and_stops_after_so_many(town: Town) -> None:
    tasks = {post(town, policy=AutoAccept(), slots=1) for _ in range(3)}
    report = town.contributor("Bob").work(max_tasks=2)
    assert len(report.finished) == 2
    assert set(report.finished) < tasks


def test_no_more_is_held_at_once_than_allowed(town: Town) -> None:
    for _ in range(3):
        post(town)  # stays pending until it is validated
    bob = town.contributor("Bob")
    bob.work(Wanted(at_once=2), once=True)
    assert len(bob.assignments()) == 2


def test_a_task_asked_for_by_number_says_which_other_one_it_waits_for(town: Town) -> None:
    first, second = post(town, rounds=2), post(town)
    bob = town.contributor("Bob")
    bob.work(Wanted(tasks=frozenset({first})), once=True)

    report = bob.work(Wanted(tasks=frozenset({second})), once=True)

    assert report.waiting[second] == f"task {first} to end: at most 1 at once"


def test_a_slot_taken_meanwhile_is_waited_for_and_then_had(town: Town) -> None:
    task = post(town, slots=1)
    charlie = town.contributor("Charlie")
    charlie.accept_task(task)
    bob = town.contributor("Bob")
    report = bob.work(Wanted(tasks=frozenset({task})), once=True)
    assert report.waiting == {task: "a free slot"}
    charlie.release_assignment(task)
    assert bob.work(Wanted(tasks=frozenset({task})), once=True).sent != []


def test_an_account_that_cannot_pay_gives_up_after_some_tries(town: Town) -> None:
    town.fund("Poor", tokens=1)
    task = post(town, slots=1, stake=Planck(4 * TOKEN))
    events: list[Event] = []
    poor = town.contributor("Poor", on_event=events.append)
    for _ in range(3):
        report = poor.work(Wanted(tasks=frozenset({task})), once=True)
        assert report.sent == []
    assert [event.did for event in events if event.did is Did.FAILED] != []
    assert poor.market.assignment(task, poor.account) is None


def test_a_step_whose_block_the_chain_has_dropped_is_not_repeated_for_ever(town: Town) -> None:
    task = post(town, slots=1)
    bob = town.contributor("Bob")
    bob.accept_task(task)
    accepted = bob.workspace.journal.call(f"accept/{task}")
    assert accepted is not None
    assert accepted.outcome is not None
    bob.workspace.journal.write_signed(f"send/{task}/1", "send", accepted.signed)
    bob.workspace.journal.write_done(f"send/{task}/1", accepted.outcome)
    report = bob.work(Wanted(tasks=frozenset({task})), once=True)
    assert report.waiting == {task: "the chain to catch up"}


@pytest.mark.development_only("takes on whatever is open on its chain")
def test_what_is_waited_for_is_told_once(town: Town) -> None:
    task = post(town, slots=1)
    waits: list[str] = []
    ended = threading.Event()

    def notice(event: Event) -> None:
        if event.did is Did.WAITING:
            waits.append(event.text)

    def work() -> None:
        bob = town.contributor("Bob", on_event=notice)
        bob.work(Wanted(tasks=frozenset({task})), stop=ended.is_set)

    shift = threading.Thread(target=work)
    shift.start()
    creator = town.creator("Alice")
    for _ in range(5):  # each wakes the daemon, which finds nothing to do
        creator.create_task(town.bundle(), an_offer())
    while not creator.results(task):
        creator.create_task(town.bundle(), an_offer())
    creator.create_task(town.bundle(), an_offer())
    creator.validate_all(task)
    shift.join(60)
    ended.set()
    assert not shift.is_alive()
    assert waits == ["validation"]


def test_a_lost_bundle_costs_no_stake_and_stops_no_other_work(town: Town, tmp_path: Path) -> None:
    lost = post(town, slots=1, policy=AutoAccept())
    shutil.rmtree(town.folder / "store")
    kept = (
        town.creator("Alice")
        .create_task(
            town.bundle(more__txt="another bundle"),
            an_offer(policy=AutoAccept(), slots=1),
            model=town.base_model(),
        )
        .task
    )
    bob = town.contributor("Bob")
    report = bob.work(once=True)
    assert [task for task, _ in report.sent] == [kept]
    assert bob.market.assignment(lost, bob.account) is None


def test_a_lost_model_is_asked_for_again_until_the_round_is_over(
    town: Town, chain: DevChain
) -> None:
    model = town.folder / "model.safetensors"
    task = post(town, slots=1, round_time=BlockNumber(40))
    bob = town.contributor("Bob")
    bob.preview(task)  # the bundle is here
    shutil.rmtree(town.folder / "store")
    report = bob.work(Wanted(tasks=frozenset({task})), once=True)
    assert "is not in" in report.waiting[task]
    assert model.exists()
    chain.new_block(40)
    report = bob.work(Wanted(tasks=frozenset({task})), once=True)
    assert report.finished == {task: "the assignment is over"}
    assert bob.market.balance().held < STAKE


def test_without_a_sandbox_no_script_runs_and_no_failure_is_counted(
    town: Town, tmp_path: Path
) -> None:
    task = post(town, slots=1)
    bwrap = tmp_path / "bwrap"  # as where user namespaces are not allowed
    bwrap.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a namespace' >&2; exit 1")
    bwrap.chmod(0o700)
    broken = Machine(BubblewrapSandbox(str(bwrap)), Limits(), town.data("Bob"), trust_all)
    bob = Contributor(town.rooms("Bob"), broken)
    with pytest.raises(NoSandbox):
        bob.work(Wanted(tasks=frozenset({task})), once=True)
    assert bob.progress(bob.show(task)).failures == 0
    assert town.contributor("Bob").work(Wanted(tasks=frozenset({task})), once=True).sent != []
    assert town.creator("Alice").owed(task) == REWARD
