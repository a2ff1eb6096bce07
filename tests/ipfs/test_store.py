"""The store on a real daemon: the contract, and what is kubo's own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_path
from decentralml.assets.ipfs.private import PrivateDaemon
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.errors import AssetNotFound, StoreUnreachable
from tests.contracts.store import StoreContract, bundle, tree_of
from tests.ipfs.conftest import MakeDaemon

__all__ = ["bundle"]  # the fixture of the contract


def pins_of(daemon: PrivateDaemon) -> dict[str, str]:
    """All recursive pins: CID -> name."""
    lines = daemon.run("pin", "ls", "--type=recursive", "--names").splitlines()
    found = (line.split(" ", 2) for line in lines)
    return {words[0]: words[2] if len(words) > 2 else "" for words in found}


@pytest.fixture
def store(shared_daemon: PrivateDaemon) -> IpfsStore:
    """A store with nothing in it, on a daemon with nothing in it."""
    for cid in pins_of(shared_daemon):
        shared_daemon.run("pin", "rm", cid)
    store = IpfsStore(shared_daemon.location, patience=5, comeback=5)
    store.gc(keep=set())
    return store


class TestIpfsStore(StoreContract):
    """The contract, on kubo."""


def test_kubo_reads_what_was_put_under_the_same_name(
    store: IpfsStore, shared_daemon: PrivateDaemon, bundle: Path, tmp_path: Path
) -> None:
    cid = store.put_folder(bundle)

    shared_daemon.run("get", "--output", str(tmp_path / "copy"), cid)

    assert tree_of(tmp_path / "copy") == tree_of(bundle)


def test_what_kubo_added_is_fetched_under_the_name_we_give_it(
    store: IpfsStore, shared_daemon: PrivateDaemon, bundle: Path, tmp_path: Path
) -> None:
    added = shared_daemon.run("add", "-rQ", "--hidden", str(bundle)).strip()

    assert added == cid_of_path(bundle)
    store.fetch(cid_of_path(bundle), tmp_path / "copy")
    assert tree_of(tmp_path / "copy") == tree_of(bundle)


def test_what_is_put_survives_a_clearing_by_anybody(
    store: IpfsStore, shared_daemon: PrivateDaemon, bundle: Path
) -> None:
    cid = store.put_folder(bundle)

    shared_daemon.run("repo", "gc")

    store.verify(cid)


def test_somebody_elses_pin_of_the_same_content_stays_as_it_is(
    store: IpfsStore, shared_daemon: PrivateDaemon, bundle: Path
) -> None:
    theirs = shared_daemon.run("add", "-rQ", "--hidden", "--pin-name=theirs", str(bundle)).strip()

    ours = store.put_folder(bundle)
    assert ours == theirs
    assert pins_of(shared_daemon)[theirs] == "theirs"
    store.gc(keep=set())

    assert pins_of(shared_daemon) == {theirs: "theirs"}
    store.verify(ours)


def test_our_claim_outlives_somebody_elses_pin(
    store: IpfsStore, shared_daemon: PrivateDaemon, bundle: Path
) -> None:
    theirs = shared_daemon.run("add", "-rQ", "--hidden", str(bundle)).strip()
    cid = store.put_folder(bundle)

    shared_daemon.run("pin", "rm", theirs)
    shared_daemon.run("repo", "gc")

    store.verify(cid)


def test_clearing_keeps_what_is_kept_though_nobody_pinned_it(
    store: IpfsStore, shared_daemon: PrivateDaemon, bundle: Path
) -> None:
    cid = cid_of_path(bundle)
    shared_daemon.run("add", "-rQ", "--hidden", "--pin=false", str(bundle))

    store.gc(keep={cid})

    store.verify(cid)
    assert list(store.list()) == [cid]


def test_blocks_that_came_before_a_broken_put_are_not_sent_again(
    store: IpfsStore, shared_daemon: PrivateDaemon, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(30 << 20))

    class Killed(BaseException):
        pass

    def stop_midway(done: int, total: int) -> None:
        if done >= 20 << 20:
            raise Killed

    with pytest.raises(Killed):
        store.put_file(tmp_path / "file", stop_midway)
    blocks = set(shared_daemon.run("refs", "local").split())
    assert len(blocks) >= 14
    assert list(store.list()) == []

    cid = store.put_file(tmp_path / "file")

    store.verify(cid)


def test_a_daemon_found_by_its_repository_is_found_again_on_another_port(
    daemon: MakeDaemon, bundle: Path
) -> None:
    first = daemon()
    store = IpfsStore(f"ipfs://{first.repository}", patience=5, comeback=5)
    cid = store.put_folder(bundle)
    first.stop()
    with pytest.raises(StoreUnreachable, match=r"no file `api`.*ipfs daemon"):
        store.verify(cid)

    settings = json.loads((first.repository / "config").read_text())
    first.api = PrivateDaemon.make(first.repository.parent / "spare", first.kubo).api
    settings["Addresses"]["API"] = f"/ip4/127.0.0.1/tcp/{first.api}"
    (first.repository / "config").write_text(json.dumps(settings))
    first.start()

    store.verify(cid)


def test_the_daemon_named_by_the_environment_is_the_default(
    daemon: MakeDaemon, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = daemon()
    monkeypatch.setenv("IPFS_PATH", str(made.repository))

    store = IpfsStore("ipfs://")

    assert list(store.list()) == []
    assert store.put_folder(bundle) == cid_of_path(bundle)


def test_a_daemon_that_asks_for_a_secret_gets_it_from_the_environment(
    daemon: MakeDaemon, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = daemon(started=False)
    allowed = {"ada": {"AuthSecret": "basic:ada:hidden-word", "AllowedPaths": ["/api/v0"]}}
    made.configure(API={"Authorizations": allowed})
    made.start()
    store = IpfsStore(made.location, patience=5)

    monkeypatch.setenv("DECENTRALML_IPFS_AUTH", "basic:ada:hidden-word")
    store.verify(store.put_folder(bundle))


def test_a_block_that_is_gone_from_the_daemon_is_not_found(
    store: IpfsStore, shared_daemon: PrivateDaemon, bundle: Path, tmp_path: Path
) -> None:
    added = shared_daemon.run("add", "-rQ", "--hidden", "--pin=false", str(bundle)).strip()
    leaf = next(
        line
        for line in shared_daemon.run("refs", "-r", added).split()
        if line.startswith("bafkrei")
    )
    shared_daemon.run("block", "rm", leaf)

    with pytest.raises(AssetNotFound):
        store.fetch(cid_of_path(bundle), tmp_path / "copy")

    assert [path for path in tmp_path.iterdir() if "copy" in path.name] == []
