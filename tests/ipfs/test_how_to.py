"""The commands of docs/how-to/ipfs.md, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.assets.ipfs.private import PrivateDaemon
from tests.contracts.store import bundle, tree_of

__all__ = ["bundle"]  # the fixture of the contract

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ipfs.md"


def commands(beginning: str) -> list[str]:
    """The lines of the page that begin so."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [
        line.split("  #")[0].strip()
        for block in blocks
        for line in block.splitlines()
        if line.startswith(beginning)
    ]


def shell(command: str, daemon: PrivateDaemon) -> str:
    """Runs a command of the page as a person on this daemon's machine would."""
    programs = f"{daemon.kubo.parent}:{Path(sys.executable).parent}"
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "IPFS_PATH": str(daemon.repository),
        "DECENTRALML_STORE": "ipfs://",
    }
    done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def machines(
    kubo_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[PrivateDaemon]]:
    """Two daemons set up by the page's commands, but for ports, which must be free here."""
    both = []
    for _ in range(2):
        spare = PrivateDaemon.make(tmp_path_factory.mktemp("ports"), kubo_binary, peered=True)
        made = PrivateDaemon(
            tmp_path_factory.mktemp("kubo"), kubo_binary, spare.api, swarm=spare.swarm
        )
        (initialise,) = commands("ipfs init")
        shell(
            initialise.replace("init ", "init --profile=test,", 1).replace(",--profile=", ","), made
        )
        made.run("config", "Addresses.API", f"/ip4/127.0.0.1/tcp/{made.api}")
        made.run("config", "--json", "Addresses.Gateway", "[]")
        swarm = f'["/ip4/127.0.0.1/tcp/{made.swarm}"]'
        made.run("config", "--json", "Addresses.Swarm", swarm)
        both.append(made)
    for one, other in (both, both[::-1]):
        for command in commands("ipfs config"):
            peer = command.replace("12D3KooW…", shell("ipfs config Identity.PeerID", other))
            shell(peer.replace("/ip4/10.0.0.2/tcp/4001", f"/ip4/127.0.0.1/tcp/{other.swarm}"), one)
    for one in both:
        one.start()
    yield both
    for one in both:
        one.kill()


def test_two_machines_set_up_as_the_page_says_hand_bundles_to_one_another(
    machines: list[PrivateDaemon], bundle: Path, tmp_path: Path
) -> None:
    here, there = machines
    put, get, listing = commands("decentralml assets ")[:3]

    cid = shell(put.replace("FOLDER", str(bundle)), here)
    copy = tmp_path / "copy"
    shell(get.replace("CID", cid).replace("PLACE", str(copy)), there)

    assert tree_of(copy) == tree_of(bundle)
    assert cid in shell(listing, here)
    assert shell(f"ipfs add -rQ --hidden {bundle}", there) == cid
    (pins,) = commands("ipfs pin ls")
    assert f"decentralml:{cid}" in shell(pins, here)
    assert f"decentralml:{cid}" not in shell(pins, there)
