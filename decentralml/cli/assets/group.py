"""The group, and what its commands have in common: contents named by CID or by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from decentralml.cli.arguments import U64
from decentralml.cli.options import group

if TYPE_CHECKING:
    from decentralml.chain.market import Market
    from decentralml.config import Loaded
    from decentralml.types import Cid

app = group("Store, fetch, verify, carry and clear bundles by content.")

Content = typer.Argument(metavar="CID", help="The content's CID (bafy…, bafk…).")
What = typer.Argument(metavar="CID|TASK", help="A content's CID, or the number of a task.")
Whats = typer.Argument(metavar="CID|TASK...", help="Contents' CIDs, or numbers of tasks.")
AllModels = typer.Option(
    False, "--all", help="Of a task, the models of all rounds and not only the running one's."
)
Results = typer.Option(False, "--results", help="Of a task, the results, too.")


@dataclass(frozen=True)
class Named:
    """A content that was named, by itself or through its task.

    Attributes:
        cid: the content.
        task: the task's number; None for a content named by its CID.
        path: what it is to the task; empty without one.
        genesis: the chain of that task; None without one.
    """

    cid: Cid
    task: int | None = None
    path: str = ""
    genesis: str | None = None


def named(loaded: Loaded, what: str, all_models: bool, results: bool) -> list[Named]:
    """The contents that somebody named; a chain is asked only about a task.

    Raises:
        InvalidCid: it is neither a CID nor a number, or what the chain has is no CID.
        ChainError: the task is not there, or the chain cannot be asked.
    """
    from decentralml.assets.cid import parse

    number = task_number(what)
    if number is None:
        return [Named(parse(what))]
    from decentralml.cli import wiring

    with wiring.market(loaded) as market:
        return of_task(market, number, all_models, results)


def of_task(market: Market, number: int, all_models: bool, results: bool) -> list[Named]:
    """What a task needs."""
    from decentralml.assets.cid import parse
    from decentralml.roles.needs import needs_of
    from decentralml.types import TaskId

    task = market.task(TaskId(number))
    needs = needs_of(market, task, all_models=all_models, results=results)
    return [Named(parse(need.cid), number, need.path, market.genesis) for need in needs]


def task_number(what: str) -> int | None:
    """The number that a text is; None when it must be a CID."""
    digits = what.isascii() and what.isdecimal() and len(what) <= 20
    return int(what) if digits and int(what) <= U64 else None


def distinct(contents: Sequence[Named]) -> list[Cid]:
    """Their CIDs, each once."""
    return list(dict.fromkeys(one.cid for one in contents))


def which(what: str, number: int, of: int) -> str:
    """The words of a progress bar, with which of several it is."""
    return what if of == 1 else f"{what} {number}/{of}"
