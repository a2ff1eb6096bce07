"""The commands that creators and evaluators share: look at results, give verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from decentralml.cli.output import emit, remark, table
from decentralml.errors import ConfigError

if TYPE_CHECKING:
    from decentralml.chain.records import TaskKind, Verdict
    from decentralml.roles.role import Role
    from decentralml.roles.validator import Validator
    from decentralml.roles.verdicts import Checked

TaskNumber = typer.Argument(help="The task's number.", min=0)
RoundNumber = typer.Argument(help="The round, from 1.", min=1)
Account = typer.Argument(help="The worker's account.")


def kind_of(text: str) -> TaskKind:
    """The kind that a person named.

    Raises: ConfigError: there is none of that name.
    """
    from decentralml.chain.records import TaskKind

    try:
        return TaskKind(text)
    except ValueError:
        names = ", ".join(kind.value for kind in TaskKind)
        raise ConfigError(f"There is no kind of task named {text!r}; kinds are {names}.") from None


def fetch_results(validator: Validator, task: int, number: int | None, as_json: bool) -> None:
    """Download, check and show a task's results."""
    from decentralml.types import Round, TaskId

    round_ = None if number is None else Round(number)
    found = validator.fetch_results(TaskId(task), round_)
    emit([_plain(c) for c in found], as_json, lambda: _show([(c, None) for c in found]))


def validate_one(
    validator: Validator, task: int, number: int, worker: str, accept: bool | None, reason: str
) -> None:
    """Give one verdict.

    Raises: ConfigError: neither --accept nor --reject, or a rejection without a reason.
    """
    from decentralml.chain.records import Accept, Reject
    from decentralml.types import AccountId, Round, TaskId

    if accept is None:
        raise ConfigError("Say --accept, or --reject with a --reason.")
    if not accept and not reason.strip():
        raise ConfigError("A rejection needs a reason for the worker: add --reason.")
    verdict: Verdict = Accept() if accept else Reject(reason)
    block = validator.validate_task_result(TaskId(task), Round(number), AccountId(worker), verdict)
    remark("it was decided before" if block is None else f"decided in block {block}")


def validate_all(validator: Validator, task: int, number: int | None, as_json: bool) -> None:
    """Check and decide every pending result by its checks."""
    from decentralml.types import Round, TaskId

    round_ = None if number is None else Round(number)
    decided = validator.validate_all(TaskId(task), round_=round_)
    plain = [{**_plain(c), "verdict": _word(verdict)} for c, verdict in decided]
    emit(plain, as_json, lambda: _show(decided))


def claim(role: Role, task: int, number: int, worker: str) -> None:
    """Settle a result whose time is over."""
    from decentralml.types import AccountId, Round, TaskId

    block = role.claim_result(TaskId(task), Round(number), AccountId(worker))
    remark(f"settled in block {block}")


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
    from decentralml.cli.watching import printable

    if not decided:
        tables.print_nothing("no results to look at")
        return
    rows = [
        [
            checked.result.round,
            tables.short(checked.result.worker),
            "" if checked.examples is None else checked.examples,
            ", ".join(f"{printable(name)} {value:.4g}" for name, value in checked.metrics),
            f"refused: {printable(checked.reason)}" if checked.reason else "sound",
            "" if verdict is None else _word(verdict),
        ]
        for checked, verdict in decided
    ]
    table([">round", "worker", ">examples", "its own figures", "checks", "verdict"], rows)
