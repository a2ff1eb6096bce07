"""Arguments that several commands take, checked before anything is asked of the chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from decentralml.types import AccountId

U32, U64 = 2**32 - 1, 2**64 - 1


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser for a number that the chain has room for; a wrong one is a wrong command line."""

    def parse(text: str) -> int:
        digits = text.isascii() and text.isdecimal() and len(text) <= 20
        if not digits or not least <= int(text) <= most:
            raise typer.BadParameter(f"{text[:80]!a} is no whole number from {least} to {most}.")
        return int(text)

    return parse


TaskNumber = typer.Argument(
    parser=whole_number(0, U64), metavar="TASK", help="The task's number (see `list`)."
)
RoundNumber = typer.Argument(
    parser=whole_number(1, U32), metavar="ROUND", help="The round, from 1."
)
OnlyRound = typer.Option(
    None, "--round", parser=whole_number(1, U32), metavar="ROUND", help="Only this round."
)
Worker = typer.Argument(metavar="WORKER", help="The worker's address (see `tasks results`).")


def account(text: str) -> AccountId:
    """`text`, if it is an address.

    Raises: InvalidAddress: it is mistyped, or of another network.
    """
    from decentralml.chain.runtime import check_account

    return check_account(text)
