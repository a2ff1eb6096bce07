"""An annotator labels a task's items: by answering its question, or by running the task's script.

Answering needs none of the task's code: the items are shown by this package, and the answers are
kept one by one, so that a sitting may end, or be ended, anywhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

from decentralml.chain.records import Task, TaskKind
from decentralml.errors import OutOfOrder
from decentralml.learning.answers import ITEMS, Questionnaire, read_questionnaire
from decentralml.learning.errors import ResultRefused
from decentralml.learning.results import ANSWERS, NOTE
from decentralml.roles.delivery import unpacked
from decentralml.roles.worker import Worker
from decentralml.types import TaskId

SITTING = "sitting"


@dataclass(frozen=True, slots=True)
class Question:
    """One item to label.

    Attributes:
        text: what is asked.
        item: the item's name, or the text to label itself. Bytes of a stranger: print with care.
        file: the item's file in the verified bundle; None when the item is the text itself.
        choices: the answers to choose from; empty when any text is an answer.
        number: which item this is, from 1.
        total: how many there are.
    """

    text: str
    item: str
    file: Path | None
    choices: tuple[str, ...]
    number: int
    total: int


Ask: TypeAlias = Callable[[Question], str | None]
"""Gives the answer to a question; None ends the sitting for now."""


class Annotator(Worker):
    """Does annotation tasks, of whatever media."""

    name: ClassVar[str] = "annotator"
    kinds: ClassVar[frozenset[TaskKind]] = frozenset(
        kind for kind in TaskKind if kind.is_annotation
    )

    def answer(self, task: TaskId, ask: Ask) -> Path | None:
        """Answer an accepted task's questions, without running its script.

        Answers given are kept: a further sitting asks only for what is left.

        Args:
            task: an accepted task.
            ask: called for each item that has no answer yet. An answer that is none of the choices
                is asked for again.

        Returns: the folder with the result, complete, that `send_task_result` will send; None when
            answers are still missing.

        Raises:
            OutOfOrder: the task is not accepted, or asks nothing that can be read.
        """
        with self.workspace.hold():
            now = self._suitable(task)
            folder = self.workspace.round(task, now.round)
            if folder.delivery.exists():
                return unpacked(folder)
            self._check_assigned(task)
            asked = self._questionnaire(now)
            sitting = folder.folder / SITTING
            sitting.mkdir(parents=True, exist_ok=True)
            if not self._sit(now, asked, sitting / ANSWERS, ask):
                return None
            self._finish(now, asked, sitting)
        return unpacked(folder)

    def _questionnaire(self, task: Task) -> Questionnaire:
        try:
            return read_questionnaire(self.fetch_bundle(task) / ITEMS)
        except ResultRefused as error:
            raise OutOfOrder(
                f"answer task {task.id}",
                f"it asks nothing that can be read ({error.reason})",
                "run its script instead, or release the assignment",
            ) from error

    def _sit(self, task: Task, asked: Questionnaire, path: Path, ask: Ask) -> bool:
        """Ask for what is left; whether all is answered."""
        given = _read_sitting(path)
        for number, item in enumerate(asked.items, 1):
            if item in given:
                continue
            file = _file_of(self.workspace.bundle(task.id), item)
            question = Question(asked.question, item, file, asked.choices, number, len(asked.items))
            answer = _ask_until_it_fits(ask, question)
            if answer is None:
                return False
            _append(path, {"item": item, "answer": answer})
            self.checkpoint(f"answer/{task.id}/{number}")
        return True

    def _finish(self, task: Task, asked: Questionnaire, sitting: Path) -> None:
        """Make the answers the round's result, in the order of the items."""
        folder = self.workspace.round(task.id, task.round)
        given = _read_sitting(sitting / ANSWERS)
        result = folder.fresh(folder.run)
        result.mkdir()
        lines = [json.dumps({"item": item, "answer": given[item]}) + "\n" for item in asked.items]
        (result / ANSWERS).write_text("".join(lines), encoding="utf-8")
        (result / NOTE).write_text(json.dumps({"examples": len(lines), "metrics": {}}))
        self.record_result(task)


def _ask_until_it_fits(ask: Ask, question: Question) -> str | None:
    while True:
        answer = ask(question)
        if answer is None:
            return None
        fits = answer in question.choices if question.choices else bool(answer.strip())
        if fits:
            return answer


def _file_of(bundle: Path, item: str) -> Path | None:
    """The item's file, if the item names one inside the bundle."""
    try:
        path = (bundle / item).resolve()
        inside = path.is_relative_to(bundle.resolve()) and path.is_file()
    except (OSError, ValueError):
        return None  # too long a text, or one with a NUL: no file's name
    return path if inside else None


def _read_sitting(path: Path) -> dict[str, str]:
    """Answers given so far; a last line that was cut short counts as not given."""
    given: dict[str, str] = {}
    if path.exists():
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                entry = json.loads(line)
                given[entry["item"]] = entry["answer"]
    return given


def _append(path: Path, entry: dict[str, str]) -> None:
    """Add a line that survives a kill; one that was cut short before it is overwritten."""
    line = json.dumps(entry).encode() + b"\n"
    with path.open("r+b" if path.exists() else "x+b") as file:
        whole = file.read().rfind(b"\n") + 1
        file.seek(whole)
        file.truncate()
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
