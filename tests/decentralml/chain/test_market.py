"""The market's calls and reads, against the real runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from decentralml.chain import call_errors, calls
from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import (
    Accept,
    AutoAccept,
    Delegated,
    Reject,
    ResultStatus,
    Ruling,
    Task,
    TaskKind,
    TaskStatus,
    Terms,
)
from decentralml.chain.signed import Receipt
from decentralml.errors import (
    CallRejected,
    InsufficientFunds,
    InvalidAddress,
    InvalidCall,
    MalformedChainData,
    NoSigner,
    WrongSigner,
)
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId
from pallets_mock.testing import DevChain
from tests.chains import SharedChain, address_of, as_many, uri_of
from tests.decentralml.chain.conftest import People

EVALUATOR = AccountId("5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy")

MakeTerms = Callable[..., Terms]
TOKEN = 10**12
BUNDLE = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
RESULT = Cid("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
FIRST = Round(1)
NO_TASK = TaskId(2**40)
VALIDATE_TIME = BlockNumber(20)


def soon_accepted(terms: MakeTerms) -> Terms:
    """Terms under which silence is acceptance after seconds rather than minutes."""
    return terms(schedule=replace(terms().schedule, validate_time=VALIDATE_TIME))


def test_a_posted_task_is_read_with_the_terms_that_were_posted(
    alice: Market, terms: MakeTerms
) -> None:
    said = terms(
        kind=TaskKind.ANNOTATION_AUDIO,
        title="Vögel 🐦",
        policy=Delegated(EVALUATOR),
        model=BUNDLE,
        rounds=4,
        stake=Planck(TOKEN),
        arbiter=AccountId("5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"),
        sealing_key=bytes(range(32)),
    )
    number, receipt = alice.create_task(said)

    task = alice.task(number)
    assert (task.id, task.creator, task.terms) == (number, alice.account, said)
    assert (task.status, task.round, task.assigned) == (TaskStatus.CREATED, 1, 0)
    assert task.owed == said.escrow() == 2 * TOKEN * 3 * 4
    assert task.round_started == receipt.block_number
    assert alice.owed(number) == said.escrow()


def test_a_result_that_is_accepted_pays_the_worker(
    alice: Market, bob: Market, terms: MakeTerms
) -> None:
    task, _ = alice.create_task(terms())
    bob.accept_task(task)
    sent = bob.send_task_result(task, FIRST, RESULT)
    before = bob.balance()

    paid = alice.validate_task_result(task, FIRST, bob.account, Accept())

    assert sent.event("TaskResultSent").fields["result"] == RESULT
    assert paid.event("TaskResultAccepted").fields == {
        "task": task, "round": 1, "worker": bob.account, "paid": 2 * TOKEN,
    }  # fmt: skip
    assert bob.balance().free - before.free >= 2 * TOKEN
    result = alice.result(task, FIRST, bob.account)
    assert result is not None
    assert (result.status, result.paid, result.is_settled) == (
        ResultStatus.ACCEPTED, 2 * TOKEN, True,
    )  # fmt: skip
    assert alice.reputation(bob.account).accepted == 1
    assert alice.reputation(bob.account).earned == 2 * TOKEN


def test_a_dispute_that_the_worker_wins_pays_after_all(
    alice: Market, bob: Market, people: Any, terms: MakeTerms
) -> None:
    charlie = people.market("Charlie")
    task, _ = alice.create_task(terms(arbiter=charlie.account))
    bob.accept_task(task)
    bob.send_task_result(task, FIRST, RESULT)

    rejected = alice.validate_task_result(task, FIRST, bob.account, Reject("blurred\x1b[2J"))
    assert rejected.event("TaskResultRejected").fields["reason"] == "blurred\ufffd[2J"
    bob.dispute_result(task, FIRST)
    ruled = charlie.resolve_dispute(task, FIRST, bob.account, Ruling.WORKER)

    assert ruled.event("DisputeResolved").fields["outcome"] == "Worker"
    result = bob.result(task, FIRST, bob.account)
    assert result is not None
    assert (result.status, result.paid) == (ResultStatus.ACCEPTED, 2 * TOKEN)


def test_rounds_go_on_with_the_next_model(alice: Market, bob: Market, terms: MakeTerms) -> None:
    task, _ = alice.create_task(terms(policy=AutoAccept(), model=BUNDLE, rounds=2))
    bob.accept_task(task)
    bob.send_task_result(task, FIRST, RESULT)

    started = alice.start_round(task, RESULT)

    assert started.event("RoundStarted").fields == {"task": task, "round": 2, "model": RESULT}
    assert (alice.task(task).round, alice.task(task).model) == (2, RESULT)
    place = bob.assignment(task, bob.account)
    assert place is not None
    assert (place.last_round, place.delivered, place.ended) == (1, 1, False)
    assert place.until == started.block_number + 100
    bob.send_task_result(task, Round(2), BUNDLE)
    assert [r.round for r in alice.results_of(task)] == [1, 2]
    assert [r.result for r in alice.results_of(task, Round(2))] == [BUNDLE]


def test_silence_of_the_validator_is_acceptance_that_anybody_may_claim(
    dev_chain: DevChain, alice: Market, bob: Market, terms: MakeTerms
) -> None:
    task, _ = alice.create_task(soon_accepted(terms))
    bob.accept_task(task)
    bob.send_task_result(task, FIRST, RESULT)
    with pytest.raises(call_errors.TooEarly):
        bob.claim_result(task, FIRST, bob.account)
    dev_chain.new_block(VALIDATE_TIME)

    claimed = bob.claim_result(task, FIRST, bob.account)

    assert claimed.event("TaskResultAccepted").fields["paid"] == 2 * TOKEN


def test_what_is_withdrawn_and_pruned_is_gone_and_all_money_is_back(
    alice: Market, bob: Market, terms: MakeTerms
) -> None:
    task, _ = alice.create_task(terms())
    bob.accept_task(task)
    assert alice.balance().held > 6 * TOKEN
    bob.release_assignment(task)

    withdrawn = alice.withdraw_task(task)
    pruned = alice.prune_task(task)

    assert withdrawn.event("TaskWithdrawn").fields == {"task": task}
    assert pruned.event("TaskPruned").fields["done"] is True
    assert (alice.balance().held, bob.balance().held) == (0, 0)
    with pytest.raises(call_errors.UnknownTask):
        alice.task(task)


def test_open_tasks_come_newest_first_page_by_page(alice: Market, terms: MakeTerms) -> None:
    def of_alice(tasks: list[Task]) -> list[Task]:
        return [task for task in tasks if task.creator == alice.account]

    before = alice.task_count()
    batch = [calls.create_task(terms(title=str(n), reward=Planck(TOKEN))) for n in range(130)]
    alice.call(calls.batch(batch[:65]))
    alice.call(calls.batch(batch[65:]))

    assert alice.task_count() >= before + 130
    everything = of_alice(alice.open_tasks(limit=1000))
    assert [task.terms.title for task in everything] == [str(n) for n in reversed(range(130))]
    first = alice.open_tasks(limit=3, start=TaskId(everything[9].id))
    second = alice.open_tasks(limit=3, start=first[-1].id)
    assert [task.terms.title for task in first + second] == [str(n) for n in range(119, 113, -1)]
    assert of_alice(alice.open_tasks(TaskKind.ENGINEERING)) == []
    assert len(alice.open_tasks(TaskKind.CONTRIBUTION, limit=5)) == 5


def test_whoever_holds_an_office_finds_the_task_though_every_slot_is_taken(
    alice: Market, bob: Market, terms: MakeTerms
) -> None:
    evaluator = address_of("Eve")
    task, _ = alice.create_task(terms(policy=Delegated(evaluator), slots=1))
    bob.accept_task(task)

    assert task not in [found.id for found in alice.open_tasks()]
    assert [found.id for found in alice.tasks_of(evaluator)] == [task]
    assert [found.id for found in alice.tasks_of(alice.account)] == [task]
    assert alice.tasks_of(bob.account) == []


def test_results_of_more_than_a_page_come_whole(
    alice: Market,
    bob: Market,
    terms: MakeTerms,
    dev_chain: DevChain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # More than a page; a round is two transactions.
    rounds = as_many(dev_chain, development=104, network=3)
    if isinstance(dev_chain, SharedChain):
        monkeypatch.setattr("decentralml.chain.reads.PAGE", 2)
    said = terms(policy=AutoAccept(), model=BUNDLE, rounds=rounds, slots=1)
    task, _ = alice.create_task(said)
    bob.accept_task(task)
    for number in range(1, rounds + 1):
        bob.send_task_result(task, Round(number), RESULT)
        if number < rounds:
            alice.start_round(task, BUNDLE)

    found = alice.results_of(task)
    assert [result.round for result in found] == list(range(1, rounds + 1))
    assert {result.worker for result in found} == {bob.account}
    assert alice.task(task).status is TaskStatus.COMPLETED


def test_a_worker_finds_its_assignments_newest_first(
    alice: Market, bob: Market, terms: MakeTerms
) -> None:
    tasks = [alice.create_task(terms())[0] for _ in range(3)]
    for task in tasks:
        bob.accept_task(task)
    assert [place.task for place in alice.assignments_of(bob.account)] == tasks[::-1]
    assert [place.task for place in alice.assignments_of(bob.account, limit=1)] == tasks[-1:]
    assert alice.assignments_of(alice.account) == []
    assert alice.assignment(tasks[0], alice.account) is None


def test_a_tasks_workers_are_all_who_ever_accepted_it(
    alice: Market, people: People, terms: MakeTerms
) -> None:
    task, _ = alice.create_task(terms(slots=5))
    other, _ = alice.create_task(terms(slots=5))
    assert alice.workers_of(task) == []
    names = ("Bob", "Charlie", "Dave")
    workers = [people.market(name) for name in names]
    for worker in workers:
        worker.accept_task(task)
    workers[0].release_assignment(task)
    people.market("Eve").accept_task(other)
    assert alice.workers_of(task) == sorted(worker.account for worker in workers)


def test_a_tasks_workers_are_read_page_by_page(
    alice: Market, people: People, terms: MakeTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decentralml.chain.reads.PAGE", 2)
    for count, name in enumerate(("Bob", "Charlie", "Dave", "Eve")):
        task, _ = alice.create_task(terms(slots=5))
        for worker in ("Bob", "Charlie", "Dave", "Eve")[: count + 1]:
            people.market(worker).accept_task(task)
        assert len(alice.workers_of(task)) == count + 1, name


def test_a_batch_is_all_or_nothing(alice: Market, bob: Market) -> None:
    before = alice.balance(bob.account).free
    good, bad = calls.transfer(bob.account, Planck(TOKEN)), calls.withdraw_task(NO_TASK)
    with pytest.raises(call_errors.UnknownTask):
        alice.call(calls.batch([good, bad]))
    assert alice.balance(bob.account).free == before


def test_in_a_batch_of_each_for_itself_the_failures_are_told_one_by_one(
    alice: Market, bob: Market
) -> None:
    before = alice.balance(bob.account).free
    good = calls.transfer(bob.account, Planck(TOKEN))
    dear = calls.transfer(bob.account, Planck(10**9 * TOKEN))
    receipt = alice.call(calls.batch_each([good, calls.withdraw_task(NO_TASK), good, dear, good]))
    assert receipt.items == (None, "UnknownTask", None, "Arithmetic.Underflow", None)
    assert alice.balance(bob.account).free == before + 3 * TOKEN
    assert receipt.failure(0, "transfer") is None
    assert isinstance(receipt.failure(1, "withdraw_task"), call_errors.UnknownTask)
    assert isinstance(receipt.failure(3, "transfer"), call_errors.NotEnoughFunds)
    assert Receipt.from_json(receipt.to_json()) == receipt


def test_a_hundred_verdicts_with_the_longest_reasons_fit_into_one_block(
    alice: Market,
) -> None:
    reasons = calls.batch_each(
        [
            calls.validate_task_result(NO_TASK, FIRST, EVALUATOR, Reject("x" * 256))
            for _ in range(100)
        ]
    )
    assert alice.call(reasons).items == ("UnknownTask",) * 100


def test_a_rejected_call_names_its_error_block_and_fee(alice: Market) -> None:
    before = alice.balance().free
    with pytest.raises(call_errors.UnknownTask, match="list the open ones") as refusal:
        alice.accept_task(NO_TASK)
    assert (refusal.value.call, refusal.value.error) == ("accept_task", "UnknownTask")
    assert alice.node.block(refusal.value.block) is not None
    assert refusal.value.fee == before - alice.balance().free > 0


def test_who_cannot_pay_what_a_call_holds_is_told_so(alice: Market, terms: MakeTerms) -> None:
    with pytest.raises(call_errors.NotEnoughFunds) as refusal:
        alice.create_task(terms(reward=Planck(10**9 * TOKEN)))
    assert isinstance(refusal.value, CallRejected)
    assert isinstance(refusal.value, InsufficientFunds)


def test_who_cannot_pay_the_fee_is_told_so_and_pays_nothing(people: Any) -> None:
    poor = people.market("Nobody//poor")
    with pytest.raises(InsufficientFunds, match="fee") as refusal:
        poor.withdraw_task(TaskId(0))
    assert not isinstance(refusal.value, CallRejected)
    assert refusal.value.account == poor.account


def test_an_amount_that_cannot_keep_an_account_alive_is_refused(alice: Market, people: Any) -> None:
    nobody = people.market("Nobody").account
    with pytest.raises(call_errors.BelowMinimum):
        alice.transfer(nobody, Planck(1))


def test_reading_needs_no_key_and_calling_does(dev_chain: DevChain) -> None:
    with Node(dev_chain.url, timeout=60) as node:
        reader = Market(node)
        assert reader.open_tasks(limit=1) == reader.open_tasks()[:1]
        assert reader.is_development() is isinstance(dev_chain, DevChain)
        assert reader.genesis == dev_chain.genesis_hash
        with pytest.raises(NoSigner, match="accept_task"):
            reader.accept_task(TaskId(0))


def test_a_stranger_has_nothing_and_no_history(alice: Market, people: Any) -> None:
    nobody = people.market("Nobody").account
    assert alice.balance(nobody) == type(alice.balance())(Planck(0), Planck(0))
    assert alice.reputation(nobody).accepted == 0


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQX",  # mistyped
        "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",  # of another network
        "0x" + "11" * 32,
    ],
)
def test_what_is_no_address_of_this_chain_is_refused(alice: Market, address: str) -> None:
    for read in (alice.balance, alice.reputation, alice.assignments_of):
        with pytest.raises(InvalidAddress):
            read(AccountId(address))


def test_a_call_that_the_runtime_cannot_take_is_refused_before_signing(alice: Market) -> None:
    with pytest.raises(InvalidCall, match="start_round"):
        alice.sign(calls.start_round(TaskId(-1), RESULT))
    with pytest.raises(InvalidAddress):
        alice.transfer(AccountId("nonsense"), Planck(5))


def test_another_accounts_signed_call_is_not_submitted(alice: Market, bob: Market) -> None:
    signed = alice.sign(calls.withdraw_task(TaskId(0)))
    with pytest.raises(WrongSigner, match=alice.account):
        bob.submit(signed)


def test_the_largest_terms_that_the_chain_keeps_come_back_whole(
    alice: Market, terms: MakeTerms
) -> None:
    said = terms(title="ü" * 64, bundle=Cid("b" + "a" * 63))
    number, _ = alice.create_task(said)
    assert alice.task(number).terms == said
    number, _ = alice.create_task(terms(sealing_key=bytes(32)))
    assert alice.task(number).terms.sealing_key == bytes(32)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": "ü" * 65}, "title has 130 bytes, and 128"),
        ({"bundle": Cid("b" + "a" * 64)}, "bundle has 65 bytes, and 64"),
        ({"model": Cid("b" + "a" * 64)}, "model has 65 bytes, and 64"),
        ({"sealing_key": bytes(31)}, "32 bytes"),
        ({"slots": 2**32}, "out of range"),
        ({"reward": Planck(2**128)}, "out of range"),
    ],
)
def test_terms_that_the_chain_cannot_keep_are_refused_before_signing(
    alice: Market, terms: MakeTerms, change: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidCall, match=why):
        alice.create_task(terms(**change))


def test_a_reason_is_bounded_and_a_cid_is_checked_by_the_chain(
    alice: Market, bob: Market, terms: MakeTerms
) -> None:
    task, _ = alice.create_task(terms())
    bob.accept_task(task)
    with pytest.raises(InvalidCall, match="result has 65"):
        bob.send_task_result(task, FIRST, Cid("b" + "a" * 64))
    with pytest.raises(call_errors.InvalidCid):
        bob.send_task_result(task, FIRST, Cid("Qm"))
    bob.send_task_result(task, FIRST, RESULT)
    with pytest.raises(InvalidCall, match="reason has 257"):
        alice.validate_task_result(task, FIRST, bob.account, Reject("x" * 257))
    with pytest.raises(call_errors.ReasonRequired):
        alice.validate_task_result(task, FIRST, bob.account, Reject(""))
    alice.validate_task_result(task, FIRST, bob.account, Reject("x" * 256))
    assert alice.results_of(task)[0].reason == "x" * 256


# -- a worker's machine with a key that can only work


def test_an_appointed_key_works_in_the_workers_name(
    alice: Market, bob: Market, people: Any, terms: MakeTerms
) -> None:
    machine = people.market("Charlie")
    bob.call(calls.appoint(machine.account))
    task, _ = alice.create_task(terms(policy=AutoAccept()))

    worker = people.in_name_of("Charlie", bob.account)
    assert worker.account == bob.account
    accepted = worker.accept_task(task)
    sent = worker.send_task_result(task, FIRST, RESULT)

    assert accepted.event("TaskAccepted").fields["worker"] == bob.account
    assert sent.event("TaskResultAccepted").fields["worker"] == bob.account
    assert worker.sign(calls.accept_task(task)).call_name == "accept_task"


def test_an_appointed_key_has_what_silence_pays_settled_as_anybody_may(
    alice: Market, bob: Market, people: Any, terms: MakeTerms, dev_chain: DevChain
) -> None:
    bob.call(calls.appoint(people.market("Charlie").account))
    worker = people.in_name_of("Charlie", bob.account)
    task, _ = alice.create_task(soon_accepted(terms))
    worker.accept_task(task)
    worker.send_task_result(task, FIRST, RESULT)
    dev_chain.new_block(VALIDATE_TIME)
    worker.claim_result(task, FIRST, bob.account)
    (result,) = alice.results_of(task)
    assert (result.status, result.paid) == (ResultStatus.ACCEPTED, alice.task(task).terms.reward)


def test_what_an_appointed_key_does_wrong_is_the_pallets_error(bob: Market, people: Any) -> None:
    bob.call(calls.appoint(people.market("Charlie").account))
    worker = people.in_name_of("Charlie", bob.account)
    with pytest.raises(call_errors.UnknownTask) as refusal:
        worker.accept_task(NO_TASK)
    assert refusal.value.call == "accept_task"


def test_an_appointed_key_moves_no_money_and_a_dismissed_one_does_nothing(
    alice: Market, bob: Market, people: Any, terms: MakeTerms
) -> None:
    machine = people.market("Charlie")
    bob.call(calls.appoint(machine.account))
    worker = people.in_name_of("Charlie", bob.account)
    with pytest.raises(call_errors.NotPermitted):
        worker.transfer(machine.account, Planck(TOKEN))
    with pytest.raises(call_errors.NotPermitted):
        worker.create_task(terms())

    bob.call(calls.dismiss(machine.account))
    task, _ = alice.create_task(terms())
    with pytest.raises(call_errors.NotPermitted):
        worker.accept_task(task)
    assert bob.balance().held == 0


# -- one worker's part, and what reads cost


@pytest.mark.parametrize("wait", ["inclusion", "finality"])
def test_a_part_is_what_the_single_reads_say(
    people: Any, alice: Market, bob: Market, terms: MakeTerms, wait: str
) -> None:
    task, _ = alice.create_task(terms(rounds=3, model=BUNDLE))
    bob.accept_task(task)
    bob.send_task_result(task, Round(1), BUNDLE)
    reader = people.market("Charlie", wait=wait)

    head, found, results = reader.part_of(bob.account, task, [Round(1), Round(2)])

    assert found == reader.task(task)
    assert results == [reader.result(task, Round(1), bob.account)]
    assert 0 < head <= reader.head()


def test_of_a_task_that_is_not_there_a_part_has_nothing(alice: Market) -> None:
    head, found, results = alice.part_of(alice.account, NO_TASK, [Round(1)])
    assert (found, results) == (None, [])
    assert head <= alice.head()


def test_a_part_and_a_page_cost_a_request_each(proxy: Any, bob: Market) -> None:
    with Node(proxy.url, timeout=60) as node:
        market = Market(node)
        market.part_of(bob.account, TaskId(0), [Round(1)])
        before = len(proxy.asked)
        market.part_of(bob.account, TaskId(0), [Round(1), Round(2), Round(3)])
        market.assignments_of(bob.account)
        # Besides, where finality counts, the question which block is final.
        reads = [method for method in proxy.asked[before:] if method.startswith("state_")]
        assert reads == ["state_queryStorageAt", "state_call"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        [{}],
        [{"changes": None}],
        [{"changes": [["0x00"]]}],
        [{"changes": [["", 5]]}],
        [1, 2],
    ],
)
def test_a_part_of_another_shape_is_an_error_and_no_guess(
    proxy: Any, bob: Market, answer: object
) -> None:
    with Node(proxy.url, timeout=60) as node:
        proxy.tamper["state_queryStorageAt"] = lambda _: answer
        with pytest.raises(MalformedChainData):
            Market(node).part_of(bob.account, TaskId(0), [Round(1)])


def test_a_call_asks_for_the_runtimes_version_once(proxy: Any) -> None:
    """When it is signed: a call enters no block of another version than it was signed for."""
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        alice.balance()
        before = proxy.asked.count("state_getRuntimeVersion")
        alice.transfer(alice.account, Planck(1))
        assert proxy.asked.count("state_getRuntimeVersion") == before + 1
