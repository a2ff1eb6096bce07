"""An annotator's answers: one for each item, from the choices, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from decentralml.learning.answers import (
    Questionnaire,
    agreement,
    majority,
    read_answers,
    read_questionnaire,
)
from decentralml.learning.errors import MalformedAnswers, MissingFile, TooLarge
from decentralml.learning.limits import ResultLimits

ASKED = Questionnaire("Cat or dog?", ("a.png", "b.png"), ("cat", "dog"))


def lines(*pairs: tuple[str, str]) -> str:
    return "".join(json.dumps({"item": item, "answer": answer}) + "\n" for item, answer in pairs)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def test_an_answer_for_each_item_is_read(file: Path) -> None:
    file.write_text(lines(("b.png", "dog"), ("a.png", "cat")))
    assert read_answers(file, ASKED) == {"a.png": "cat", "b.png": "dog"}


def test_without_choices_any_text_is_an_answer(file: Path) -> None:
    file.write_text(lines(("a", "a heron, I think")))
    assert read_answers(file, Questionnaire("What is it?", ("a",))) == {"a": "a heron, I think"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (lines(("a.png", "cat")), "1 of 2 items have no answer"),
        ("", "2 of 2 items"),
        (lines(("a.png", "cat"), ("a.png", "cat")), "answered twice"),
        (lines(("c.png", "cat")), "not asked about"),
        (lines(("a.png", "bird")), "'bird' is none of the choices"),
        (lines(("a.png", " ")), "line 1 has no answer"),
        ("[1]\n", "line 1 names no item"),
        ('{"item": 3, "answer": "cat"}\n', "names no item"),
        ('{"item": "a.png", "answer": ["cat"]}\n', "has no answer"),
        ("{\n", "line 1: not JSON"),
        ("\n", "line 1"),
    ],
)
def test_what_does_not_answer_the_items_is_refused(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(MalformedAnswers, match=words):
        read_answers(file, ASKED)


def test_a_line_at_the_limit_is_read_and_one_byte_above_is_refused(file: Path) -> None:
    file.write_text(lines(("a.png", "cat"), ("b.png", "cat")))
    length = len(lines(("a.png", "cat")))
    read_answers(file, ASKED, ResultLimits(answer_bytes=length))
    with pytest.raises(TooLarge, match="line"):
        read_answers(file, ASKED, ResultLimits(answer_bytes=length - 1))


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(MissingFile, match=r"answers\.jsonl"):
        read_answers(file, ASKED)
    with pytest.raises(MissingFile):
        read_questionnaire(file)


def test_a_bundle_s_questions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    asked = {"question": "Cat or dog?", "choices": ["cat", "dog"], "items": ["a.png", "b.png"]}
    path.write_text(json.dumps(asked))
    assert read_questionnaire(path) == ASKED


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"question": "?", "items": []},
        {"question": "?", "items": ["a", "a"]},
        {"question": "", "items": ["a"]},
        {"question": "?", "items": "a"},
        {"question": "?", "items": ["a"], "choices": [1]},
        {"question": "?", "items": None},
    ],
)
def test_a_bundle_without_a_question_or_items_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "items.json"
    path.write_text(json.dumps(content))
    with pytest.raises(MalformedAnswers):
        read_questionnaire(path)


def test_a_bundle_s_broken_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.write_text("{")
    with pytest.raises(MalformedAnswers, match="not JSON"):
        read_questionnaire(path)


def test_the_majority_decides_and_the_first_of_equals() -> None:
    given = [{"a": "cat", "b": "dog"}, {"a": "dog", "b": "cat"}, {"a": "cat"}]
    assert majority(given) == {"a": "cat", "b": "dog"}


def test_agreement_is_the_share_of_known_items_answered_alike() -> None:
    assert agreement({"a": "cat", "b": "dog", "c": "x"}, {"a": "cat", "b": "cat"}) == 0.5
    with pytest.raises(ValueError, match="nothing"):
        agreement({}, {})
