"""The market's records as tables, each in one place so that every command shows them alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from decentralml.cli.output import facts, remark, table
from decentralml.cli.watching import printable

if TYPE_CHECKING:
    from decentralml.chain.records import Assignment, Task, TaskResult
    from decentralml.chain.token import Token
    from decentralml.roles.federation import RoundReport
    from decentralml.roles.job.plan import JobReport
    from decentralml.types import BlockNumber


def short(text: str | None, keep: int = 8) -> str:
    """An address or a CID, shortened so that a table fits; whole with `--json`."""
    if text is None:
        return ""
    return text if len(text) <= 2 * keep + 1 else f"{text[:keep]}…{text[-keep:]}"


def tasks_table(
    tasks: Sequence[Task], token: Token, head: BlockNumber, *, nothing: str = "no open tasks"
) -> None:
    """Tasks, with the blocks in which they can still be accepted; without any, says `nothing`."""
    if not tasks:
        print_nothing(nothing)
        return
    rows = [
        [
            task.id,
            f"{printable(task.terms.title)}\n{task.terms.kind.value}",
            token.format(task.terms.reward),
            f"{task.assigned}/{task.terms.slots}",
            f"{task.round}/{task.terms.rounds}",
            task.status.value,
            _left(task, head),
        ]
        for task in tasks
    ]
    table([">task", "title", ">reward", ">taken", ">round", "|status", ">open for"], rows)


def task_sheet(task: Task, token: Token, head: BlockNumber) -> None:
    """All of one task, a line for each of its terms."""
    terms, schedule = task.terms, task.terms.schedule
    rows: list[tuple[str, str]] = [
        ("task", str(task.id)),
        ("title", printable(terms.title)),
        ("kind", terms.kind.value),
        ("status", task.status.value),
        ("creator", task.creator),
        ("validator", task.validator or "nobody: results are accepted as they come"),
        ("arbiter", terms.arbiter or "the chain's"),
        ("reward", f"{token.format(terms.reward)} for each accepted result"),
        ("slots", f"{task.assigned} of {terms.slots} taken"),
        ("round", f"{task.round} of {terms.rounds}, since block {task.round_started}"),
        ("stake", token.format(terms.stake)),
        ("paid", token.format(task.paid)),
        ("still owed", token.format(task.owed)),
        ("accept before", f"block {schedule.accept_before} (now {head})"),
        ("to run a round", f"{schedule.round_time} blocks"),
        ("to validate", f"{schedule.validate_time} blocks"),
        ("to dispute", f"{schedule.dispute_time} blocks"),
        ("bundle", terms.bundle),
        ("model", task.model or "none"),
    ]
    if terms.sealing_key is not None:
        rows.append(("results", f"sealed to {_sealing_key(terms.sealing_key)}"))
    facts(dict(rows))


def _sealing_key(raw: bytes) -> str:
    from decentralml.assets.sealing.errors import InvalidSealingKey
    from decentralml.assets.sealing.keys import SealingKey

    try:
        return str(SealingKey(raw))
    except InvalidSealingKey:
        return "a key that everybody could open: nobody takes this task on"


def results_table(results: Sequence[TaskResult], token: Token) -> None:
    """Results: each worker's address, and under it what became of what was sent."""
    if not results:
        print_nothing("no results")
        return
    rows = [[r.round, f"{r.worker}\n{_fate(r, token)}", r.status.value] for r in results]
    table([">round", "worker", "|status"], rows)


def _fate(result: TaskResult, token: Token) -> str:
    said = [f"sent in block {result.sent}"]
    if result.paid:
        said.append(f"paid {token.format(result.paid)}")
    if result.deadline is not None:
        said.append(f"next step before block {result.deadline}")
    reason = f"\n{printable(result.reason)}" if result.reason else ""
    return ", ".join(said) + reason


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
    table([">task", ">since block", ">send before", ">rounds sent", ">stake", "|"], rows)


def federated_table(report: RoundReport) -> None:
    """A federated round: each model with what was measured, the average last."""

    rows = [["the round's model", "", _figures(report.base), ""]]
    rows += [
        [short(str(used.worker)), str(used.examples), _figures(used.measured), "used"]
        for used in report.used
    ]
    rows += [[short(str(w)), "", "", f"refused: {printable(why)}"]
             for w, why in report.refused.items()]  # fmt: skip
    examples = sum(used.examples for used in report.used)
    rows.append(["federated", str(examples), _figures(report.federated), ""])
    table(["|worker", ">examples", "measured", ""], rows)
    remark(f"federated model: {report.model}")
    remark(f"publish it, if rounds are left: decentralml creator start-round {report.task}")


def job_tables(report: JobReport, token: Token) -> None:
    """A job: its rounds, then who was paid what."""
    best = None if report.best is None else report.best.round
    rows = [
        [
            done.number,
            len(done.used),
            len(done.refused),
            done.examples,
            _figures(done.figures or done.claimed),
            "best" if done.number == best else "",
        ]
        for done in report.rounds
    ]
    measured = "measured" if any(done.figures for done in report.rounds) else "contributors say"
    table([">round", ">results", ">refused", ">examples", measured, "|"], rows)
    paid = [
        [short(worker), e.accepted, e.rejected, e.pending, token.format(e.paid)]
        for worker, e in report.earned.items()
    ]
    if paid:
        table(["|worker", ">accepted", ">rejected", ">open", ">paid"], paid)
    if report.ended.startswith("stopped"):
        remark(f"{report.ended}; the same command goes on with the job")
    else:
        remark(f"the job is over: {report.ended}")
    for worker, why in (pair for done in report.rounds[-1:] for pair in done.refused.items()):
        remark(f"refused in the last round: {short(worker)}: {printable(why)}")
    if report.model is not None:
        remark(f"{'best' if report.best is not None else 'last'} model: {report.model}")


def _figures(measured: Mapping[str, float]) -> str:
    return ", ".join(f"{printable(name)} {value:.4g}" for name, value in measured.items())


def print_nothing(what: str) -> None:
    """Say that there is nothing, on stderr, so that a pipe gets an empty output."""
    remark(what)


def _left(task: Task, head: BlockNumber) -> str:
    from decentralml.chain.records import TaskStatus

    before = task.terms.schedule.accept_before
    is_open = task.status in {TaskStatus.CREATED, TaskStatus.IN_PROGRESS} and before > head + 1
    return f"{before - head - 1} blocks" if is_open else "closed"
