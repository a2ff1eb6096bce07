"""The commands that creators and evaluators share: look at results, give verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from decentralml.cli.arguments import OnlyRound, RoundNumber, TaskNumber, Worker, account
from decentralml.cli.options import with_settings
from decentralml.cli.output import JsonFlag, acted, emit, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from decentralml.chain.records import TaskKind, Verdict
    from decentralml.config import Loaded
    from decentralml.roles.validator import Validator
    from decentralml.roles.verdicts import Checked


def kind_of(text: str) -> TaskKind:
    """The kind that a person named; another word is a wrong command line."""
    from decentralml.chain.records import TaskKind

    try:
        return TaskKind(text)
    except ValueError:
        names = ", ".join(kind.value for kind in TaskKind)
        raise typer.BadParameter(f"there is no kind {text!a}; kinds are {names}.") from None


def add_validating(
    app: typer.Typer, opened: Callable[[Loaded], AbstractContextManager[Validator]]
) -> None:
    """Add the commands to the creator's or the evaluator's group; `opened` gives the role."""

    @app.command()
    @with_settings
    def fetch_results(
        loaded: Loaded, task: int = TaskNumber, number: int = OnlyRound, as_json: bool = JsonFlag
    ) -> None:
        """Download and check a task's results.

        A bad one is named and hinders no other.
        """
        from decentralml.types import Round, TaskId

        with opened(loaded) as validator:
            round_ = None if number is None else Round(number)
            found = validator.fetch_results(TaskId(task), round_)
            emit([_plain(c) for c in found], as_json, lambda: _show([(c, None) for c in found]))

    @app.command()
    @with_settings
    def validate_task_result(
        loaded: Loaded,
        task: int = TaskNumber,
        number: int = RoundNumber,
        worker: str = Worker,
        accept: bool = typer.Option(None, "--accept/--reject", help="The verdict."),
        reason: str = typer.Option("", "--reason", help="Why; needed to reject."),
        as_json: bool = JsonFlag,
    ) -> None:
        """Accept or reject one result.

        Accepting pays the worker; a rejection needs a reason.
        """
        from decentralml.types import Round, TaskId

        verdict, whose = _verdict(accept, reason), account(worker)
        with opened(loaded) as validator:
            block = validator.validate_task_result(TaskId(task), Round(number), whose, verdict)
            if block is None:
                acted("decided before", None, as_json, said="it was decided before")
            else:
                acted(f"{_word(verdict)}ed", block, as_json)


def _verdict(accept: bool | None, reason: str) -> Verdict:
    """What was said; a wrong command line without one, or to reject without a reason."""
    from decentralml.chain.records import Accept, Reject

    if accept is None:
        raise typer.BadParameter("say --accept, or --reject with a --reason.")
    if not accept and not reason.strip():
        raise typer.BadParameter("a rejection needs a reason for the worker: add --reason.")
    return Accept() if accept else Reject(reason)


def validate_all(validator: Validator, task: int, number: int | None, as_json: bool) -> None:
    """Check and decide every pending result by its checks."""
    from decentralml.types import Round, TaskId

    round_ = None if number is None else Round(number)
    decided = validator.validate_all(TaskId(task), round_=round_)
    plain = [{**_plain(c), "verdict": _word(verdict)} for c, verdict in decided]
    emit(plain, as_json, lambda: _show(decided))


def _word(verdict: Verdict | None) -> str:
    return "left pending" if verdict is None else type(verdict).__name__.lower()


def _plain(checked: Checked) -> dict[str, object]:
    return {
        "worker": checked.result.worker,
        "round": checked.result.round,
        "status": checked.result.status.value,
        "folder": checked.folder,
        "refused": checked.reason or None,
        "missing": checked.missing,
        "examples": checked.examples,
        "metrics": dict(checked.metrics),
    }


def _show(decided: list[tuple[Checked, Verdict | None]]) -> None:
    from decentralml.cli import tables

    if not decided:
        tables.print_nothing("no results to look at")
        return
    rows = [[c.result.round, _about(c), _state(c, verdict)] for c, verdict in decided]
    table([">round", "worker", "|status"], rows)


def _about(checked: Checked) -> str:
    """The worker, and under it what they say of their work and what the checks say."""
    from decentralml.cli.watching import printable

    lines = [str(checked.result.worker)]
    said = [] if checked.examples is None else [f"{checked.examples} examples"]
    said += [f"{printable(name)} {value:.4g}" for name, value in checked.metrics]
    if said:
        lines.append("says: " + ", ".join(said))
    lines.append(f"refused: {printable(checked.reason)}" if checked.reason else "sound")
    return "\n".join(lines)


def _state(checked: Checked, verdict: Verdict | None) -> str:
    return checked.result.status.value if verdict is None else f"{_word(verdict)}ed"
