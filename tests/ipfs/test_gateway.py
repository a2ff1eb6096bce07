"""Kubo's own gateway, read without being trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from decentralml.assets.at_hand import AtHand
from decentralml.assets.cid import cid_of_bytes, to_bytes
from decentralml.assets.gateway import GatewayStore
from decentralml.assets.ipfs.private import PrivateDaemon
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.assets.local import LocalStore
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
