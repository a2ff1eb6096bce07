"""What stays in the store: pins, and clearing what nobody here needs any more."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from decentralml.cli.assets.group import (
    AllModels,
    Results,
    Whats,
    app,
    distinct,
    named,
    task_number,
    which,
)
from decentralml.cli.options import with_settings
from decentralml.cli.output import JsonFlag, emit, facts, progress, remark
from decentralml.errors import ConfigError

if TYPE_CHECKING:
    from decentralml.assets.store import AssetStore
    from decentralml.chain.node import Node
    from decentralml.config import Loaded, Settings
    from decentralml.roles.clearing import Clearing
    from decentralml.types import AccountId, Cid


@app.command()
@with_settings
def pin(
    loaded: Loaded,
    what: list[str] = Whats,
    all_models: bool = AllModels,
    results: bool = Results,
    as_json: bool = JsonFlag,
) -> None:
    """Keep contents, or what tasks need, whatever `gc` finds.

    What the store lacks is copied from the mirrors, if there are any. Pins are yours, not the
    store's: they are kept in the workspace.
    """
    from decentralml.roles.pins import Pin, Pins

    contents = [one for text in what for one in named(loaded, text, all_models, results)]
    lacking = _bring(loaded.settings, distinct(contents))
    pins = [Pin(one.cid, one.task, one.genesis, one.path) for one in contents]
    fresh = Pins(loaded.settings.workspace).add(pins)

    def human() -> None:
        for cid in distinct(contents):
            typer.echo(cid)
        remark(f"pinned: {len(pins)}, {len(fresh)} of them new")
        for cid in lacking:
            remark(f"The store does not have {cid}: get it, or ask who published it.")

    emit({"pinned": pins, "new": fresh, "lacking": lacking}, as_json, human)


def _bring(settings: Settings, wanted: Sequence[Cid]) -> list[Cid]:
    """Copies what the store lacks from its mirrors; returns what none has."""
    from decentralml.assets.opening import open_store
    from decentralml.cli import wiring
    from decentralml.errors import AssetNotFound

    own, all_stores = open_store(settings.store), wiring.store(settings)
    lacking = []
    for number, cid in enumerate(wanted, 1):
        if own.has(cid):
            continue
        try:
            with (
                progress(which("copying", number, len(wanted))) as report,
                all_stores.open(cid) as source,
            ):
                own.put_from(source, cid, report)
        except AssetNotFound:
            lacking.append(cid)
    return lacking


@app.command()
@with_settings
def unpin(loaded: Loaded, what: list[str] = Whats, as_json: bool = JsonFlag) -> None:
    """Keep contents, or what tasks need, no longer than their tasks do.

    Nothing is removed before the next `gc`.
    """
    from decentralml.roles.pins import Pins

    tasks = {number for text in what if (number := task_number(text)) is not None}
    cids = {one.cid for text in what if task_number(text) is None
            for one in named(loaded, text, False, False)}  # fmt: skip
    gone = Pins(loaded.settings.workspace).remove(lambda p: p.cid in cids or p.task in tasks)
    emit({"unpinned": gone}, as_json, lambda: remark(f"unpinned: {len(gone)}"))


@app.command()
@with_settings
def gc(
    loaded: Loaded,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be removed."),
    yes: bool = typer.Option(False, "--yes", help="Remove without asking."),
    as_json: bool = JsonFlag,
) -> None:
    """Remove from the store what no task of yours and no pin needs.

    Kept are bundles, models and results of every task that the chain still has and in which one of
    your accounts has a part: those of your keys, and all that worked in this workspace. When the
    chain cannot be asked, nothing is removed.
    """
    from decentralml.assets.opening import open_store
    from decentralml.cli import wiring
    from decentralml.roles.clearing import look, other_chains, standing_still
    from decentralml.roles.pins import Pins

    settings = loaded.settings
    store = open_store(settings.store)
    with wiring.market(loaded) as market:
        root, genesis = settings.workspace, market.genesis
        with standing_still(root, genesis, wiring.WORKSPACE_PATIENCE) as spaces:
            accounts = _accounts(settings, market.node, [space.account for space in spaces])
            found = look(store, market, accounts, spaces, Pins(root))
            if not as_json:
                _tell(found, accounts, other_chains(root, genesis))
            freed = 0
            if found.goes and not dry_run:
                freed = _remove(store, found, yes, wiring.shown(settings.store))
    done = {"goes": found.goes, "stays": found.stays, "bytes": found.bytes, "freed": freed}
    emit({**done, "accounts": accounts, "tasks": found.tasks}, as_json, lambda: _end(freed))


def _accounts(settings: Settings, node: Node, worked_here: Sequence[AccountId]) -> list[AccountId]:
    """Whose tasks count.

    Raises: ConfigError: nobody is known, so everything would go.
    """
    from decentralml.chain.keys import KeyStore, well_known_address
    from decentralml.cli.arguments import account

    accounts = {*worked_here, *(key.address for key in KeyStore(settings.keys).list())}
    if settings.key is not None and settings.key.startswith("//"):
        accounts.add(well_known_address(settings.key))
    if settings.in_name_of is not None:
        accounts.add(account(settings.in_name_of))
    if not accounts:
        raise ConfigError(
            f"No account is known whose tasks on {node.url} would be kept. Name your key: --key."
        )
    return sorted(accounts)


def _tell(found: Clearing, accounts: Sequence[AccountId], chains: int) -> None:
    if found.goes:
        facts({cid: f"{size:,} bytes" for cid, size in found.goes.items()})
    remark(
        f"not needed: {len(found.goes)} contents, {found.bytes:,} bytes; needed: "
        f"{len(found.stays)}, by {len(found.tasks)} tasks of {len(accounts)} accounts, and pins"
    )
    if chains:
        remark(
            f"{chains} further chains are known in this workspace, and were not asked: what only "
            "their tasks need goes, unless it is pinned."
        )


def _remove(store: AssetStore, found: Clearing, yes: bool, where: str) -> int:
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError(
                f"Nobody is here to be asked whether {len(found.goes)} contents may be removed "
                "for good. Look with --dry-run, then say --yes."
            )
        question = f"Remove {len(found.goes)} contents from {where} for good?"
        if not typer.confirm(question, default=False, err=True):
            return 0
    # What was put since it was looked at stays: nobody has asked whether it is needed.
    fresh = (cid for cid in store.list() if cid not in found.goes)
    return store.gc({*found.keep, *fresh})


def _end(freed: int) -> None:
    remark(f"freed: {freed:,} bytes" if freed else "nothing was removed")
