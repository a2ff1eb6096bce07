"""Contents on their way: into a CAR file, out of one, from one store to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.assets.group import (
    AllModels,
    Named,
    Results,
    What,
    Whats,
    app,
    distinct,
    named,
    task_number,
    which,
)
from decentralml.cli.options import with_settings
from decentralml.cli.output import JsonFlag, emit, facts, progress, remark

if TYPE_CHECKING:
    from decentralml.assets.composing import Part
    from decentralml.config import Loaded


@app.command()
@with_settings
def export(
    loaded: Loaded,
    what: str = What,
    file: Path = typer.Argument(metavar="FILE.car", help="The file; must not exist."),
    all_models: bool = AllModels,
    results: bool = Results,
    as_json: bool = JsonFlag,
) -> None:
    """Write a content, or a task with all that it needs, into one CAR file.

    A task's file has its bundle and the running round's model. `assets import` and `ipfs dag
    import` read it. What was interrupted is gone on with by the same command.
    """
    from decentralml.assets.exporting import export_content, export_parts
    from decentralml.cli import wiring

    contents = named(loaded, what, all_models, results)
    store = wiring.store(loaded.settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    with progress("exporting") as report:
        if task_number(what) is None:
            done = export_content(store, contents[0].cid, file, report)
        else:
            parts, about = _parts(contents)
            done = export_parts(store, parts, about, file, report)
    said = {"root": done.root, "path": file, "bytes": done.bytes, "contents": contents}

    def human() -> None:
        typer.echo(str(file))
        remark(f"contents: {len(distinct(contents))}, {done.bytes:,} bytes, root {done.root}")

    emit(said, as_json, human)


def _parts(contents: list[Named]) -> tuple[list[Part], dict[str, object]]:
    """A task's contents as parts, and what the file says of them."""
    from decentralml.assets.composing import Part as NamedPart

    about: dict[str, object] = {"genesis": contents[0].genesis, "task": contents[0].task}
    return [NamedPart(one.path, one.cid) for one in contents], about


@app.command("import")
@with_settings
def import_file(
    loaded: Loaded,
    file: Path = typer.Argument(
        metavar="FILE.car", exists=True, dir_okay=False, help="A CAR file, from whomever."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Keep what a CAR file has in the store, every block verified.

    The file may come from `assets export` or `ipfs dag export`. Nothing is kept of one that is not
    good from end to end.
    """
    from decentralml.assets.importing import import_car
    from decentralml.cli import wiring

    with progress("importing") as report:
        brought = import_car(wiring.store(loaded.settings), file, report)
    contents = {part.path or "content": part.cid for part in brought.parts}

    def human() -> None:
        facts(contents)
        if brought.page:
            remark(_origin(brought.page.get("task"), brought.page.get("genesis")))

    said = {"root": brought.root, "contents": contents, "said": brought.page}
    emit(said, as_json, human)


def _origin(task: object, genesis: object) -> str:
    chain = f" of the chain {ascii(genesis[:14])[1:-1]}…" if isinstance(genesis, str) else ""
    number = task if isinstance(task, int) else "?"
    return f"The file says that this is task {number}{chain}."


@app.command()
@with_settings
def mirror(
    loaded: Loaded,
    what: list[str] = Whats,
    to: str = typer.Option(..., "--to", metavar="STORE", help="The store that gets them."),
    all_models: bool = AllModels,
    results: bool = Results,
    as_json: bool = JsonFlag,
) -> None:
    """Copy contents, or what tasks need, from the store to another, verified on the way.

    What the other store has whole is not sent again.
    """
    from decentralml.assets.opening import open_store, shown
    from decentralml.cli import wiring

    contents = [one for text in what for one in named(loaded, text, all_models, results)]
    store, target = wiring.store(loaded.settings), open_store(to)
    wanted = distinct(contents)
    for number, cid in enumerate(wanted, 1):
        with progress(which("copying", number, len(wanted))) as report, store.open(cid) as source:
            target.put_from(source, cid, report)

    def human() -> None:
        for cid in wanted:
            typer.echo(cid)
        remark(f"in {shown(to)} now: {len(wanted)}")

    emit({"to": shown(to), "contents": contents}, as_json, human)
