"""Annotations: items and a question in a bundle, answers as JSON lines in a result.

items.json     {"question": "Which digit is this?", "choices": ["0", …], "items": ["0.png", …]}
answers.jsonl  {"item": "0.png", "answer": "7"}     one line for each item
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.learning.errors import MalformedAnswers, MissingFile, TooLarge
from decentralml.learning.hostile_json import JsonRefused, read_json
from decentralml.learning.limits import DEFAULT_RESULT_LIMITS, MIB, ResultLimits

ITEMS: Final = "items.json"
MAX_ITEMS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """What an annotation bundle asks about each of its items."""

    question: str
    items: tuple[str, ...]
    """Paths of files within the bundle's ``items`` folder, or texts."""
    choices: tuple[str, ...] = ()
    """The answers to choose from; empty where any text is an answer."""


def read_questionnaire(path: Path) -> Questionnaire:
    """Raises MissingFile or MalformedAnswers (the bundle's ``items.json``)."""
    if not path.is_file():
        raise MissingFile(path.name)
    try:
        value = read_json(path.read_bytes()[: 64 * MIB + 1], 64 * MIB, max_depth=4)
    except JsonRefused as error:
        raise MalformedAnswers(f"{path.name}: {error}") from error
    if not isinstance(value, dict):
        raise MalformedAnswers(f"{path.name} is no JSON object")
    items, choices = value.get("items"), value.get("choices", [])
    fits = _is_text(value.get("question")) and _are_texts(items) and _are_texts(choices)
    if not fits or not items or len(items) > MAX_ITEMS or len(set(items)) != len(items):
        raise MalformedAnswers(f"{path.name} needs a question, choices and 1 to {MAX_ITEMS} items")
    return Questionnaire(value["question"], tuple(items), tuple(choices))


def read_answers(
    path: Path, asked: Questionnaire, limits: ResultLimits = DEFAULT_RESULT_LIMITS
) -> dict[str, str]:
    """Item → answer, one for every item that was asked about.

    Raises:
        MissingFile: there is no such file.
        TooLarge: a line, or the number of lines, is above its limit.
        MalformedAnswers: a line is no answer; an item is unknown, answered twice or not at all; an
            answer is none of the choices.
    """
    if not path.is_file():
        raise MissingFile(path.name)
    answers: dict[str, str] = {}
    known = set(asked.items)
    with path.open("rb") as file:
        while line := file.readline(limits.answer_bytes + 1):
            if len(line) > limits.answer_bytes:
                raise TooLarge("a line of answers in bytes", len(line), limits.answer_bytes)
            item, answer = _answer(line, len(answers) + 1)
            if item not in known:
                raise MalformedAnswers(f"{item[:60]!r} was not asked about, or is answered twice")
            if asked.choices and answer not in asked.choices:
                raise MalformedAnswers(f"{answer[:60]!r} is none of the choices (item {item!r})")
            known.remove(item)
            answers[item] = answer
    if known:
        raise MalformedAnswers(f"{len(known)} of {len(asked.items)} items have no answer")
    return answers


def majority(answers: Iterable[dict[str, str]]) -> dict[str, str]:
    """Item → the answer that most annotators gave; of equally many the one given first."""
    votes: dict[str, Counter[str]] = {}
    for given in answers:
        for item, answer in given.items():
            votes.setdefault(item, Counter())[answer] += 1
    return {item: counter.most_common(1)[0][0] for item, counter in votes.items()}


def agreement(given: dict[str, str], truth: dict[str, str]) -> float:
    """Share (0 to 1) of the items known in ``truth`` that ``given`` answers alike.

    Raises:
        ValueError: ``truth`` is empty.
    """
    if not truth:
        raise ValueError("there is nothing to compare with")
    return sum(given.get(item) == answer for item, answer in truth.items()) / len(truth)


def _answer(line: bytes, number: int) -> tuple[str, str]:
    try:
        value = read_json(line, len(line), max_depth=2)
    except JsonRefused as error:
        raise MalformedAnswers(f"line {number}: {error}") from error
    if not isinstance(value, dict) or not _is_text(value.get("item")):
        raise MalformedAnswers(f"line {number} names no item")
    if not _is_text(value.get("answer")):
        raise MalformedAnswers(f"line {number} has no answer")
    return value["item"], value["answer"]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(item) for item in value)
