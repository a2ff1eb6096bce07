"""What strangers wrote on chain, made safe; what does not fit, refused."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.chain import scale
from decentralml.chain.records import (
    AutoAccept,
    Delegated,
    Manual,
    Policy,
    ResultStatus,
    Schedule,
    TaskKind,
    TaskStatus,
    Terms,
)
from decentralml.errors import MalformedChainData
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

ALICE = AccountId("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
BUNDLE = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")


def terms(**changes: Any) -> Terms:
    values: dict[str, Any] = {
        "kind": TaskKind.CONTRIBUTION,
        "title": "Digits",
        "bundle": BUNDLE,
        "reward": Planck(10),
        "slots": 3,
        "policy": Manual(),
        "schedule": Schedule(*map(BlockNumber, (100, 20, 30, 40))),
    }
    return Terms(**{**values, **changes})


def task_value(**changes: Any) -> dict[str, Any]:
    """A task as the codec decodes it."""
    return {
        "creator": ALICE,
        "terms": scale.scale_terms(terms()),
        "model": None,
        "round": 1,
        "round_started": 5,
        "status": "Created",
        "assigned": 0,
        "waiting": 0,
        "units": 3,
        "unsettled": 0,
        "owed": 30,
        "paid": 0,
        "deposit": 1,
        "touched": 5,
        **changes,
    }


def test_the_escrow_pays_every_slot_in_every_round() -> None:
    assert terms(reward=Planck(10), slots=3, rounds=4).escrow() == 120


@pytest.mark.parametrize("kind", TaskKind)
def test_a_kind_is_read_as_it_was_written(kind: TaskKind) -> None:
    assert scale.kind_of(scale.scale_kind(kind)) is kind


@pytest.mark.parametrize("policy", [AutoAccept(), Manual(), Delegated(ALICE)])
def test_terms_are_read_as_they_were_written(policy: Policy) -> None:
    said = terms(
        policy=policy,
        model=BUNDLE,
        stake=Planck(7),
        arbiter=ALICE,
        sealing_key=bytes(range(32)),
        rounds=9,
    )
    assert scale.terms_of(scale.scale_terms(said)) == said


def test_a_title_that_looks_like_hex_stays_a_title() -> None:
    assert scale.terms_of(scale.scale_terms(terms(title="0xdead"))).title == "0xdead"


def test_a_task_is_read_with_its_number() -> None:
    task = scale.task_of(TaskId(7), task_value(status="InProgress", assigned=2))
    assert (task.id, task.creator, task.assigned, task.owed) == (7, ALICE, 2, 30)
    assert task.status is TaskStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("policy", "validator"),
    [("Manual", ALICE), ("AutoAccept", None), ({"Delegated": "5Bob"}, "5Bob")],
)
def test_a_tasks_validator_is_who_its_policy_names(policy: Any, validator: str | None) -> None:
    value = task_value(terms={**scale.scale_terms(terms()), "policy": policy})
    assert scale.task_of(TaskId(0), value).validator == validator


def test_a_result_keeps_its_reason_and_deadline() -> None:
    value = {
        "result": scale.scale_bytes(BUNDLE),
        "sent": 5,
        "status": "Rejected",
        "reason": scale.scale_bytes("not digits"),
        "deadline": 50,
        "paid": 0,
        "bond": 3,
        "deposit": 1,
    }
    result = scale.result_of(TaskId(1), Round(2), ALICE, value)
    assert result.status is ResultStatus.REJECTED
    assert (result.reason, result.deadline, result.is_settled) == ("not digits", 50, False)
    assert scale.result_of(TaskId(1), Round(2), ALICE, {**value, "deadline": None}).is_settled


@pytest.mark.parametrize(
    "change",
    [
        {"status": "Exploded"},
        {"status": {}},
        {"status": None},
        {"round": "many"},
        {"terms": None},
        {"terms": {}},
        {"model": "bafk"},
        {"model": "0xzz"},
        {"owed": None},
    ],
)
def test_a_task_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedChainData):
        scale.task_of(TaskId(0), task_value(**change))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        ("Zürich 数字 😀".encode(), "Zürich 数字 😀"),
        (b"\x1b[31mred", "\ufffd[31mred"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("left\u202eright".encode(), "left\ufffdright"),
        ("zero\u200bwidth".encode(), "zero\ufffdwidth"),
        (b"two\r\nlines\there", "two  lines here"),
        ("line\u2028separator".encode(), "line separator"),
        (b"nul\x00", "nul\ufffd"),
    ],
)
def test_nothing_in_a_text_steers_a_terminal(raw: bytes, text: str) -> None:
    assert scale.clean_text(raw) == text


@given(st.binary(max_size=3000))
def test_any_bytes_become_a_bounded_printable_line(raw: bytes) -> None:
    text = scale.clean_text(raw, 100)
    assert len(text) <= 100
    assert all(not unicodedata.category(c).startswith("C") for c in text)
    assert len(text.splitlines()) <= 1


def test_money_that_is_frozen_cannot_be_spent() -> None:
    def free(free: int, reserved: int, frozen: int) -> int:
        data = {"free": free, "reserved": reserved, "frozen": frozen}
        return scale.balance_of({"data": data}).free

    assert free(100, 0, 0) == 100
    assert free(100, 0, 30) == 70
    assert free(100, 20, 30) == 90  # what is held covers 20 of the freeze
    assert free(100, 50, 30) == 100
    assert free(100, 0, 500) == 0


def test_an_event_keeps_numbers_and_cleans_texts() -> None:
    fields = {"task": 1, "worker": ALICE, "reason": scale.scale_bytes(b"\x07no"), "model": None}
    event = scale.event_of("TaskResultRejected", fields)
    assert event.fields == {"task": 1, "worker": ALICE, "reason": "\ufffdno", "model": None}
