"""An evaluator's figures over the rounds of a job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from decentralml.chain.records import Accept, Delegated, Reject, Verdict
from decentralml.errors import LearningError, OutOfOrder
from decentralml.learning import curves
from decentralml.learning.models import read_layers
from decentralml.roles.events import Did, Event
from decentralml.roles.job.job import Job
from decentralml.roles.job.plan import Plan
from decentralml.roles.measuring import Measurer
from decentralml.roles.verdicts import Checked, by_checks
from decentralml.types import TaskId
from tests.decentralml.roles.town import Town, adding, an_offer


class Bias:
    """An "accuracy" that a test can foresee, and a count of how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, model: Path) -> Mapping[str, float]:
        self.asked += 1
        return {"accuracy": float(read_layers(model)["dense/bias"][0]) / 10}


def post(town: Town, rounds: int = 3) -> TaskId:
    offer = an_offer(rounds=rounds, policy=Delegated(town.address("Eve")))
    return town.creator("Alice").create_task(town.bundle(), offer, model=town.base_model()).task


def a_round(town: Town, task: TaskId, bias: Bias, lines: Path) -> None:
    """Two people deliver, the evaluator looks, the creator goes on: each a new process."""
    for name, step in (("Bob", 1.0), ("Charlie", 3.0)):
        town.participant(name, adding(step)).take_part(task, once=True)
    eve = town.evaluator("Eve")
    eve.work(measurer=Measurer(eve, bias, lines, lines.with_suffix(".png")), once=True)
    Job(town.creator("Alice"), task, Plan()).run(once=True)


def test_an_evaluator_measures_each_rounds_model_and_each_delivery_once(
    town: Town, tmp_path: Path
) -> None:
    task, bias, lines = post(town), Bias(), tmp_path / "eve.jsonl"
    for _ in range(3):
        a_round(town, task, bias, lines)

    bob, charlie = town.address("Bob"), town.address("Charlie")
    assert curves.read(lines) == [
        {
            "task": task,
            "round": number,
            "base": {"accuracy": pytest.approx(0.2 * (number - 1))},
            "measured": {
                bob: {"accuracy": pytest.approx(0.2 * (number - 1) + 0.1)},
                charlie: {"accuracy": pytest.approx(0.2 * (number - 1) + 0.3)},
            },
        }
        for number in (1, 2, 3)
    ]
    assert bias.asked == 9
    assert lines.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_the_evaluators_own_judge_still_decides(town: Town, tmp_path: Path) -> None:
    task, bias = post(town), Bias()
    town.participant("Bob", adding(1.0)).take_part(task, once=True)
    eve = town.evaluator("Eve")
    measurer = Measurer(eve, bias)

    def good_enough(checked: Checked) -> Verdict | None:
        figures = measurer.delivery(checked)  # measured before: costs nothing here
        return Accept() if figures["accuracy"] > 0.5 else Reject("below a half")

    eve.work(good_enough, measurer=measurer, once=True)
    assert [result.reason for result in eve.results(task)] == ["below a half"]
    assert bias.asked == 2


def test_a_model_that_cannot_be_measured_stops_nothing(town: Town) -> None:
    task = post(town)

    def broken(model: Path) -> Mapping[str, float]:
        raise LearningError("no such layer")

    events: list[Event] = []
    eve = town.evaluator("Eve", on_event=events.append)
    eve.work(by_checks, measurer=Measurer(eve, broken), once=True)
    assert [e.text for e in events if e.did is Did.FAILED] == ["the round's model: no such layer"]
    assert eve.show(task).round == 1


def test_a_file_of_something_else_is_not_written_over(town: Town, tmp_path: Path) -> None:
    post(town)
    path = tmp_path / "mine.jsonl"
    path.write_text('{"loss": 3}\n')
    eve = town.evaluator("Eve")
    with pytest.raises(OutOfOrder):
        eve.work(measurer=Measurer(eve, Bias(), path), once=True)
    assert path.read_text() == '{"loss": 3}\n'
