"""Runs a local network: made or resumed, watched, stopped."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from decentralml.cli.network_view import Show, shown
from decentralml.cli.output import remark
from decentralml.localnet import LocalNetwork, find_binary
from decentralml.localnet.errors import BadNetwork
from decentralml.localnet.network import DEFAULT_VALIDATORS

LOOK_SECONDS = 0.5


def run(
    folder: Path, validators: int | None, base_port: int | None, *, tmp: bool, as_json: bool
) -> None:
    """Run a network until interrupted.

    Args:
        folder: keeps it, unless `tmp`.
        validators: how many; None: as many as there are, or four.
        base_port: see `LocalNetwork.make`.
        tmp: in a folder that is removed at the end.
        as_json: for programs.
    Raises:
        LocalNetworkError: it cannot start, or no validator is left.
    """
    with contextlib.ExitStack() as stack:
        if tmp:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="decentralml-network-"))
            folder = Path(made)
        network = opened(folder, validators, base_port)
        with (
            contextlib.suppress(KeyboardInterrupt),
            network,
            _stopping(as_json),
            shown(network.folder, as_json=as_json) as show,
        ):
            _watch(network, show)


def opened(folder: Path, validators: int | None, base_port: int | None) -> LocalNetwork:
    """The network of a folder, made if there is none; not started.

    Raises:
        LocalNetworkError: there is no node, or no such network can be.
    """
    binary = find_binary()
    if not LocalNetwork.is_in(folder):
        wanted = DEFAULT_VALIDATORS if validators is None else validators
        return LocalNetwork.make(folder, binary, validators=wanted, base_port=base_port)
    network = LocalNetwork.resume(folder, binary, base_port=base_port)
    there = len(network.validators)
    if validators is not None and validators != there:
        raise BadNetwork(
            f"The network in {folder} has {there} validators, not {validators}: its first block "
            "names them. Leave --validators out, or name another --path."
        )
    return network


def _watch(network: LocalNetwork, show: Show) -> None:
    while True:
        status = network.status()
        show(status)
        if not status.running:
            last = network.validators[-1]
            raise last.ended(f"ended with status {last.exit_status}, as all others did")
        time.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def _stopping(as_json: bool) -> Iterator[None]:
    try:
        yield
    finally:
        if not as_json:
            remark("stopping all validators …")
