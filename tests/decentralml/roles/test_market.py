"""The market's stories from end to end, by the real runtime."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from decentralml.chain.call_errors import NotPending, NotValidator, UnknownTask
from decentralml.chain.records import (
    Accept,
    AutoAccept,
    Delegated,
    Reject,
    ResultStatus,
    Ruling,
    TaskKind,
    TaskStatus,
)
from decentralml.errors import (
    AssetNotFound,
    DraftChanged,
    NothingToFederate,
    NotTrusted,
    OutOfOrder,
    TaskFailed,
    WorkspaceBusy,
    WrongKind,
)
from decentralml.roles.contributor import Contributor
from decentralml.roles.events import Did, Event
from decentralml.roles.rooms import Machine, Preview
from decentralml.roles.worker import Wanted
from decentralml.runner import Limits, TrustedRunner
from decentralml.types import BlockNumber, Cid, Round, TaskId
from pallets_mock.testing import DevChain
from tests.decentralml.roles.town import BASE, REWARD, STAKE, Town, an_offer, layers_of

ONE, TWO = Round(1), Round(2)


def posted(town: Town, **terms: object) -> TaskId:
    return (
        town.creator("Alice")
        .create_task(town.bundle(), an_offer(**terms), model=town.base_model())
        .task
    )


def only(task: TaskId) -> Wanted:
    return Wanted(tasks=frozenset({task}))


def deliver(town: Town, name: str, task: TaskId) -> None:
    report = town.contributor(name).work(only(task), once=True)
    assert report.sent[-1][0] == task


# -- one step at a time


def test_a_contribution_is_validated_paid_and_federated_by_examples(town: Town) -> None:
    task = posted(town)
    town.data("Bob", step=1.0, examples=30)
    town.data("Charlie", step=5.0, examples=10)
    for name in ("Bob", "Charlie"):
        worker = town.contributor(name)
        worker.accept_task(task)
        assert (worker.run(task) / "weights.safetensors").is_file()
        assert worker.send_task_result(task).status is ResultStatus.PENDING
    creator = town.creator("Alice")

    verdicts = creator.validate_all(task)
    report = creator.federate(task)

    assert [verdict for _, verdict in verdicts] == [Accept(), Accept()]
    assert creator.show(task).paid == 2 * REWARD
    assert creator.show(task).status is TaskStatus.COMPLETED
    assert {part.worker: part.examples for part in report.used} == {
        town.address("Bob"): 30,
        town.address("Charlie"): 10,
    }
    for name, layer in layers_of(report.model).items():
        np.testing.assert_allclose(layer, BASE[name] + 2.0)  # (30 x 1 + 10 x 5) / 40


def test_several_verdicts_go_out_in_one_transaction_and_one_that_fails_hinders_no_other(
    town: Town,
) -> None:
    task = posted(town, slots=3)
    for step, name in enumerate(("Bob", "Charlie", "Dave"), 1):
        town.data(name, step=float(step))
        deliver(town, name, task)
    seen: list[Event] = []
    creator = town.creator("Alice", on_event=seen.append)
    pending = creator.results(task)
    creator.validate_task_result(task, ONE, pending[0].worker, Accept())
    before = town.nonce("Alice")

    outcomes = creator.validate_task_results(
        task, [(pending[0], Accept()), (pending[1], Accept()), (pending[2], Reject("no\ngood"))]
    )

    assert town.nonce("Alice") == before + 1
    assert isinstance(outcomes[0], NotPending)
    assert outcomes[1] == outcomes[2] == creator.market.head()
    assert [r.status for r in creator.results(task)] == [
        ResultStatus.ACCEPTED,
        ResultStatus.ACCEPTED,
        ResultStatus.REJECTED,
    ]
    assert creator.results(task)[2].reason == "no good"
    assert [event.did for event in seen if event.did is not Did.DOWNLOADED][1:] == [
        Did.FAILED,
        Did.VALIDATED,
        Did.REFUSED,
    ]


def test_more_verdicts_than_fit_into_one_transaction_take_several(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decentralml.roles.judging.MAX_BATCH", 2)
    task = posted(town, slots=3)
    for step, name in enumerate(("Bob", "Charlie", "Dave"), 1):
        town.data(name, step=float(step))
        deliver(town, name, task)
    before = town.nonce("Alice")
    verdicts = town.creator("Alice").validate_all(task)
    assert [verdict for _, verdict in verdicts] == [Accept()] * 3
    assert town.nonce("Alice") == before + 2
    assert town.creator("Alice").show(task).paid == 3 * REWARD


def test_when_the_chain_takes_none_of_the_verdicts_the_first_refusal_is_raised(
    town: Town,
) -> None:
    task = posted(town, policy=Delegated(town.address("Eve")))
    for step, name in enumerate(("Bob", "Charlie"), 1):
        town.data(name, step=float(step))
        deliver(town, name, task)
    with pytest.raises(NotValidator):
        town.creator("Alice").validate_all(task)


def test_an_auto_accepted_result_is_paid_when_it_is_sent(town: Town) -> None:
    task = posted(town, policy=AutoAccept(), slots=1)
    deliver(town, "Bob", task)
    bob = town.contributor("Bob")
    assert bob.results(task)[0].status is ResultStatus.ACCEPTED
    assert bob.market.reputation(bob.account).earned == REWARD
    assert bob.owed(task) == 0


def test_a_delegated_task_is_validated_by_its_evaluator_alone(town: Town) -> None:
    task = posted(town, policy=Delegated(town.address("Eve")), slots=1)
    eve = town.evaluator("Eve")
    assert [seen.id for seen in eve.tasks()] == [task]
    deliver(town, "Bob", task)
    with pytest.raises(NotValidator):
        town.creator("Alice").validate_task_result(task, ONE, town.address("Bob"), Accept())

    eve.work(once=True)

    assert eve.results(task)[0].status is ResultStatus.ACCEPTED
    assert eve.show(task).paid == REWARD


def test_silence_past_the_validators_time_is_paid_by_the_workers_daemon(
    town: Town, chain: DevChain
) -> None:
    task = posted(town, slots=1, validate_time=BlockNumber(3))
    deliver(town, "Bob", task)
    chain.new_block(3)
    report = town.contributor("Bob").work(only(task))
    assert report.finished == {task: "the assignment is over"}
    assert town.creator("Alice").show(task).paid == REWARD


def test_a_rejected_worker_who_wins_the_dispute_is_paid(town: Town) -> None:
    task = posted(town, slots=1, arbiter=town.address("Ferdie"))
    deliver(town, "Bob", task)
    worker, creator = town.contributor("Bob"), town.creator("Alice")
    creator.validate_task_result(task, ONE, worker.account, Reject("no\nlike"))
    assert worker.results(task)[0].reason == "no like"
    worker.dispute_result(task, ONE)

    town.creator("Ferdie").resolve_dispute(task, ONE, worker.account, Ruling.WORKER)

    assert worker.results(task)[0].paid == REWARD
    assert worker.market.reputation(worker.account).disputes_won == 1


def test_a_verdict_given_before_is_not_given_again(town: Town) -> None:
    task = posted(town, slots=1)
    deliver(town, "Bob", task)
    creator, bob = town.creator("Alice"), town.address("Bob")
    first = creator.validate_task_result(task, ONE, bob, Accept())
    assert creator.validate_task_result(task, ONE, bob, Accept()) == first
    assert creator.validate_all(task) == []


def test_an_undisputed_rejection_is_closed_and_frees_the_pay(town: Town, chain: DevChain) -> None:
    task = posted(town, slots=1, dispute_time=BlockNumber(2), accept_for=BlockNumber(30))
    deliver(town, "Bob", task)
    creator, bob = town.creator("Alice"), town.address("Bob")
    creator.validate_task_result(task, ONE, bob, Reject("empty"))
    chain.new_block(2)
    creator.claim_result(task, ONE, bob)
    assert creator.results(task)[0].is_settled
    assert creator.show(task).paid == 0


# -- posting


def test_posting_again_under_a_key_gives_the_same_task(town: Town) -> None:
    creator = town.creator("Alice")
    first = creator.create_task(town.bundle(), an_offer(), model=town.base_model(), key="job")
    again = creator.create_task(town.bundle(), an_offer(), model=town.base_model(), key="job")
    assert again == first
    assert [task.id for task in creator.tasks()] == [first.task]


def test_another_offer_under_a_used_key_is_refused(town: Town) -> None:
    creator = town.creator("Alice")
    creator.create_task(town.bundle(), an_offer(), key="job")
    with pytest.raises(DraftChanged) as refused:
        creator.create_task(town.bundle(more__txt="x"), an_offer(slots=3), key="job")
    assert refused.value.differs == ("slots", "bundle")


def test_posting_twice_without_a_key_makes_two_tasks(town: Town) -> None:
    creator = town.creator("Alice")
    tasks = {creator.create_task(town.bundle(), an_offer()).task for _ in range(2)}
    assert len(tasks) == 2


def test_a_withdrawn_task_gives_back_all_that_it_held(town: Town) -> None:
    creator = town.creator("Alice")
    task = posted(town)
    assert creator.market.balance().held > 2 * REWARD
    creator.withdraw_task(task)
    creator.prune_task(task)
    assert creator.market.balance().held == 0
    assert creator.tasks() == []


# -- rounds


def test_a_daemon_delivers_each_round_as_it_starts(town: Town) -> None:
    task = posted(town, rounds=2, slots=1)
    town.data("Bob", step=1.0, examples=10)
    sent = threading.Event()

    def notice(event: Event) -> None:
        if event.did is Did.SENT:
            sent.set()

    reports = []

    def work() -> None:
        reports.append(town.contributor("Bob", on_event=notice).work(only(task)))

    daemon = threading.Thread(target=work)
    daemon.start()
    creator = town.creator("Alice")
    assert sent.wait(60)
    sent.clear()
    creator.validate_all(task)
    creator.federate(task)
    creator.start_round(task)
    assert sent.wait(60)
    creator.validate_all(task)
    daemon.join(60)
    assert not daemon.is_alive()
    assert reports[0].sent == [(task, ONE), (task, TWO)]
    assert reports[0].finished == {task: "the assignment is over"}
    assert creator.show(task).status is TaskStatus.COMPLETED
    second = creator.federate(task, TWO)
    for name, layer in layers_of(second.model).items():
        np.testing.assert_allclose(layer, BASE[name] + 2.0)  # one more in each of two rounds


def test_a_round_is_not_started_before_anything_was_federated(town: Town) -> None:
    task = posted(town, rounds=2)
    with pytest.raises(OutOfOrder, match="nothing was federated"):
        town.creator("Alice").start_round(task)
    with pytest.raises(NothingToFederate):
        town.creator("Alice").federate(task)


def test_a_round_started_by_its_number_is_started_once(town: Town) -> None:
    task = posted(town, rounds=3)
    creator = town.creator("Alice")
    for _ in range(2):
        assert creator.start_round(task, town.base_model(), number=TWO).round == 2


# -- what is refused


def test_a_role_takes_only_its_own_kind_of_task(town: Town) -> None:
    task = posted(town, kind=TaskKind.ENGINEERING)
    with pytest.raises(WrongKind, match="no work for the role contributor"):
        town.contributor("Bob").accept_task(task)
    assert task not in {t.id for t in town.contributor("Bob").open_tasks()}
    assert task in {t.id for t in town.engineer("Bob").open_tasks()}


def test_steps_out_of_order_say_what_comes_first(town: Town) -> None:
    task = posted(town)
    bob = town.contributor("Bob")
    with pytest.raises(OutOfOrder, match="accept the task first"):
        bob.run(task)
    bob.accept_task(task)
    with pytest.raises(OutOfOrder, match="run the task first"):
        bob.send_task_result(task)
    assert bob.release_assignment(task) is not None
    with pytest.raises(OutOfOrder, match="the assignment is over"):
        bob.run(task)
    assert bob.release_assignment(task) is None


def test_a_task_whose_bundle_is_nowhere_is_not_accepted(town: Town) -> None:
    market = town.market("Alice")
    nowhere = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
    task, _ = market.create_task(an_offer().terms(nowhere, None, market.head()))
    bob = town.contributor("Bob")
    with pytest.raises(AssetNotFound):
        bob.accept_task(task)
    assert bob.market.balance().held == 0


def test_a_script_that_is_not_trusted_is_not_run(town: Town) -> None:
    task = posted(town)
    seen: list[Preview] = []

    def look(preview: Preview) -> bool:
        seen.append(preview)
        return False

    machine = Machine(TrustedRunner(), Limits(), town.data("Bob"), look)
    bob = Contributor(town.rooms("Bob"), machine)
    bob.accept_task(task)
    with pytest.raises(NotTrusted):
        bob.run(task)
    assert "WITHOUT a sandbox" in seen[0].touches
    assert town.runs("Bob") == 0


def test_a_daemon_asks_for_trust_before_it_holds_a_stake(town: Town) -> None:
    task = posted(town)
    machine = Machine(TrustedRunner(), Limits(), town.data("Bob"), lambda preview: False)
    bob = Contributor(town.rooms("Bob"), machine)
    assert bob.work(only(task), once=True).sent == []
    assert bob.market.assignment(task, bob.account) is None


def test_a_script_that_fails_says_why_and_its_assignment_is_given_up(town: Town) -> None:
    folder = town.bundle(train__py="raise SystemExit('no data of mine')\n")
    task = town.creator("Alice").create_task(folder, an_offer()).task
    bob = town.contributor("Bob")
    bob.accept_task(task)
    with pytest.raises(TaskFailed, match="no data of mine"):
        bob.run(task)
    report = bob.work(only(task))
    assert report.finished == {task: "the assignment is over"}
    assert town.runs("Bob") == 2
    assert bob.market.balance().held < STAKE  # only the deposit of what the chain keeps


def test_two_daemons_do_not_share_a_workspace(town: Town) -> None:
    with (
        town.contributor("Bob").workspace.hold(),
        pytest.raises(WorkspaceBusy),
    ):
        town.contributor("Bob").work(once=True)


def test_a_deliverys_absence_is_waited_for_and_then_rejected(town: Town, chain: DevChain) -> None:
    task = posted(town, slots=1, validate_time=BlockNumber(40))
    bob = town.contributor("Bob")
    bob.accept_task(task)
    nowhere = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
    bob.market.send_task_result(task, ONE, nowhere)
    creator = town.creator("Alice")
    assert [verdict for _, verdict in creator.validate_all(task)] == [None]
    chain.new_block(30)
    [(checked, verdict)] = creator.validate_all(task)
    assert checked.missing
    assert verdict == Reject("the result could not be downloaded in time")
    assert creator.results(task)[0].status is ResultStatus.REJECTED


# -- what people see


def test_the_observer_is_told_each_step_in_order(town: Town) -> None:
    task = posted(town, policy=AutoAccept())
    events: list[Event] = []
    town.contributor("Bob", on_event=events.append).work(only(task), once=True)
    told = [e.did for e in events if e.did not in (Did.DOWNLOADING, Did.UPLOADING)]
    assert told == [
        Did.DOWNLOADED,
        Did.ACCEPTED,
        Did.DOWNLOADED,
        Did.STARTED,
        Did.PRINTED,
        Did.MADE,
        Did.UPLOADED,
        Did.SENT,
        Did.FINISHED,
    ]
    assert "trained round 1" in [e.text for e in events]
    assert all(e.block is not None for e in events if e.did in (Did.ACCEPTED, Did.SENT))


def test_a_daemon_with_nothing_to_do_stops_when_asked(town: Town) -> None:
    asked = threading.Event()

    def stop() -> bool:
        asked.set()
        return True

    assert town.contributor("Bob").work(Wanted(), stop=stop).sent == []
    assert asked.is_set()


@pytest.mark.parametrize("suffix", [".safetensors"])
def test_evaluating_tells_what_each_model_is_worth(town: Town, suffix: str) -> None:
    task = posted(town, slots=1)
    deliver(town, "Bob", task)

    def mean(model: Path) -> dict[str, float]:
        assert model.suffix == suffix
        return {"mean": float(np.mean(layers_of(model)["dense/bias"]))}

    report = town.creator("Alice").federate(task, evaluate=mean)
    assert (report.base, report.federated) == ({"mean": 0.0}, {"mean": 1.0})
    assert report.used[0].measured == {"mean": 1.0}
    assert report.used[0].claimed == {"step": 1.0}


# -- validators' daemons


def test_a_creators_watch_pays_each_result_as_it_comes(town: Town) -> None:
    task = posted(town)
    paid = threading.Event()
    ended = threading.Event()

    def notice(event: Event) -> None:
        if event.did is Did.VALIDATED:
            paid.set()

    def look() -> None:
        creator = town.creator("Alice", on_event=notice)
        creator.watch(lambda: [task], stop=ended.is_set)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        for name, step in (("Bob", 1.0), ("Charlie", 2.0)):
            town.data(name, step=step)
            deliver(town, name, task)
            assert paid.wait(60)
            paid.clear()
    finally:
        ended.set()
        watch.join(60)
    assert not watch.is_alive()
    assert town.creator("Alice").show(task).paid == 2 * REWARD


def test_an_evaluator_finds_a_task_that_is_full_and_forgets_one_that_is_gone(town: Town) -> None:
    task = posted(town, policy=Delegated(town.address("Eve")), slots=1)
    posted(town, policy=Delegated(town.address("Dave")), slots=1)
    town.contributor("Bob").accept_task(task)
    eve = town.evaluator("Eve")
    assert [t.id for t in eve.tasks()] == [task]
    town.contributor("Bob").release_assignment(task)
    creator = town.creator("Alice")
    creator.withdraw_task(task)
    creator.prune_task(task)
    assert eve.tasks() == []
    eve.work(once=True)


def test_a_judge_of_ones_own_decides(town: Town) -> None:
    task = posted(town, slots=1)
    deliver(town, "Bob", task)
    creator = town.creator("Alice")
    [(first, left)] = creator.validate_all(task, lambda checked: None)
    assert left is None
    assert first.metrics == (("step", 1.0),)
    [(_, verdict)] = creator.validate_all(task, lambda checked: Reject("too few examples"))
    assert verdict == Reject("too few examples")
    assert creator.results(task)[0].reason == "too few examples"


def test_a_worker_who_let_a_round_pass_loses_the_slot(town: Town, chain: DevChain) -> None:
    task = posted(town, slots=1, round_time=BlockNumber(5))
    town.contributor("Bob").accept_task(task)
    chain.new_block(5)
    creator = town.creator("Alice")
    creator.release_expired(task, town.address("Bob"))
    assert creator.show(task).assigned == 0
    assert creator.market.reputation(town.address("Bob")).expired == 1


def test_a_round_without_a_known_model_is_not_federated(town: Town) -> None:
    task = town.creator("Alice").create_task(town.bundle(), an_offer()).task
    with pytest.raises(OutOfOrder, match="not known"):
        town.creator("Alice").federate(task)


def test_a_watch_of_a_task_that_is_not_there_says_so_and_one_that_goes_away_is_left(
    town: Town,
) -> None:
    task = posted(town)
    creator = town.creator("Alice")
    with pytest.raises(UnknownTask):
        creator.watch(lambda: [task, TaskId(2**40)], once=True)
    looks = iter([[task], [task, TaskId(2**40)]])
    creator.watch(lambda: next(looks), once=True)
