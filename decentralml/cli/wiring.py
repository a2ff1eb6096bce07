"""Builds the rooms that a command needs from its settings; nothing else reads the settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decentralml.cli.arguments import account
from decentralml.cli.output import remark
from decentralml.errors import AssetError, ConfigError

if TYPE_CHECKING:
    from decentralml.assets.sealing.keys import Identity
    from decentralml.assets.store import AssetStore
    from decentralml.chain.market import Market
    from decentralml.chain.node import Node
    from decentralml.config import Loaded, Settings
    from decentralml.learning.privacy.local import LocalPrivacy
    from decentralml.roles.events import Observer
    from decentralml.roles.federation import Evaluate
    from decentralml.roles.rooms import Machine, Rooms, Trust
    from decentralml.roles.worker import Worker
    from decentralml.runner.sandbox import Sandbox

WORKSPACE_PATIENCE = 30  # seconds: a watch that validates lets go after each pass


@contextmanager
def node(loaded: Loaded) -> Iterator[Node]:
    """A connection to the chain that the settings name."""
    from decentralml.chain.node import Node as ChainNode

    settings = loaded.settings
    options: Any = {"timeout": settings.timeout, "wait": settings.wait}
    with ChainNode(settings.node, **options, on_node=lambda news: remark(str(news))) as connected:
        connected.on_waiting = lambda news: remark(str(news))
        yield connected


@contextmanager
def market(loaded: Loaded) -> Iterator[Market]:
    """The market for somebody who only looks."""
    from decentralml.chain.market import Market as ChainMarket

    with node(loaded) as connected:
        yield ChainMarket(connected)


def store(settings: Settings) -> AssetStore:
    """The asset store that the settings name.

    Raises: ConfigError: it is of a kind that this version does not know.
    """
    from decentralml.assets.opening import open_stores

    return open_stores(settings.store, settings.mirrors, _passed_over)


def shown(location: str) -> str:
    """A store's location without what may be secret in it."""
    from decentralml.assets.opening import shown as without_secrets

    return without_secrets(location)


def _passed_over(name: str, error: AssetError) -> None:
    from decentralml.errors import AssetNotFound

    if not isinstance(error, AssetNotFound):  # most stores lack most contents
        remark(f"passed over {name}: {error}")


@contextmanager
def rooms(loaded: Loaded, on_event: Observer) -> Iterator[Rooms]:
    """All that a role works with, signing with the key that the settings name."""
    from decentralml.chain.market import Market as ChainMarket
    from decentralml.roles.rooms import Rooms as RoleRooms
    from decentralml.roles.workspace import Workspace

    settings = loaded.settings
    with node(loaded) as connected:
        named = None if settings.in_name_of is None else account(settings.in_name_of)
        signing = ChainMarket(connected, signer(settings, connected), in_name_of=named)
        workspace = Workspace(
            settings.workspace, signing.genesis, signing.account, patience=WORKSPACE_PATIENCE
        )
        try:
            yield RoleRooms(
                signing,
                store(settings),
                workspace,
                on_event,
                identities=identities(settings),
            )
        finally:
            workspace.close()


def identities(settings: Settings) -> Sequence[Identity]:
    """The keys that open sealed results, besides the signing key's own.

    Raises: SealingFileUnusable: the file that the settings name cannot be used.
    """
    from decentralml.assets.sealing.keys import read_identities

    return () if settings.sealing_file is None else read_identities(settings.sealing_file)


def key_pair(loaded: Loaded, name: str) -> Any:
    """A key by its name, unlocked by environment, key ring or prompt; of the well-known ones only
    where the settings' node is a development chain's.

    Raises: KeyFileError: it cannot be opened.
    """
    from decentralml.chain.keys import KeyStore, find_password, well_known

    if name.startswith("/"):
        with node(loaded) as connected:
            return well_known(name, connected)
    keys = KeyStore(loaded.settings.keys)
    prompt = _ask_password if sys.stdin.isatty() else None
    return keys.unlock(name, find_password(keys.info(name), prompt))


def signer(settings: Settings, connected: Node) -> Any:
    """The key pair that signs, unlocked by environment, key ring or prompt.

    Raises: ConfigError: no key is named. KeyFileError: it cannot be opened.
    """
    from decentralml.chain.keys import KeyStore, open_signer

    if settings.key is None:
        raise ConfigError(
            "No key is named to sign with. Make one with `decentralml keys create`, and name it "
            "with --key or DECENTRALML_KEY; on a development chain --key //Alice will do."
        )
    prompt = _ask_password if sys.stdin.isatty() else None
    return open_signer(settings.key, KeyStore(settings.keys), connected, prompt)


def _ask_password(question: str) -> str:
    import typer

    answer: str = typer.prompt(question, hide_input=True, err=True)
    return answer


def sandbox(settings: Settings, *, bare: bool = False) -> Sandbox:
    """What keeps a task's script away from the rest of this machine.

    Args:
        bare: the person said `--no-sandbox`.
    Raises: NoSandbox: there is none here, and nobody said to do without.
    """
    from decentralml.runner.finding import find_sandbox
    from decentralml.runner.sandbox import TrustedRunner

    if bare or settings.sandbox == "none":
        return TrustedRunner()
    return find_sandbox().require()


def machine(loaded: Loaded, trust: Trust, *, data: Path | None, bare: bool) -> Machine:
    """Where a worker's scripts run."""
    from decentralml.roles.rooms import Machine as RoleMachine
    from decentralml.runner.limits import Limits

    settings = loaded.settings
    limits = Limits(
        wall_seconds=settings.limit_time,
        cpu_seconds=settings.limit_time * (os.cpu_count() or 1),
        memory_bytes=settings.limit_memory << 20,
        disk_bytes=settings.limit_disk << 20,
        tasks=settings.limit_processes,
    )
    folder = data or settings.data
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"There is no data folder {folder}. Create it, or name another: --data.")
    return RoleMachine(
        sandbox=sandbox(settings, bare=bare),
        limits=limits,
        data_dir=None if folder is None else folder.resolve(),
        trust=trust,
        privacy=privacy(settings),
    )


def privacy(settings: Settings) -> LocalPrivacy | None:
    """The person's wish for noise on what leaves."""
    from decentralml.learning.privacy.local import LocalPrivacy as Wish

    if settings.private_clip is None:
        return None
    return Wish(settings.private_clip, settings.private_noise)


def worker_class(role: str) -> type[Worker]:
    """The role of that name."""
    from decentralml.roles.annotator import Annotator
    from decentralml.roles.contributor import Contributor
    from decentralml.roles.engineer import Engineer

    return {kind.name: kind for kind in (Contributor, Engineer, Annotator)}[role]


def evaluation(folder: Path) -> Evaluate:
    """Measures a model's file on the held-out data of a folder."""
    from decentralml.learning.measure import measuring

    return measuring(folder)
