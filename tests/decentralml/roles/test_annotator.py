"""Answering a task's questions, in as many sittings as it takes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from decentralml.chain.records import Accept, TaskKind
from decentralml.errors import OutOfOrder
from decentralml.roles.annotator import Ask, Question
from decentralml.types import TaskId
from tests.decentralml.roles.town import Town, an_offer

ASKED = {"question": "Which digit?", "choices": ["1", "7"], "items": ["items/a.txt", "b", "c"]}


@pytest.fixture
def task(town: Town) -> TaskId:
    folder = town.bundle(items__json=json.dumps(ASKED))
    (folder / "items").mkdir()
    (folder / "items" / "a.txt").write_text("|")
    offer = an_offer(kind=TaskKind.ANNOTATION_TEXT)
    task = town.creator("Alice").create_task(folder, offer).task
    town.annotator("Bob").accept_task(task)
    return task


def saying(answers: Iterable[str | None]) -> tuple[Ask, list[Question]]:
    """Somebody who gives these answers in order, and what they were asked."""
    asked: list[Question] = []
    left = iter(answers)

    def ask(question: Question) -> str | None:
        asked.append(question)
        return next(left)

    return ask, asked


def lines(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]


def test_all_answers_make_a_result_that_is_sent_and_accepted(town: Town, task: TaskId) -> None:
    bob = town.annotator("Bob")
    ask, asked = saying(["1", "7", "1"])
    result = bob.answer(task, ask)
    assert result is not None
    assert lines(result) == [
        {"item": "items/a.txt", "answer": "1"},
        {"item": "b", "answer": "7"},
        {"item": "c", "answer": "1"},
    ]
    assert json.loads((result / "result.json").read_text()) == {"examples": 3, "metrics": {}}
    assert asked[0].file is not None
    assert asked[0].file.read_text() == "|"
    assert (asked[1].file, asked[1].number, asked[1].total) == (None, 2, 3)
    bob.send_task_result(task)
    [(checked, verdict)] = town.creator("Alice").validate_all(task)
    assert (checked.examples, verdict) == (3, Accept())


def test_a_sitting_may_end_anywhere_and_only_what_is_left_is_asked_again(
    town: Town, task: TaskId
) -> None:
    ask, _ = saying(["1", None])
    assert town.annotator("Bob").answer(task, ask) is None
    with pytest.raises(OutOfOrder, match="run the task first"):
        town.annotator("Bob").send_task_result(task)
    ask, asked = saying(["7", "7"])
    result = town.annotator("Bob").answer(task, ask)
    assert [question.item for question in asked] == ["b", "c"]
    assert result is not None
    assert [line["answer"] for line in lines(result)] == ["1", "7", "7"]
    ask, asked = saying([])
    assert town.annotator("Bob").answer(task, ask) == result
    assert asked == []


def test_an_answer_cut_short_by_a_power_cut_is_asked_for_again(town: Town, task: TaskId) -> None:
    bob = town.annotator("Bob")
    ask, _ = saying(["1", None])
    bob.answer(task, ask)
    [kept] = bob.workspace.task(task).glob("round-1/sitting/answers.jsonl")
    with kept.open("ab") as file:
        file.write(b'{"item": "b", "ans')
    ask, asked = saying(["7", "1"])
    result = bob.answer(task, ask)
    assert [question.item for question in asked] == ["b", "c"]
    assert result is not None
    assert [line["answer"] for line in lines(result)] == ["1", "7", "1"]


def test_an_answer_that_is_no_choice_is_asked_for_again(town: Town, task: TaskId) -> None:
    ask, asked = saying(["8", "", "7", None])
    assert town.annotator("Bob").answer(task, ask) is None
    assert [question.item for question in asked] == ["items/a.txt"] * 3 + ["b"]


def test_nothing_is_answered_for_a_task_that_is_not_accepted(town: Town, task: TaskId) -> None:
    ask, asked = saying([])
    with pytest.raises(OutOfOrder, match="accept the task first"):
        town.annotator("Charlie").answer(task, ask)
    assert asked == []


@pytest.mark.parametrize("item", ["../../../secret", "/etc/passwd", "\0", "x" * 5000, "items"])
def test_an_item_that_is_no_file_in_the_bundle_is_shown_as_text(town: Town, item: str) -> None:
    asked = {"question": "What is it?", "items": [item]}
    folder = town.bundle(items__json=json.dumps(asked))
    (folder / "items").mkdir()
    (folder / "items" / "a").write_text("a")
    offer = an_offer(kind=TaskKind.ANNOTATION_TEXT)
    task = town.creator("Alice").create_task(folder, offer).task
    bob = town.annotator("Bob")
    bob.accept_task(task)
    ask, questions = saying(["a text", None])
    bob.answer(task, ask)
    assert (questions[0].item, questions[0].file) == (item, None)


def test_a_bundle_without_readable_questions_says_so(town: Town) -> None:
    folder = town.bundle(items__json='{"question": "?"}')
    offer = an_offer(kind=TaskKind.ANNOTATION_TEXT)
    task = town.creator("Alice").create_task(folder, offer).task
    bob = town.annotator("Bob")
    bob.accept_task(task)
    ask, _ = saying([])
    with pytest.raises(OutOfOrder, match="asks nothing that can be read"):
        bob.answer(task, ask)
