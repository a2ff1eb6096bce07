"""Contents one by one: name, put, get, verify, list, measure. Needs neither a chain nor a key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.assets.group import Content, app, which
from decentralml.cli.options import with_settings
from decentralml.cli.output import JsonFlag, emit, progress, remark, table
from decentralml.errors import ConfigError

if TYPE_CHECKING:
    from decentralml.config import Loaded
    from decentralml.types import Cid

Source = typer.Argument(exists=True, resolve_path=True, help="A file or a folder.")
Some = typer.Argument(None, metavar="[CID]...", help="Contents' CIDs (bafy…, bafk…).")


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
def verify(
    loaded: Loaded,
    contents: list[str] = Some,
    everything: bool = typer.Option(False, "--all", help="All that the store has."),
    as_json: bool = JsonFlag,
) -> None:
    """Read files or folders of the store whole: are they intact?

    Ends at the first that is not, and names it; with --all every one is read, and the exit status
    is 6 when one is not intact.
    """
    from decentralml.assets.cid import parse
    from decentralml.cli import wiring

    store = wiring.store(loaded.settings)
    if bool(contents) == everything:
        raise ConfigError("Name the contents to read, or say --all.")
    if everything:
        _verify_all(loaded, as_json)
        return
    wanted = [parse(content) for content in contents]
    for number, one in enumerate(wanted, 1):
        with progress(which("verifying", number, len(wanted))) as report:
            store.verify(one, report)
    said = [{"cid": one, "intact": True} for one in wanted]
    emit(said[0] if len(said) == 1 else said, as_json, lambda: remark("intact"))


def _verify_all(loaded: Loaded, as_json: bool) -> None:
    from decentralml.cli import wiring
    from decentralml.errors import AssetError, StoreRefused, StoreUnreachable

    store = wiring.store(loaded.settings)
    has = list(store.list())
    damaged: dict[Cid, str] = {}
    for number, one in enumerate(has, 1):
        try:
            with progress(which("verifying", number, len(has))) as report:
                store.verify(one, report)
        except (StoreUnreachable, StoreRefused):
            raise  # what follows would not be read either
        except AssetError as error:
            damaged[one] = str(error)

    def human() -> None:
        for error in damaged.values():
            remark(error)
        remark(f"{len(has) - len(damaged)} of {len(has)} intact")

    said = [{"cid": one, "intact": one not in damaged, "why": damaged.get(one)} for one in has]
    emit(said, as_json, human)
    if damaged:
        raise typer.Exit(6)


@app.command("list")
@with_settings
def list_assets(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """List what the store has, the bytes that each takes, and what is pinned."""
    from decentralml.cli import wiring
    from decentralml.roles.pins import Pins

    store = wiring.store(loaded.settings)
    pinned = {pin.cid for pin in Pins(loaded.settings.workspace).all()}
    found = [
        {"cid": cid, "bytes": store.size(cid), "pinned": cid in pinned} for cid in store.list()
    ]

    def human() -> None:
        if not found:
            where = wiring.shown(loaded.settings.store)
            remark(f"Nothing is in {where} yet: decentralml assets put PATH")
            return
        rows = [
            [one["cid"], f"{one['bytes']:,}", "pinned" if one["pinned"] else ""] for one in found
        ]
        table(["|cid", ">bytes", "|"], rows)

    emit(found, as_json, human)


@app.command()
@with_settings
def size(loaded: Loaded, contents: list[str] = Some, as_json: bool = JsonFlag) -> None:
    """Print the bytes that the store spends on contents, or on all it has."""
    from decentralml.assets.cid import parse
    from decentralml.cli import wiring

    store = wiring.store(loaded.settings)
    wanted = [parse(content) for content in contents or ()] or list(store.list())
    sizes = {one: store.size(one) for one in wanted}
    total = sum(sizes.values())

    def human() -> None:
        typer.echo(str(total))
        remark(f"{total:,} bytes, contents: {len(sizes)}")

    emit({"bytes": total, "contents": sizes}, as_json, human)
