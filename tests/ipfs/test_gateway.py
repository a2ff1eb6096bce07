"""Kubo's own gateway, read without being trusted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decentralml.assets.at_hand import AtHand
from decentralml.assets.cid import cid_of_bytes, to_bytes
from decentralml.assets.gateway import GatewayStore
from decentralml.assets.ipfs.private import PrivateDaemon
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.assets.local import LocalStore
from decentralml.assets.unixfs import CHUNK
from decentralml.errors import AssetNotFound, StoreReadOnly
from decentralml.types import Cid
from tests.contracts.store import NAMED, bundle, tree_of
from tests.contracts.vectors import content, grow

__all__ = ["bundle"]


@pytest.fixture
def gateway(shared_daemon: PrivateDaemon) -> GatewayStore:
    return GatewayStore(f"http://127.0.0.1:{shared_daemon.gateway}")


@pytest.fixture
def kubo(shared_daemon: PrivateDaemon) -> IpfsStore:
    return IpfsStore(shared_daemon.location)


def test_a_folder_comes_through_the_gateway(
    gateway: GatewayStore, kubo: IpfsStore, bundle: Path, tmp_path: Path
) -> None:
    cid = kubo.put_folder(bundle)

    gateway.fetch(cid, tmp_path / "copy")
    gateway.verify(cid)

    assert tree_of(tmp_path / "copy") == tree_of(bundle)
    assert gateway.has(cid)
    assert 2 << 20 < gateway.size(cid) < 3 << 20


def test_a_folder_in_shards_comes_through_the_gateway(
    gateway: GatewayStore, kubo: IpfsStore, tmp_path: Path
) -> None:
    (tmp_path / "many").mkdir()
    for number in range(4000):
        (tmp_path / "many" / f"item-{number:06d}.json").write_bytes(b"%d" % number)
    cid = kubo.put_folder(tmp_path / "many")

    gateway.fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(tmp_path / "many")


def test_only_what_is_not_at_hand_is_fetched(
    gateway: GatewayStore, kubo: IpfsStore, bundle: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    gateway.fetch(kubo.put_folder(bundle), mine / "first", at_hand=AtHand(mine))
    (bundle / "new").write_bytes(b"fresh")

    gateway.fetch(kubo.put_folder(bundle), mine / "second", at_hand=AtHand(mine))

    assert tree_of(mine / "second") == tree_of(bundle)


def test_it_is_mirrored_into_a_folder(
    gateway: GatewayStore, kubo: IpfsStore, bundle: Path, tmp_path: Path
) -> None:
    cid = kubo.put_folder(bundle)
    local = LocalStore(tmp_path / "local")

    with gateway.open(cid) as source:
        local.put_from(source, cid)

    local.verify(cid)


def test_what_kubo_does_not_have_is_not_found(gateway: GatewayStore, tmp_path: Path) -> None:
    never = cid_of_bytes(b"never stored anywhere")

    with pytest.raises(AssetNotFound):
        gateway.fetch(never, tmp_path / "copy")
    assert not gateway.has(never)


def test_a_folder_of_which_kubo_lost_a_block_is_not_fetched(
    gateway: GatewayStore,
    kubo: IpfsStore,
    shared_daemon: PrivateDaemon,
    tmp_path: Path,
) -> None:
    """Kubo then ends its stream early, and writes a sentence for people into it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_bytes(b"kept")
    (tmp_path / "folder" / "b").write_bytes(b"lost")
    cid = kubo.put_folder(tmp_path / "folder")
    kubo.gc(keep=set())
    shared_daemon.run("block", "put", data=b"kept")
    local = LocalStore(tmp_path / "local")
    local.put_folder(tmp_path / "folder")
    with local.open(cid) as source:
        root = source.get(to_bytes(cid))
    shared_daemon.run("block", "put", "--cid-codec=dag-pb", data=root)

    with pytest.raises(AssetNotFound, match=cid_of_bytes(b"lost")):
        gateway.fetch(cid, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_nothing_is_put_through_it(gateway: GatewayStore, bundle: Path) -> None:
    with pytest.raises(StoreReadOnly):
        gateway.put_folder(bundle)


@pytest.mark.parametrize("case", NAMED, ids=lambda case: case["cid"][-6:])
def test_what_kubo_added_is_found_by_the_name_that_every_store_gives(
    gateway: GatewayStore, shared_daemon: PrivateDaemon, tmp_path: Path, case: dict[str, Any]
) -> None:
    if "size" in case:
        path = tmp_path / "file"
        path.write_bytes(content(case["size"]))
    else:
        path = grow(tmp_path / "folder", case)
    shared_daemon.run("add", "-rQ", str(path))

    gateway.fetch(Cid(case["cid"]), tmp_path / "copy")

    copy = tmp_path / "copy"
    local = LocalStore(tmp_path / "local")
    put = local.put_folder if copy.is_dir() else local.put_file
    assert put(copy) == case["cid"]


FETCH = """
import os, signal, sys
from pathlib import Path
from decentralml.assets.gateway import GatewayStore

def die(done, total):
    if done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

GatewayStore(sys.argv[1]).fetch(sys.argv[2], Path(sys.argv[3]), progress=die)
"""


def test_a_fetch_that_was_killed_is_gone_on_with_though_the_gateway_lost_what_came(
    gateway: GatewayStore, kubo: IpfsStore, shared_daemon: PrivateDaemon, tmp_path: Path
) -> None:
    large, place = tmp_path / "large", tmp_path / "copy"
    large.write_bytes(os.urandom(24 << 20))
    cid = kubo.put_file(large)
    command = [sys.executable, "-c", FETCH, gateway.url, cid, str(place), str(12 << 20)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert not place.exists()
    content = large.read_bytes()
    came = [cid_of_bytes(content[at : at + CHUNK]) for at in range(0, 10 << 20, CHUNK)]
    pins = shared_daemon.run("pin", "ls", "--type=recursive", "--quiet").split()
    shared_daemon.run("pin", "rm", *pins)
    shared_daemon.run("block", "rm", *came)

    gateway.fetch(cid, place)

    assert place.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "large"]
