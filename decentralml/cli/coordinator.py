"""`decentralml coordinator`: a job for participants that were written for the XAIN SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.options import HELP_NAMES, SHARED

if TYPE_CHECKING:
    from decentralml.chain.market import Market
    from decentralml.compat.coordinator.desk import Desk
    from decentralml.compat.coordinator.settings import CoordinatorSettings
    from decentralml.config import Loaded

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP_NAMES,
)


@app.command()
def coordinator(
    config: Path = typer.Option(
        None, "--config", dir_okay=False, help="What is to be done (TOML); see --sample-config."
    ),
    sample_config: bool = typer.Option(
        False, "--sample-config", help="Print a commented configuration and exit."
    ),
    quiet: bool = typer.Option(False, "--quiet", help="Do not log requests and answers."),
    node: list[str] = SHARED["node"][1],
    key: str = SHARED["key"][1],
    keys: Path = SHARED["keys"][1],
    workspace: Path = SHARED["workspace"][1],
    store: str = SHARED["store"][1],
) -> None:
    """Coordinate participants that were written for the XAIN SDK 0.8.

    Posts a task, answers participants' rendez-vous and heartbeats, selects some for each round,
    hands out the global weights, takes results, averages them and pays. Killed and started again
    it goes on with the same task.

    The settings file of the other commands is named by DECENTRALML_CONFIG here.
    """
    from decentralml.errors import ConfigError

    try:
        from decentralml.compat.coordinator import settings as configuration
    except ModuleNotFoundError as missing:
        raise _not_installed(missing) from missing

    if sample_config:
        typer.echo(configuration.sample(), nl=False)
        return
    if config is None:
        raise ConfigError(
            "Name what is to be done: --config FILE. "
            "A commented file to begin with: decentralml coordinator --sample-config"
        )
    _set_up_logging(quiet)
    said = {"node": node, "key": key, "keys": keys, "workspace": workspace, "store": store}
    _run(_settings(said), configuration.load(config))


def _settings(said: dict[str, object]) -> Loaded:
    import os

    from decentralml.config import load_settings

    named = os.environ.get("DECENTRALML_CONFIG")
    return load_settings(said, Path(named) if named else None)


def _run(loaded: Loaded, asked: CoordinatorSettings) -> None:
    try:
        from decentralml.compat.coordinator.running import Coordinator
    except ModuleNotFoundError as missing:
        raise _not_installed(missing) from missing

    with Coordinator(lambda: _desk(loaded, asked), lambda: _market(loaded), asked) as running:
        while not running.wait(0.5):  # so that a signal is seen
            pass


@contextmanager
def _desk(loaded: Loaded, asked: CoordinatorSettings) -> Iterator[Desk]:
    from decentralml.chain.keys import KeyInfo, find_password
    from decentralml.cli import wiring
    from decentralml.cli.watching import line_of
    from decentralml.compat.coordinator.desk import Desk as MarketDesk
    from decentralml.compat.coordinator.desk import kept_keys_of
    from decentralml.compat.coordinator.kept_keys import KeptKeys
    from decentralml.compat.coordinator.service import LOG
    from decentralml.roles.creator import Creator

    with wiring.rooms(loaded, lambda event: LOG.debug("%s", line_of(event))) as rooms:
        creator = Creator(rooms)
        folder = kept_keys_of(creator)
        own = KeyInfo("kept-keys", creator.account, "sr25519", folder)
        desk = MarketDesk(creator, asked, KeptKeys(folder, lambda: find_password(own, None)))
        try:
            yield desk
        finally:
            desk.admission.close()


@contextmanager
def _market(loaded: Loaded) -> Iterator[Market]:
    from decentralml.cli import wiring

    with wiring.market(loaded) as market:
        yield market


def _set_up_logging(quiet: bool) -> None:
    import logging

    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger("decentralml.coordinator").setLevel(logging.INFO)
    if quiet:
        logging.getLogger("decentralml.coordinator.http").setLevel(logging.WARNING)


def _not_installed(missing: ModuleNotFoundError) -> Exception:
    from decentralml.learning.errors import FrameworkMissing

    library = (missing.name or "").partition(".")[0]
    return FrameworkMissing("web") if library in {"starlette", "uvicorn"} else missing
