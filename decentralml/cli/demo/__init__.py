"""`decentralml demo`: the whole story on real data, every role a process of its own."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import typer

from decentralml.cli.options import HELP_NAMES

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=HELP_NAMES)


class StoreKind(str, Enum):
    """What bundles are kept in."""

    FOLDER = "folder"
    IPFS = "ipfs"


@app.command()
def demo(
    quick: bool = typer.Option(False, "--quick", help="Fewer images: under a minute."),
    folder: Path = typer.Option(
        Path("decentralml-demo"), "--folder", help="Where the demo keeps all that it makes."
    ),
    store: StoreKind = typer.Option(
        StoreKind.FOLDER,
        "--store",
        help="Where bundles lie: in a folder that all share, or on two IPFS daemons started for "
        "this (the creator's and everybody else's).",
    ),
    network: bool = typer.Option(
        False, "--network", help="On a real network started for it, not on a development chain."
    ),
    validators: int = typer.Option(4, "--validators", help="How many validators it has."),
    as_json: bool = typer.Option(False, "--json", help="Print the outcome as JSON at the end."),
) -> None:
    """Run the main job on this machine: a chain, a store and seven people, from posting to pay.

    A creator trains a small model on digits, locks pay on a development chain and posts three
    tasks. Contributors train the model on their own digits, an engineer changes its structure, an
    annotator labels images; each is paid by the chain under the task's policy. The creator then
    averages the contributors' models and measures what that is worth.
    """
    from decentralml.cli.demo.run import run

    run(
        folder,
        quick=quick,
        as_json=as_json,
        store=store,
        validators=validators if network else None,
    )
