"""The market's records as tables, each in one place so that every command shows them alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from decentralml.cli.output import table
from decentralml.cli.watching import printable

if TYPE_CHECKING:
    from decentralml.chain.records import Assignment, Task, TaskResult
    from decentralml.chain.token import Token
    from decentralml.types import BlockNumber


def short(text: str | None, keep: int = 8) -> str:
    """An address or a CID, shortened so that a table fits; whole with `--json`."""
    if text is None:
        return ""
    return text if len(text) <= 2 * keep + 1 else f"{text[:keep]}…{text[-keep:]}"


def tasks_table(tasks: Sequence[Task], token: Token, head: BlockNumber) -> None:
    """Tasks, a line each; without any, says so."""
    if not tasks:
        print_nothing("no tasks")
        return
    rows = [
        [
            task.id,
            task.terms.kind.value,
            printable(task.terms.title),
            token.format(task.terms.reward),
            f"{task.assigned}/{task.terms.slots}",
            f"{task.round}/{task.terms.rounds}",
            task.status.value,
            _left(task.terms.schedule.accept_before, head),
        ]
        for task in tasks
    ]
    names = [">task", "kind", "title", ">reward", ">taken", ">round", "status", ">blocks to accept"]
    table(names, rows)


def task_sheet(task: Task, token: Token, head: BlockNumber) -> None:
    """All of one task, a line for each of its terms."""
    terms, schedule = task.terms, task.terms.schedule
    rows = [
        ["title", printable(terms.title)],
        ["kind", terms.kind.value],
        ["status", task.status.value],
        ["creator", task.creator],
        ["validator", task.validator or "nobody: results are accepted as they come"],
        ["arbiter", terms.arbiter or "the chain's"],
        ["reward", f"{token.format(terms.reward)} for each accepted result"],
        ["slots", f"{task.assigned} of {terms.slots} taken"],
        ["round", f"{task.round} of {terms.rounds}, since block {task.round_started}"],
        ["stake", token.format(terms.stake)],
        ["paid / still owed", f"{token.format(task.paid)} / {token.format(task.owed)}"],
        ["accept before block", f"{schedule.accept_before} (now {head})"],
        ["time for a round", f"{schedule.round_time} blocks"],
        ["time to validate", f"{schedule.validate_time} blocks"],
        ["time to dispute", f"{schedule.dispute_time} blocks"],
        ["bundle", terms.bundle],
        ["model", task.model or ""],
    ]
    table([f"task {task.id}", ""], rows)


def results_table(results: Sequence[TaskResult], token: Token) -> None:
    """Results, a line each."""
    if not results:
        print_nothing("no results")
        return
    rows = [
        [
            result.round,
            short(result.worker),
            result.status.value,
            token.format(result.paid),
            result.sent,
            "" if result.deadline is None else result.deadline,
            short(result.result),
            printable(result.reason or ""),
        ]
        for result in results
    ]
    table([">round", "worker", "status", ">paid", ">sent", ">next by", "result", "reason"], rows)


def assignments_table(assignments: Sequence[Assignment], token: Token) -> None:
    """A worker's assignments, a line each."""
    if not assignments:
        print_nothing("no assignments")
        return
    rows = [
        [
            a.task,
            a.since,
            "" if a.until is None else a.until,
            a.delivered,
            token.format(a.stake),
            "over" if a.ended else "held",
        ]
        for a in assignments
    ]
    table([">task", ">since block", ">send before", ">rounds delivered", ">stake", ""], rows)


def print_nothing(what: str) -> None:
    """Say that there is nothing, on stderr, so that a pipe gets an empty output."""
    from decentralml.cli.output import remark

    remark(what)


def _left(before: BlockNumber, head: BlockNumber) -> str:
    return str(before - head - 1) if before > head + 1 else "over"
