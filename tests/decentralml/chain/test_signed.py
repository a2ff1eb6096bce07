"""Signed calls and receipts survive being written down."""

from __future__ import annotations

import json
from typing import Any

import pytest

from decentralml.chain import calls
from decentralml.chain.calls import Call
from decentralml.chain.records import Accept, Event, Reject, Ruling
from decentralml.chain.signed import Receipt, SignedCall
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

BOB = AccountId("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty")
TASK, ROUND, RESULT = TaskId(4), Round(2), Cid("bafkqaaa")

EVERY_CALL = [
    calls.accept_task(TASK),
    calls.start_round(TASK, RESULT),
    calls.send_task_result(TASK, ROUND, RESULT),
    calls.validate_task_result(TASK, ROUND, BOB, Accept()),
    calls.validate_task_result(TASK, ROUND, BOB, Reject("0xno")),
    calls.claim_result(TASK, ROUND, BOB),
    calls.dispute_result(TASK, ROUND),
    calls.resolve_dispute(TASK, ROUND, BOB, Ruling.WORKER),
    calls.release_assignment(TASK, BOB),
    calls.withdraw_task(TASK),
    calls.prune_task(TASK, 5),
    calls.transfer(BOB, Planck(2**100)),
    calls.appoint(BOB),
    calls.dismiss(BOB),
    calls.in_name_of(BOB, calls.accept_task(TASK)),
    calls.batch([calls.withdraw_task(TASK), calls.prune_task(TASK, 5)]),
]


def signed(call: Call) -> SignedCall:
    return SignedCall(call, BOB, "0x0102", "0xabcd", 7, BlockNumber(100), 256, 1)


@pytest.mark.parametrize("call", EVERY_CALL, ids=lambda call: call.name)
def test_a_signed_call_is_read_as_it_was_written(call: Call) -> None:
    kept = signed(call).to_json()
    assert SignedCall.from_json(kept) == signed(call)
    assert "\n" not in kept


@pytest.mark.parametrize("call", EVERY_CALL, ids=lambda call: call.name)
def test_a_call_is_its_json_values(call: Call) -> None:
    assert Call(**json.loads(json.dumps(calls.plain(call)))) == call


def test_a_signed_call_can_enter_the_blocks_of_its_era_only() -> None:
    assert signed(EVERY_CALL[0]).last_block == 355  # 256 blocks, from 100 on


def test_a_reason_that_looks_like_hex_stays_the_words_it_is() -> None:
    verdict: Any = calls.validate_task_result(TASK, ROUND, BOB, Reject("0xno")).args["verdict"]
    assert verdict == {"Reject": "0x30786e6f"}


def test_a_receipt_is_read_as_it_was_written() -> None:
    receipt = Receipt(
        "0xaa", "0xbb", BlockNumber(3), Planck(5), (Event("TaskCreated", {"task": 4}),)
    )
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert json.loads(receipt.to_json())["events"][0]["name"] == "TaskCreated"


def test_a_receipt_of_a_journal_from_before_batches_is_read_too() -> None:
    receipt = Receipt("0xaa", "0xbb", BlockNumber(3), Planck(5), ())
    old = {name: value for name, value in json.loads(receipt.to_json()).items() if name != "items"}
    assert Receipt.from_json(json.dumps(old)) == receipt


def test_a_receipt_gives_an_event_by_name_and_nothing_for_another() -> None:
    created = Event("TaskCreated", {"task": 4})
    receipt = Receipt("0xaa", "0xbb", BlockNumber(3), Planck(5), (created,))
    assert receipt.event("TaskCreated") is created
    with pytest.raises(KeyError):
        receipt.event("TaskWithdrawn")
