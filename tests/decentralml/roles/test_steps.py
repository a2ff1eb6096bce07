"""What a worker does next, as a table of situations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decentralml.chain.records import (
    Assignment,
    Manual,
    ResultStatus,
    Schedule,
    Task,
    TaskKind,
    TaskResult,
    TaskStatus,
    Terms,
)
from decentralml.roles.steps import (
    Accept,
    AskTrust,
    Claim,
    Facts,
    FetchBundle,
    FetchModel,
    Finished,
    Progress,
    Release,
    Run,
    Send,
    Step,
    Upload,
    Wait,
    is_open,
    next_step,
)
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

HEAD = BlockNumber(100)
WORKER, CREATOR = AccountId("worker"), AccountId("creator")
DELIVERY = Cid("bafydelivery")


def a_task(*, rounds: int = 3, round_: int = 2, assigned: int = 1, **changes: object) -> Task:
    terms = Terms(
        kind=TaskKind.CONTRIBUTION,
        title="digits",
        bundle=Cid("bafybundle"),
        model=Cid("bafymodel"),
        reward=Planck(10),
        slots=2,
        rounds=rounds,
        policy=Manual(),
        schedule=Schedule(BlockNumber(200), BlockNumber(50), BlockNumber(20), BlockNumber(20)),
    )
    task = Task(
        id=TaskId(7),
        creator=CREATOR,
        terms=terms,
        model=Cid("bafymodel"),
        round=Round(round_),
        round_started=BlockNumber(90),
        status=TaskStatus.IN_PROGRESS,
        assigned=assigned,
        owed=Planck(60),
        paid=Planck(0),
        waiting=0,
        units=2,
        unsettled=0,
    )
    return replace(task, **changes)  # type: ignore[arg-type]


def an_assignment(until: int | None = 140, *, ended: bool = False) -> Assignment:
    return Assignment(
        task=TaskId(7),
        worker=WORKER,
        since=BlockNumber(80),
        until=None if until is None else BlockNumber(until),
        first_round=Round(1),
        last_round=Round(1),
        delivered=1,
        stake=Planck(3),
        ended=ended,
    )


def a_result(
    round_: int = 2,
    status: ResultStatus = ResultStatus.PENDING,
    deadline: int | None = 110,
) -> TaskResult:
    return TaskResult(
        task=TaskId(7),
        round=Round(round_),
        worker=WORKER,
        result=DELIVERY,
        sent=BlockNumber(90),
        status=status,
        reason=None,
        deadline=None if deadline is None else BlockNumber(deadline),
        paid=Planck(0),
        bond=Planck(0),
    )


def facts(
    task: Task | None,
    assignment: Assignment | None = None,
    *results: TaskResult,
    head: int = HEAD,
) -> Facts:
    return Facts(BlockNumber(head), task, assignment, results)


NEW = Progress()
HAS_BUNDLE = Progress(bundle=True)
TRUSTED = Progress(bundle=True, trusted=True)
READY = Progress(bundle=True, trusted=True, model=True)
RAN = replace(READY, delivery=True)
STORED = replace(RAN, uploaded=DELIVERY)


@pytest.mark.parametrize(
    ("progress", "step"),
    [
        (NEW, FetchBundle()),
        (HAS_BUNDLE, AskTrust()),
        (TRUSTED, Accept()),
        (Progress(bundle=True, trusted=False), Finished("its script is not trusted")),
    ],
)
def test_before_accepting_the_bundle_is_had_and_trusted(progress: Progress, step: Step) -> None:
    assert next_step(facts(a_task()), progress) == step


@pytest.mark.parametrize(
    ("progress", "step"),
    [
        (NEW, FetchBundle()),
        (HAS_BUNDLE, AskTrust()),
        (Progress(bundle=True, trusted=False), Release("its script is not trusted")),
        (TRUSTED, FetchModel()),
        (READY, Run()),
        (replace(READY, failures=1), Run()),
        (replace(READY, failures=2), Release("its work failed 2 times")),
        (RAN, Upload()),
        (replace(RAN, failures=2), Upload()),
        (STORED, Send(DELIVERY)),
    ],
)
def test_an_assigned_worker_goes_on_where_it_was(progress: Progress, step: Step) -> None:
    assert next_step(facts(a_task(), an_assignment()), progress) == step


@pytest.mark.parametrize(
    ("head", "opens"), [(198, True), (199, False), (200, False)], ids=["before", "at", "after"]
)
def test_a_task_can_be_accepted_while_the_next_block_is_before_its_limit(
    head: int, opens: bool
) -> None:
    assert is_open(a_task(), BlockNumber(head)) is opens
    step = next_step(facts(a_task(), head=head), TRUSTED)
    assert step == (Accept() if opens else Finished("the task takes no more workers"))


@pytest.mark.parametrize("status", [TaskStatus.COMPLETED, TaskStatus.WITHDRAWN])
def test_a_task_that_is_over_is_not_accepted(status: TaskStatus) -> None:
    step = next_step(facts(a_task(status=status)), TRUSTED)
    assert step == Finished("the task takes no more workers")


def test_a_task_without_a_free_slot_is_waited_for_until_it_takes_nobody_any_more() -> None:
    step = next_step(facts(a_task(assigned=2)), TRUSTED)
    assert step == Wait(BlockNumber(200), "a free slot")


def test_a_round_whose_money_is_all_spoken_for_takes_a_worker_only_when_another_follows() -> None:
    spent = a_task(waiting=0, units=0)
    assert next_step(facts(spent), TRUSTED) == Accept()
    last = a_task(round_=3, waiting=0, units=0)
    assert next_step(facts(last), TRUSTED) == Wait(BlockNumber(200), "a free slot")
    opened = a_task(round_=3, waiting=0, units=1)
    assert next_step(facts(opened), TRUSTED) == Accept()


@pytest.mark.parametrize(("head", "late"), [(138, False), (139, True), (140, True)])
def test_a_result_is_sent_only_while_the_next_block_is_within_the_round(
    head: int, late: bool
) -> None:
    step = next_step(facts(a_task(), an_assignment(140), head=head), STORED)
    over = Release("the round's time is over without a result")
    assert step == (over if late else Send(DELIVERY))


@pytest.mark.parametrize(("head", "due"), [(108, False), (109, True), (110, True)])
@pytest.mark.parametrize("status", [ResultStatus.PENDING, ResultStatus.DISPUTED])
def test_silence_past_a_deadline_is_claimed(status: ResultStatus, head: int, due: bool) -> None:
    word = {
        ResultStatus.PENDING: "validation",
        ResultStatus.DISPUTED: "the arbiter's ruling",
    }[status]
    step = next_step(
        facts(a_task(), an_assignment(None), a_result(status=status), head=head), STORED
    )
    assert step == (Claim(Round(2)) if due else Wait(BlockNumber(110), word))


def test_a_claim_of_an_earlier_round_comes_before_the_running_rounds_work() -> None:
    step = next_step(facts(a_task(), an_assignment(), a_result(1), head=115), READY)
    assert step == Claim(Round(1))


def test_a_pending_earlier_round_does_not_hold_up_the_running_one() -> None:
    assert next_step(facts(a_task(), an_assignment(), a_result(1)), READY) == Run()


def test_a_worker_that_delivered_waits_for_the_next_round() -> None:
    paid = a_result(status=ResultStatus.ACCEPTED, deadline=None)
    assert next_step(facts(a_task(), an_assignment(None), paid), STORED) == Wait(None, "round 3")


def test_a_rejection_within_the_job_does_not_end_it() -> None:
    rejected = a_result(status=ResultStatus.REJECTED, deadline=105)
    step = next_step(facts(a_task(), an_assignment(None), rejected, head=110), STORED)
    assert step == Wait(None, "round 3")


def test_a_rejection_of_the_last_round_is_closed_so_that_the_stake_comes_back() -> None:
    rejected = a_result(3, ResultStatus.REJECTED, deadline=105)
    last = a_task(round_=3)
    assert next_step(facts(last, an_assignment(None), rejected), STORED) == Wait(
        BlockNumber(105), "validation"
    )
    assert next_step(facts(last, an_assignment(None), rejected, head=110), STORED) == Claim(
        Round(3)
    )


@pytest.mark.parametrize("status", [TaskStatus.COMPLETED, TaskStatus.WITHDRAWN])
def test_a_stake_in_a_task_that_is_over_is_taken_back(status: TaskStatus) -> None:
    step = next_step(facts(a_task(status=status), an_assignment(None)), STORED)
    assert step == Release("the task is over")


def test_the_running_round_of_a_withdrawn_task_is_still_delivered() -> None:
    withdrawn = a_task(status=TaskStatus.WITHDRAWN)
    assert next_step(facts(withdrawn, an_assignment()), READY) == Run()


def test_an_ended_assignment_with_nothing_pending_is_finished() -> None:
    step = next_step(facts(a_task(), an_assignment(None, ended=True)), STORED)
    assert step == Finished("the assignment is over")


def test_an_ended_assignment_still_has_its_pending_result_looked_after() -> None:
    over = an_assignment(None, ended=True)
    assert next_step(facts(a_task(), over, a_result()), NEW) == Wait(BlockNumber(110), "validation")
    assert next_step(facts(a_task(), over, a_result(), head=110), NEW) == Claim(Round(2))


def test_a_task_that_was_cleaned_up_is_finished() -> None:
    assert next_step(facts(None), STORED) == Finished("the task was cleaned up")
