"""CAR files between this package and kubo: each imports what the other exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_path
from decentralml.assets.composing import Part
from decentralml.assets.exporting import export_content, export_parts
from decentralml.assets.importing import import_car
from decentralml.assets.ipfs.private import PrivateDaemon
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.assets.local import LocalStore
from tests.contracts.store import bundle, tree_of

__all__ = ["bundle"]


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def cat(daemon: PrivateDaemon, path: str, place: Path) -> Path:
    daemon.run("get", "--output", str(place), path)
    return place


def test_kubo_imports_a_content_that_was_exported_here(
    local: LocalStore, shared_daemon: PrivateDaemon, bundle: Path, tmp_path: Path
) -> None:
    cid = local.put_folder(bundle)
    export_content(local, cid, tmp_path / "f.car")

    said = shared_daemon.run("dag", "import", "--pin-roots", str(tmp_path / "f.car"))

    assert cid in said
    assert tree_of(cat(shared_daemon, f"/ipfs/{cid}", tmp_path / "copy")) == tree_of(bundle)


def test_kubo_imports_a_task_and_shows_its_parts_as_a_folder(
    local: LocalStore, shared_daemon: PrivateDaemon, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "model").write_bytes(bytes(3 << 20))
    parts = [
        Part("bundle", local.put_folder(bundle)),
        Part("models/round-1", local.put_file(tmp_path / "model")),
    ]
    root = export_parts(local, parts, {"task": 1}, tmp_path / "task.car").root

    said = shared_daemon.run("dag", "import", "--pin-roots", str(tmp_path / "task.car"))

    assert root in said
    copy = cat(shared_daemon, f"/ipfs/{root}", tmp_path / "copy")
    assert tree_of(copy / "bundle") == tree_of(bundle)
    assert (copy / "models/round-1").read_bytes() == bytes(3 << 20)
    listed = shared_daemon.run("dag", "stat", "--progress=false", root)
    assert "Total Size" in listed


@pytest.mark.parametrize("many", [0, 4000])
def test_what_kubo_exported_is_imported_here(
    local: LocalStore, shared_daemon: PrivateDaemon, bundle: Path, tmp_path: Path, many: int
) -> None:
    for number in range(many):  # past the size from which a folder is kept in shards
        (bundle / f"item-{number:06d}.json").write_bytes(b"%d" % number)
    cid = shared_daemon.run("add", "-rQ", "--hidden", str(bundle)).strip()
    with (tmp_path / "kubo.car").open("wb") as file:
        file.write(exported(shared_daemon, cid))

    brought = import_car(local, tmp_path / "kubo.car")

    assert brought.root == cid == cid_of_path(bundle)
    local.fetch(brought.root, tmp_path / "copy")
    assert tree_of(tmp_path / "copy") == tree_of(bundle)


def exported(daemon: PrivateDaemon, cid: str) -> bytes:
    """`ipfs dag export`, whose output is no text."""
    import requests

    url = f"http://127.0.0.1:{daemon.api}/api/v0/dag/export?arg={cid}&progress=false"
    return requests.post(url, timeout=30).content


def test_a_file_is_imported_into_kubo_and_exported_from_it_as_a_store(
    local: LocalStore, shared_daemon: PrivateDaemon, bundle: Path, tmp_path: Path
) -> None:
    cid = local.put_folder(bundle)
    export_content(local, cid, tmp_path / "f.car")
    ipfs = IpfsStore(shared_daemon.location)

    import_car(ipfs, tmp_path / "f.car")
    export_content(ipfs, cid, tmp_path / "back.car")

    assert ipfs.has(cid)
    assert import_car(LocalStore(tmp_path / "third"), tmp_path / "back.car").root == cid
