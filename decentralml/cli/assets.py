"""`decentralml assets`: bundles by content; needs neither a chain nor a key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, emit, progress, remark, table

if TYPE_CHECKING:
    from decentralml.config import Loaded

app = group("Store, fetch and verify bundles by content.")

Source = typer.Argument(exists=True, resolve_path=True, help="A file or a folder.")
Content = typer.Argument(help="The content's CID (bafy…, bafk…).")


@app.command()
def cid(path: Path = Source, as_json: bool = JsonFlag) -> None:
    """Print the CID of a file or folder, as IPFS gives it.

    Nothing is stored. It is kubo's CID of version 1.
    """
    from decentralml.assets.cid import cid_of_path

    with progress("hashing") as report:
        found = cid_of_path(path, report)
    emit({"cid": found, "path": path}, as_json, lambda: typer.echo(found))


@app.command()
@with_settings
def put(loaded: Loaded, path: Path = Source, as_json: bool = JsonFlag) -> None:
    """Keep a file or folder in the store and print its CID."""
    from decentralml.cli import wiring

    store = wiring.store(loaded.settings)
    with progress("storing") as report:
        kept = store.put_folder(path, report) if path.is_dir() else store.put_file(path, report)
    emit({"cid": kept, "path": path}, as_json, lambda: typer.echo(kept))


@app.command()
@with_settings
def get(
    loaded: Loaded,
    content: str = Content,
    destination: Path = typer.Argument(help="Where it goes; must not exist."),
    as_json: bool = JsonFlag,
) -> None:
    """Write a file or folder of the store to a place, verified.

    It is written whole or not at all.
    """
    from decentralml.assets.cid import parse
    from decentralml.cli import wiring

    store = wiring.store(loaded.settings)
    wanted = parse(content)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with progress("fetching") as report:
        store.fetch(wanted, destination, progress=report)
    emit({"cid": wanted, "path": destination}, as_json, lambda: typer.echo(str(destination)))


@app.command()
@with_settings
def verify(loaded: Loaded, content: str = Content, as_json: bool = JsonFlag) -> None:
    """Read a file or folder of the store whole: is it intact?"""
    from decentralml.assets.cid import parse
    from decentralml.cli import wiring

    wanted = parse(content)
    with progress("verifying") as report:
        wiring.store(loaded.settings).verify(wanted, report)
    emit({"cid": wanted, "intact": True}, as_json, lambda: remark("intact"))


@app.command("list")
@with_settings
def list_assets(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """List what the store has, and the bytes that each takes."""
    from decentralml.cli import wiring

    store = wiring.store(loaded.settings)
    found = [{"cid": cid, "bytes": store.size(cid)} for cid in store.list()]

    def human() -> None:
        if not found:
            remark(f"Nothing is in {loaded.settings.store} yet: decentralml assets put PATH")
            return
        table(["|cid", ">bytes"], [[one["cid"], f"{one['bytes']:,}"] for one in found])

    emit(found, as_json, human)
