"""`decentralml demo`: the whole story on real data, every role a process of its own."""

from __future__ import annotations

from pathlib import Path

import typer

from decentralml.cli.options import HELP_NAMES

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=HELP_NAMES)


@app.command()
def demo(
    quick: bool = typer.Option(False, "--quick", help="Fewer images: under a minute."),
    folder: Path = typer.Option(
        Path("decentralml-demo"), "--folder", help="Where the demo keeps all that it makes."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the outcome as JSON at the end."),
) -> None:
    """Run the main job on this machine: a chain, a store and seven people, from posting to pay.

    A creator trains a small model on digits, locks pay on a development chain and posts three
    tasks. Contributors train the model on their own digits, an engineer changes its structure, an
    annotator labels images; each is paid by the chain under the task's policy. The creator then
    averages the contributors' models and measures what that is worth.
    """
    from decentralml.cli.demo.run import run

    run(folder, quick=quick, as_json=as_json)
