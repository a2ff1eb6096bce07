"""`decentralml keys appoint`: a key that works for an account and cannot move its money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from decentralml.cli.arguments import account
from decentralml.cli.options import with_settings
from decentralml.cli.output import JsonFlag, acted

if TYPE_CHECKING:
    from collections.abc import Callable

    from decentralml.chain.calls import Call
    from decentralml.config import Loaded
    from decentralml.types import AccountId

Address = typer.Argument(metavar="ADDRESS", help="The other key's address (see `keys show`).")


def add_appointing(app: typer.Typer) -> None:
    """Add the commands to the keys' group."""

    @app.command()
    @with_settings
    def appoint(loaded: Loaded, other: str = Address, as_json: bool = JsonFlag) -> None:
        """Let another key work for your account: accept tasks, send results, give tasks up.

        It cannot move your money. A worker's machine then needs that key only, named with --key,
        and --in-name-of with your address. It pays the fees; a deposit of yours is held until
        `dismiss`.
        """
        from decentralml.chain import calls

        _send(loaded, calls.appoint, account(other), "appointed", as_json)

    @app.command()
    @with_settings
    def dismiss(loaded: Loaded, other: str = Address, as_json: bool = JsonFlag) -> None:
        """End what `appoint` began; the deposit comes back."""
        from decentralml.chain import calls

        _send(loaded, calls.dismiss, account(other), "dismissed", as_json)


def _send(
    loaded: Loaded, make: Callable[[AccountId], Call], other: AccountId, said: str, as_json: bool
) -> None:
    from decentralml.chain.market import Market
    from decentralml.cli import wiring

    with wiring.node(loaded) as node:
        block = Market(node, wiring.signer(loaded.settings, node)).call(make(other)).block_number
        acted(said, block, as_json, said=f"{said} {other} (block {block})", key=other)
