"""What a validator concludes from a checked delivery, and when it has to."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.chain.records import Accept, Reject, ResultStatus, Schedule, TaskResult
from decentralml.errors import AssetNotFound
from decentralml.learning.errors import MissingFile
from decentralml.roles.verdicts import Checked, by_checks, must_decide, one_line
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

SCHEDULE = Schedule(BlockNumber(10), BlockNumber(10), BlockNumber(40), BlockNumber(10))


def a_result(deadline: int | None = 140) -> TaskResult:
    return TaskResult(
        task=TaskId(1),
        round=Round(1),
        worker=AccountId("5Worker"),
        result=Cid("bafy"),
        sent=BlockNumber(100),
        status=ResultStatus.PENDING,
        reason=None,
        deadline=None if deadline is None else BlockNumber(deadline),
        paid=Planck(0),
        bond=Planck(0),
    )


def test_a_delivery_that_passed_every_check_is_accepted() -> None:
    assert by_checks(Checked(a_result(), Path("result"))) == Accept()


def test_a_refused_delivery_is_rejected_by_the_refusals_name() -> None:
    checked = Checked(a_result(), None, MissingFile("result.json"))
    assert by_checks(checked) == Reject("MissingFile: the result has no result.json")


def test_a_missing_delivery_is_left_for_later() -> None:
    checked = Checked(a_result(), None, AssetNotFound("bafy", "the store"), missing=True)
    assert by_checks(checked) is None
    assert checked.reason.startswith("AssetNotFound: ")


@pytest.mark.parametrize(("head", "must"), [(129, False), (130, True), (139, True)])
def test_the_last_quarter_of_the_time_to_validate_asks_for_a_decision(
    head: int, must: bool
) -> None:
    assert must_decide(a_result(140), SCHEDULE, BlockNumber(head)) is must


def test_a_settled_result_asks_for_no_decision() -> None:
    assert not must_decide(a_result(None), SCHEDULE, BlockNumber(1000))


@given(st.text())
def test_a_reason_is_one_printable_line_that_fits_on_chain(text: str) -> None:
    line = one_line(text)
    assert len(line.encode()) <= 256
    assert line.isprintable()


def test_a_short_plain_reason_stays_as_it_is() -> None:
    assert one_line("the labels are wrong") == "the labels are wrong"
