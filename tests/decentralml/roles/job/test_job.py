"""A creator's whole job, round after round, by the real runtime.

Most stories are told step by step: each role does what it can without waiting (``once``), so that
who comes first is certain. The first one runs as people do, all at once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from decentralml.chain.call_errors import UnknownTask
from decentralml.chain.records import (
    Accept,
    AutoAccept,
    Delegated,
    Reject,
    ResultStatus,
    TaskKind,
    TaskStatus,
)
from decentralml.errors import AssetNotFound, OutOfOrder, WrongKind
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.strategies.fedprox import FedProx
from decentralml.learning.strategies.krum import Krum
from decentralml.learning.strategies.scaffold import Scaffold
from decentralml.learning.strategies.strategy import Strategy
from decentralml.roles.events import Did, Event
from decentralml.roles.job.job import Job
from decentralml.roles.job.plan import JobReport, Plan
from decentralml.roles.participant import Train, Training
from decentralml.roles.round_bundle import read_settings
from decentralml.types import BlockNumber, Round, TaskId
from pallets_mock.testing import DevChain
from tests.decentralml.roles.town import BASE, REWARD, Town, adding, an_offer

BOUND = 120  # seconds within which a job of these tests must be over


@dataclass
class Story:
    """One task of Alice's, and people who work for it step by step."""

    town: Town
    task: TaskId

    def sends(self, *names: str, train: Train | None = None) -> None:
        """These people accept the task if need be, and send their results if they can."""
        for name in names:
            # Each moves the model by another step: equal results would count as copies.
            function = train or adding(1.0 + len(name) % 4 + ord(name[0]) / 1024)
            self.town.participant(name, function).take_part(self.task, once=True)

    def accepts(self, *names: str) -> None:
        for name in names:
            self.town.participant(name, adding(1.0)).accept_task(self.task)

    def goes_on(self, plan: Plan | None = None) -> JobReport:
        """The creator does what can be done now, as a process that is just started."""
        return Job(self.town.creator("Alice"), self.task, plan or Plan()).run(once=True)

    @property
    def round(self) -> int:
        return int(self.town.creator("Alice").show(self.task).round)

    def paid(self) -> dict[str, int]:
        """Rewards by the first letters of a person's name, from the chain."""
        names = {self.town.address(n): n for n in ("Bob", "Charlie", "Dave", "Eve", "Ferdie")}
        paid: dict[str, int] = {}
        for result in self.town.market("Alice").results_of(self.task):
            name = names[result.worker]
            paid[name] = paid.get(name, 0) + result.paid // REWARD
        return paid


@pytest.fixture
def told(town: Town) -> Story:
    """A job of three rounds for two."""
    return post(town)


def post(town: Town, strategy: Strategy | None = None, **terms: object) -> Story:
    offer = an_offer(**{"rounds": 3, **terms})
    creator = town.creator("Alice")
    return Story(
        town,
        creator.create_task(town.bundle(), offer, model=town.base_model(), strategy=strategy).task,
    )


def bias(model: Path) -> Mapping[str, float]:
    """An "accuracy" that a test can foresee."""
    return {"accuracy": float(read_layers(model)["dense/bias"][0]) / 10}


def diverged(training: Training) -> None:
    """A training that ended in numbers that are none."""
    save_file(
        {name: np.full_like(layer, np.nan) for name, layer in BASE.items()},
        training.result / "weights.safetensors",
    )
    (training.result / "result.json").write_text('{"examples": 10}')


# -- all at once


def test_a_job_goes_through_all_its_rounds_and_everybody_is_paid_for_each(town: Town) -> None:
    story = post(town)
    over = threading.Event()
    timer = threading.Timer(BOUND, over.set)
    timer.start()

    def contribute(name: str, train: Train) -> threading.Thread:
        participant = town.participant(name, train)  # its chain client belongs to that thread
        del participant
        thread = threading.Thread(
            target=lambda: town.participant(name, train).take_part(story.task, stop=over.is_set)
        )
        thread.start()
        return thread

    people = [
        contribute("Bob", adding(1.0, examples=30)),
        contribute("Charlie", adding(5.0, examples=10)),
    ]
    report = Job(town.creator("Alice"), story.task, Plan(evaluate=bias)).run(stop=over.is_set)
    for thread in people:
        thread.join(BOUND)
        assert not thread.is_alive()
    timer.cancel()

    assert report.ended == "every round is done"
    assert [done.number for done in report.rounds] == [1, 2, 3]
    for done in report.rounds:  # (30 x 1 + 10 x 5) / 40 = 2 a round
        assert done.figures == {"accuracy": pytest.approx(0.2 * done.number)}
        assert done.base == {"accuracy": pytest.approx(0.2 * (done.number - 1))}
        assert {p.worker: p.examples for p in done.used} == {
            town.address("Bob"): 30,
            town.address("Charlie"): 10,
        }
    assert report.best is not None
    assert report.best.round == 3
    np.testing.assert_allclose(read_layers(report.best.model)["dense/bias"], BASE["dense/bias"] + 6)
    market = town.market("Alice")
    assert market.task(story.task).status is TaskStatus.COMPLETED
    assert market.task(story.task).paid == 6 * REWARD
    assert {w: (e.accepted, e.paid) for w, e in report.earned.items()} == {
        town.address("Bob"): (3, 3 * REWARD),
        town.address("Charlie"): (3, 3 * REWARD),
    }


# -- who comes, and when


def test_a_round_is_closed_with_one_transaction_for_all_verdicts_and_one_for_the_next_round(
    told: Story,
) -> None:
    told.goes_on()
    before = told.town.nonce("Alice")
    told.sends("Bob", "Charlie")
    told.goes_on()
    assert told.round == 2
    assert told.paid() == {"Bob": 1, "Charlie": 1}
    assert told.town.nonce("Alice") == before + 2


def test_the_first_round_waits_for_all_slots_and_later_ones_for_those_who_stayed(
    told: Story,
) -> None:
    told.sends("Bob")
    assert told.goes_on().ended == "stopped, waiting for workers to join: 1 of 2 workers"
    told.sends("Charlie")
    told.goes_on()
    told.town.participant("Charlie", adding(1.0)).release_assignment(told.task)
    told.sends("Bob")
    told.goes_on()
    assert told.round == 3
    assert told.paid() == {"Bob": 2, "Charlie": 1}


def test_a_straggler_is_not_waited_for_and_delivers_the_next_round(told: Story) -> None:
    told.accepts("Charlie")
    told.sends("Bob")
    done = told.goes_on(Plan(fraction=0.5)).rounds[0]
    assert done.missed == (told.town.address("Charlie"),)
    assert told.round == 2
    told.sends("Charlie")
    report = told.goes_on(Plan(fraction=0.5))
    assert [len(r.used) for r in report.rounds] == [1, 1]
    assert told.paid() == {"Bob": 1, "Charlie": 1}


def test_after_its_deadline_a_round_goes_on_with_what_is_there_and_the_late_are_written_off(
    told: Story, chain: DevChain
) -> None:
    plan = Plan(deadline_blocks=20)
    told.accepts("Charlie")
    told.sends("Bob")
    assert "results: 1 of 2" in told.goes_on(plan).ended
    chain.new_block(20)
    told.goes_on(plan)
    assert told.round == 2
    told.sends("Bob")
    told.goes_on(plan)
    assert told.round == 3  # at once: Charlie, who missed the round before, is not waited for
    told.sends("Charlie", "Bob")
    report = told.goes_on(plan)
    assert report.ended == "every round is done"
    assert told.paid() == {"Bob": 3, "Charlie": 1}


def test_who_lets_the_tasks_whole_time_pass_is_replaced(town: Town, chain: DevChain) -> None:
    told = post(town, round_time=BlockNumber(30))
    told.accepts("Charlie")
    told.sends("Bob")
    chain.new_block(30)
    told.goes_on()
    gone = town.market("Alice").assignment(told.task, town.address("Charlie"))
    assert gone is not None
    assert gone.ended
    assert town.market("Alice").reputation(gone.worker).expired == 1
    told.sends("Bob", "Dave")
    told.goes_on()
    told.sends("Bob", "Dave")
    assert told.goes_on().ended == "every round is done"
    assert told.paid() == {"Bob": 3, "Dave": 2}


def test_workers_join_in_round_7_and_leave_in_round_3_of_ten(town: Town) -> None:
    told = post(town, rounds=10, slots=3)
    people = {
        number: [
            "Bob",
            *(["Charlie"] if number <= 3 else []),
            *(["Dave"] if number >= 7 else []),
        ]
        for number in range(1, 11)
    }
    for number, names in people.items():
        if number == 4:
            town.participant("Charlie", adding(1.0)).release_assignment(told.task)
        told.sends(*names)
        report = told.goes_on(Plan(min_workers=2))
    assert [len(done.used) for done in report.rounds] == [2, 2, 2, 1, 1, 1, 2, 2, 2, 2]
    assert told.paid() == {"Bob": 10, "Charlie": 3, "Dave": 4}
    assert town.market("Alice").task(told.task).paid == 17 * REWARD
    assert town.market("Alice").owed(told.task) == 0


def test_what_comes_after_the_last_round_is_federated_is_still_validated_and_paid(
    town: Town,
) -> None:
    told = post(town, rounds=2)
    plan = Plan(fraction=0.5)
    told.accepts("Bob", "Charlie")
    for _ in (1, 2):
        told.sends("Bob")
        report = told.goes_on(plan)
    assert report.ended == "stopped, waiting for late results (every round is done)"
    assert told.goes_on(Plan(fraction=0.5, settle=False)).ended == "every round is done"
    told.sends("Charlie")
    report = told.goes_on(plan)
    assert report.ended == "every round is done"
    assert len(report.rounds[1].used) == 1
    assert told.paid() == {"Bob": 2, "Charlie": 1}


def test_a_result_that_came_in_while_its_round_was_closed_is_paid_too(told: Story) -> None:
    told.accepts("Bob", "Charlie")
    told.sends("Bob")

    def late(event: Event) -> None:
        if event.did is Did.FEDERATED and event.round == 1:
            told.sends("Charlie")

    creator = told.town.creator("Alice", on_event=late)
    report = Job(creator, told.task, Plan(fraction=0.5)).run(once=True)
    assert [len(done.used) for done in report.rounds] == [1]
    assert told.round == 2
    assert told.paid() == {"Bob": 1, "Charlie": 1}


def test_a_job_to_which_nobody_can_deliver_any_more_ends_and_frees_the_rest(
    town: Town, chain: DevChain
) -> None:
    told = post(town, accept_for=BlockNumber(30))
    told.sends("Bob", "Charlie")
    told.goes_on()
    for name in ("Bob", "Charlie"):
        town.participant(name, adding(1.0)).release_assignment(told.task)
    chain.new_block(30)
    report = told.goes_on()
    assert "nobody can deliver another" in report.ended
    assert [done.number for done in report.rounds] == [1]
    task = town.market("Alice").task(told.task)
    assert task.status in (TaskStatus.WITHDRAWN, TaskStatus.COMPLETED)
    assert task.owed == 0


# -- what is sent


def test_a_bad_result_is_rejected_by_name_and_the_round_goes_on_without_it(told: Story) -> None:
    told.sends("Bob")
    told.sends("Charlie", train=diverged)
    report = told.goes_on()
    (refused,) = report.rounds[0].refused.items()
    assert refused[0] == told.town.address("Charlie")
    assert refused[1].startswith("NotFinite: ")
    result = told.town.market("Alice").result(told.task, Round(1), refused[0])
    assert result is not None
    assert (result.status, result.reason) == (ResultStatus.REJECTED, refused[1])
    assert told.round == 2
    assert told.paid() == {"Bob": 1, "Charlie": 0}


def test_a_judge_of_ones_own_decides_who_is_paid_and_federated(told: Story) -> None:
    def at_least_20(checked: object) -> Accept | Reject:
        enough = getattr(checked, "examples", 0) >= 20
        return Accept() if enough else Reject("fewer than 20 examples")

    told.sends("Bob", train=adding(1.0, examples=20))
    told.sends("Charlie", train=adding(2.0, examples=19))
    done = told.goes_on(Plan(judge=at_least_20)).rounds[0]
    assert [part.worker for part in done.used] == [told.town.address("Bob")]
    assert done.refused == {told.town.address("Charlie"): "fewer than 20 examples"}
    assert told.paid() == {"Bob": 1, "Charlie": 0}


def test_a_round_of_bad_results_only_waits_for_better_ones(told: Story) -> None:
    def nothing(training: Training) -> None:
        (training.result / "result.json").write_text('{"examples": 1}')

    told.sends("Bob", "Charlie", train=nothing)
    report = told.goes_on()
    assert report.rounds == ()
    assert told.round == 1
    assert "nobody can deliver another" in report.ended


def test_a_result_that_the_store_lacks_is_asked_for_again_and_used_when_it_is_there(
    told: Story, chain: DevChain
) -> None:
    told.sends("Bob", "Charlie")
    creator = told.town.creator("Alice")
    fetch, lost = creator.store.fetch, set[str]()

    def forgetful(cid: object, *arguments: object, **more: object) -> None:
        if told.town.market("Alice").results_of(told.task)[0].result == cid and not lost:
            lost.add(str(cid))
            raise AssetNotFound(str(cid), "the store")
        fetch(cid, *arguments, **more)  # type: ignore[arg-type]

    creator.store.fetch = forgetful  # type: ignore[method-assign]
    job = Job(creator, told.task, Plan())
    assert "results: 1 of 2" in job.run(once=True).ended
    job.run(once=True)
    assert told.round == 2
    assert told.paid() == {"Bob": 1, "Charlie": 1}


def test_a_pending_result_is_decided_when_half_of_its_time_is_over_though_the_round_goes_on(
    town: Town, chain: DevChain
) -> None:
    told = post(town, validate_time=BlockNumber(40))
    told.accepts("Charlie")
    told.sends("Bob")
    told.goes_on()
    assert told.paid() == {"Bob": 0}
    chain.new_block(20)
    told.goes_on()
    assert told.paid() == {"Bob": 1}
    assert told.round == 1
    told.sends("Charlie")
    assert [len(done.used) for done in told.goes_on().rounds] == [2]


# -- who validates


def test_with_an_evaluator_only_what_it_accepted_is_federated(town: Town) -> None:
    told = post(town, policy=Delegated(town.address("Eve")))
    told.sends("Bob", "Charlie")
    assert "results: 0 of 2" in told.goes_on().ended
    eve = town.evaluator("Eve")
    eve.validate_task_result(told.task, Round(1), town.address("Bob"), Accept())
    eve.validate_task_result(told.task, Round(1), town.address("Charlie"), Reject("no good"))
    done = told.goes_on().rounds[0]
    assert [part.worker for part in done.used] == [town.address("Bob")]
    assert done.refused == {town.address("Charlie"): "no good"}
    assert told.round == 2


def test_results_that_are_accepted_as_they_come_are_checked_before_they_are_federated(
    town: Town,
) -> None:
    told = post(town, policy=AutoAccept(), rounds=2)
    told.sends("Bob")
    told.sends("Charlie", train=diverged)
    done = told.goes_on().rounds[0]
    assert [part.worker for part in done.used] == [town.address("Bob")]
    assert list(done.refused) == [town.address("Charlie")]
    assert told.paid() == {"Bob": 1, "Charlie": 1}  # that is what the creator promised
    told.sends("Bob", "Charlie")
    assert told.goes_on().ended == "every round is done"


# -- when it ends


def test_a_reached_target_ends_the_job_and_frees_the_rest(told: Story) -> None:
    plan = Plan(evaluate=bias, target=0.1)
    told.sends("Bob", "Charlie", train=None)
    report = told.goes_on(plan)
    assert report.ended == "the accuracy of 0.1 was reached in round 1"
    task = told.town.market("Alice").task(told.task)
    assert task.status is TaskStatus.WITHDRAWN
    assert (task.paid, task.owed) == (2 * REWARD, 0)
    assert told.goes_on(plan).ended == report.ended  # again and again the same


def test_a_job_that_stopped_early_can_keep_its_task_and_go_on_by_another_plan(told: Story) -> None:
    told.sends("Bob", "Charlie")
    told.goes_on(Plan(evaluate=bias, target=0.1, withdraw_rest=False))
    assert told.round == 1
    assert told.town.market("Alice").task(told.task).status is TaskStatus.IN_PROGRESS
    told.goes_on(Plan(evaluate=bias))
    assert told.round == 2


def test_a_job_can_end_before_its_task_has(told: Story) -> None:
    for _ in (1, 2):
        told.sends("Bob", "Charlie")
        report = told.goes_on(Plan(rounds=2))
    assert report.ended == "2 rounds are done"
    task = told.town.market("Alice").task(told.task)
    assert (task.round, task.status, task.owed) == (2, TaskStatus.WITHDRAWN, 0)


def test_the_best_model_is_kept_though_later_ones_are_worse(town: Town, tmp_path: Path) -> None:
    told, output = post(town), tmp_path / "best.safetensors"
    plan = Plan(evaluate=bias, output=output)
    steps = {1: 2.0, 2: -3.0, 3: 0.5}
    for step in steps.values():
        told.sends("Bob", train=adding(step, examples=1))
        told.sends("Charlie", train=adding(step + 0.5, examples=1))
        report = told.goes_on(plan)
    assert report.best is not None
    assert report.best.round == 1
    assert report.best.value == pytest.approx(0.225)
    assert bias(report.best.model)["accuracy"] == pytest.approx(0.225)
    assert output.read_bytes() == report.best.model.read_bytes()
    assert town.store.has(report.best.cid)


def test_nothing_adds_up_in_the_workspace(town: Town) -> None:
    told = post(town, rounds=5)
    for _ in range(5):
        told.sends("Bob", "Charlie")
        told.goes_on()
    folder = town.creator("Alice").workspace.task(told.task)
    kept = sorted(str(p.relative_to(folder)) for p in folder.glob("round-*/*"))
    assert [k for k in kept if k.startswith(("round-1", "round-2", "round-3"))] == []


def test_a_withdrawn_task_is_federated_as_far_as_it_went(told: Story) -> None:
    told.sends("Bob", "Charlie")
    told.town.creator("Alice").withdraw_task(told.task)
    report = told.goes_on()
    assert report.ended == "the task is withdrawn"
    assert [len(done.used) for done in report.rounds] == [2]
    assert told.paid() == {"Bob": 1, "Charlie": 1}


def test_a_job_is_for_ones_own_contribution_tasks(town: Town) -> None:
    told = post(town)
    with pytest.raises(OutOfOrder, match="another account's"):
        Job(town.creator("Bob"), told.task, Plan())
    with pytest.raises(UnknownTask):
        Job(town.creator("Alice"), TaskId(2**40), Plan())
    other = town.creator("Alice").create_task(
        town.bundle(), an_offer(kind=TaskKind.ENGINEERING), model=town.base_model()
    )
    with pytest.raises(WrongKind):
        Job(town.creator("Alice"), other.task, Plan())


def test_a_round_whose_start_the_chain_has_dropped_is_waited_for(told: Story) -> None:
    told.sends("Bob", "Charlie")
    creator = told.town.creator("Alice")
    journal = creator.workspace.journal
    posted = next(journal.calls("create/"))
    assert posted.outcome is not None
    journal.write_signed(f"start_round/{told.task}/2", "start_round", posted.signed)
    journal.write_done(f"start_round/{told.task}/2", posted.outcome)
    assert told.goes_on().ended == "stopped, waiting for the chain to catch up"


# -- strategies


def test_a_strategy_remembers_from_round_to_round_in_processes_of_their_own(told: Story) -> None:
    plan = Plan(strategy=FedAvgM(momentum=0.5, learning_rate=1.0), min_workers=1)
    for _ in range(3):
        told.sends("Bob", train=adding(1.0))
        report = told.goes_on(plan)
    # Steps of 1, 1.5, 1.75: each the last one's half and 1.
    assert report.model is not None
    np.testing.assert_allclose(read_layers(report.model)["dense/bias"], 1 + 1.5 + 1.75)


def test_what_a_strategy_asks_of_contributors_is_told_in_every_round(town: Town) -> None:
    strategy = FedProx(mu=0.25)
    told, seen = post(town, strategy), []

    def train(training: Training) -> None:
        assert training.settings is not None
        seen.append((int(training.round), read_settings(training.settings)))
        adding(1.0)(training)

    for _ in range(3):
        told.sends("Bob", train=train)
        told.goes_on(Plan(strategy=strategy, min_workers=1))
    said = {"strategy": "fedprox", "settings": {"mu": 0.25}}
    assert seen == [(1, said), (2, said), (3, said)]


def test_settings_may_depend_on_the_round(town: Town) -> None:
    class Cooling(FedAvgM):
        def client_settings(self, number: int) -> dict[str, object]:
            return {"learning_rate": 1 / number}

    told, seen = post(town, Cooling()), []

    def train(training: Training) -> None:
        assert training.settings is not None
        seen.append(read_settings(training.settings)["settings"])
        adding(1.0)(training)

    for _ in range(3):
        told.sends("Bob", train=train)
        told.goes_on(Plan(strategy=Cooling(), min_workers=1))
    assert seen == [{"learning_rate": 1.0}, {"learning_rate": 0.5}, {"learning_rate": 1 / 3}]


def test_scaffold_s_control_goes_out_and_its_changes_come_back(town: Town) -> None:
    told, controls = post(town, Scaffold()), []

    def train(training: Training) -> None:
        assert training.strategy is not None
        controls.append(float(read_layers(training.strategy)["dense/bias"][0]))
        adding(1.0)(training)
        adding(0.0)(training)  # the model again: result.json and weights as they must be
        _write_control_change(training, 2.0)

    for _ in range(3):
        told.sends("Bob", train=train)
        report = told.goes_on(Plan(strategy=Scaffold(), min_workers=1))
    assert report.ended == "every round is done"
    assert controls == [0.0, 2.0, 4.0]


def _write_control_change(training: Training, by: float) -> None:
    change = {name: np.full_like(layer, by) for name, layer in BASE.items()}
    save_file(change, training.result / "strategy.safetensors")


def test_a_strategy_that_needs_more_results_is_waited_for(town: Town) -> None:
    told = post(town, slots=5)
    plan = Plan(strategy=Krum(f=1), min_workers=3)
    told.sends("Bob", "Charlie", "Dave")
    assert told.goes_on(plan).rounds == ()
    told.sends("Eve", "Ferdie")
    assert [len(done.used) for done in told.goes_on(plan).rounds] == [5]


# -- what is shown


def test_stopped_and_run_again_a_job_writes_every_round_once(told: Story, tmp_path: Path) -> None:
    from decentralml.learning import curves

    path = tmp_path / "curves.jsonl"
    plan = Plan(evaluate=bias, curves=path)
    for _ in range(2):
        told.sends("Bob", "Charlie")
        told.goes_on(plan)
        told.goes_on(plan)
    path.write_bytes(path.read_bytes() + b'{"round": 9, "cut')  # by a process that was killed
    told.sends("Bob", "Charlie")
    report = told.goes_on(plan)
    lines = curves.read(path)
    assert [line["round"] for line in lines] == [1, 2, 3]
    assert [line["federated"] for line in lines] == [dict(r.figures) for r in report.rounds]
    assert lines[0]["model"] == report.rounds[0].cid


def test_a_file_of_something_else_is_not_written_over(told: Story, tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    path.write_text('{"loss": 3}\n')
    told.sends("Bob", "Charlie")
    with pytest.raises(OutOfOrder, match="that file is of something else"):
        told.goes_on(Plan(curves=path))
    assert path.read_text() == '{"loss": 3}\n'
