"""`decentralml tasks`: look at the market; needs no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from decentralml.cli.arguments import TaskNumber, account
from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, emit, facts
from decentralml.cli.validating import kind_of

if TYPE_CHECKING:
    from decentralml.config import Loaded

app = group("Look at the market: open tasks, results, what is owed.")


@app.command("list")
@with_settings
def list_tasks(
    loaded: Loaded,
    kind: str = typer.Option(None, "--kind", help="Only of this kind."),
    limit: int = typer.Option(20, "--limit", min=1, max=1000, help="At most so many."),
    as_json: bool = JsonFlag,
) -> None:
    """List open tasks, newest first."""
    from decentralml.cli import tables, wiring

    wanted = None if kind is None else kind_of(kind)
    with wiring.market(loaded) as market:
        found, token, head = market.open_tasks(wanted, limit), market.token(), market.head()
        emit(found, as_json, lambda: tables.tasks_table(found, token, head))


@app.command()
@with_settings
def show(loaded: Loaded, task: int = TaskNumber, as_json: bool = JsonFlag) -> None:
    """Show all terms of a task and where it stands."""
    from decentralml.cli import tables, wiring
    from decentralml.types import TaskId

    with wiring.market(loaded) as market:
        found, token, head = market.task(TaskId(task)), market.token(), market.head()
        emit(found, as_json, lambda: tables.task_sheet(found, token, head))


@app.command()
@with_settings
def results(loaded: Loaded, task: int = TaskNumber, as_json: bool = JsonFlag) -> None:
    """List the results of a task, as the chain keeps them."""
    from decentralml.cli import tables, wiring
    from decentralml.types import TaskId

    with wiring.market(loaded) as market:
        found, token = market.results_of(TaskId(task)), market.token()
        emit(found, as_json, lambda: tables.results_table(found, token))


@app.command()
@with_settings
def reputation(
    loaded: Loaded,
    address: str = typer.Argument(metavar="ADDRESS", help="An account's address."),
    as_json: bool = JsonFlag,
) -> None:
    """Show what the market remembers of an account, and its money."""
    from decentralml.cli import wiring

    whose = account(address)
    with wiring.market(loaded) as market:
        known, token = market.reputation(whose), market.token()
        balance = market.balance(whose)

        def human() -> None:
            facts(
                {
                    "account": whose,
                    "results accepted": known.accepted,
                    "results rejected": known.rejected,
                    "rounds missed": known.expired,
                    "disputes won": known.disputes_won,
                    "disputes lost": known.disputes_lost,
                    "earned": token.format(known.earned),
                    "free": token.format(balance.free),
                    "held by promises": token.format(balance.held),
                }
            )

        emit({"reputation": known, "balance": balance}, as_json, human)
