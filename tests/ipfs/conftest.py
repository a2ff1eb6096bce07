"""Real kubo daemons, on loopback only; `scripts/test_ipfs.sh` builds the program."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from decentralml.assets.ipfs.private import PrivateDaemon, acquaint, find_kubo
from decentralml.errors import ConfigError

MakeDaemon = Callable[..., PrivateDaemon]
REQUIRED = "DECENTRALML_KUBO_REQUIRED"


@pytest.fixture(scope="session")
def kubo_binary() -> Path:
    """The program ``ipfs``; without one these tests are skipped, or fail where it is required."""
    try:
        return find_kubo()
    except ConfigError as error:
        if os.environ.get(REQUIRED) == "1":
            raise
        pytest.skip(str(error))


@pytest.fixture
def daemon(kubo_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeDaemon]:
    """Makes daemons: ``daemon(peered=…, gateway=…, started=True)``; killed at the end."""
    with ExitStack() as stack:

        def make(*, started: bool = True, **options: bool) -> PrivateDaemon:
            repository = tmp_path_factory.mktemp("kubo")
            made = PrivateDaemon.make(repository, kubo_binary, **options)
            stack.callback(made.kill)
            if started:
                made.start()
            return made

        yield make


@pytest.fixture(scope="module")
def shared_daemon(
    kubo_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrivateDaemon]:
    """One daemon with a gateway for all tests of a file; they clear it themselves."""
    made = PrivateDaemon.make(tmp_path_factory.mktemp("kubo"), kubo_binary, gateway=True)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def two_daemons(daemon: MakeDaemon) -> tuple[PrivateDaemon, PrivateDaemon]:
    """Two that run, and know only each other."""
    both = daemon(peered=True, started=False), daemon(peered=True, started=False)
    acquaint(*both)
    for one in both:
        one.start()
    return both
