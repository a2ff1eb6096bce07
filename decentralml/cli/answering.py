"""`decentralml annotator answer`: a task's questions, asked in the terminal item by item."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from decentralml.cli.arguments import TaskNumber
from decentralml.cli.assignee import opened_worker, show_result
from decentralml.cli.options import with_settings
from decentralml.cli.output import JsonFlag, emit, remark
from decentralml.cli.watching import printable
from decentralml.errors import RoleError

if TYPE_CHECKING:
    from pathlib import Path

    from decentralml.config import Loaded
    from decentralml.roles.annotator import Question

MAX_SHOWN = 1 << 20  # bytes of an item's file; a larger one is to be opened in a program of its own


def add_answer(app: typer.Typer) -> None:
    """Add the command to the annotator's group."""

    @app.command()
    @with_settings
    def answer(loaded: Loaded, task: int = TaskNumber, as_json: bool = JsonFlag) -> None:
        """Answer an accepted task's questions in this terminal.

        None of its scripts is run. An empty answer ends the sitting; what was answered is kept,
        and a further sitting goes on from there. Prints the result's folder when nothing is left
        to ask.
        """
        from decentralml.roles.annotator import Annotator
        from decentralml.types import TaskId

        if not sys.stdin.isatty():
            raise RoleError(
                "Nobody is here to be asked. Answer in a terminal, or put answers.jsonl into your "
                "data folder and use `decentralml annotator run`."
            )
        with opened_worker(loaded, "annotator") as worker:
            assert isinstance(worker, Annotator)  # noqa: S101  that is the role's class
            result = worker.answer(TaskId(task), ask)
            if result is None:
                kept = f"your answers are kept; go on: decentralml annotator answer {task}"
                emit({"task": task, "folder": None}, as_json, lambda: remark(kept))
            else:
                show_result("annotator", task, result, as_json)


def ask(question: Question) -> str | None:
    """Show one item and read its answer; None for an empty one."""
    offered = f" [{'/'.join(map(printable, question.choices))}]" if question.choices else ""
    remark(f"\n{printable(question.item)} ({question.number} of {question.total})")
    if question.file is not None:
        remark(shown(question.file))
    prompt = f"{printable(question.text)}{offered}"
    answer: str = typer.prompt(prompt, default="", show_default=False, err=True)
    return answer.strip() or None


def shown(file: Path) -> str:
    """An item as a terminal can show it: a picture or a text, else where its file is."""
    if file.stat().st_size <= MAX_SHOWN and file.suffix == ".png":
        from assets_templates.annotation.picture import as_text, read_png

        with suppress(ValueError):
            return as_text(read_png(file))
    if file.stat().st_size <= MAX_SHOWN and file.suffix == ".txt":
        lines = file.read_bytes().decode(errors="replace").splitlines()
        return "\n".join(map(printable, lines))
    return f"open {file}"
