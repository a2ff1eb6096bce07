"""What a daemon must get from elsewhere: several blocks at once, and an end to it at once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.assets.ahead import AT_ONCE
from decentralml.assets.cid import raw_cid, to_text
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.assets.unixfs import CHUNK
from decentralml.errors import AssetNotFound
from decentralml.types import Cid
from tests.decentralml.assets.ipfs.fake import Call, FakeDaemon, fake_daemon

BLOCKS = 12
PATIENCE = 60.0  # seconds
BOUND = 50.0  # seconds: below the patience


class Afar:
    """Answers for blocks that lie elsewhere; counts how many are waited for at once."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.daemon = daemon
        self.lock = threading.Condition()
        self.now = self.most = 0
        self.root: Cid | None = None
        self.missing: Cid | None = None
        self.silent: Cid | None = None

    def gather(self) -> None:
        """Returns once as many are here as may be, and others had a while to come."""
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.lock.notify_all()
            assert self.lock.wait_for(lambda: self.most >= AT_ONCE, PATIENCE)
            self.lock.wait_for(lambda: self.most > AT_ONCE, 0.2)
            self.now -= 1

    def __call__(self, call: Call) -> None:
        if call.options.get("offline") == "true" or call.cid == self.missing:
            call.missing()
            return
        if self.root and call.cid != self.root:
            self.gather()
        if call.cid == self.silent:
            self.daemon.over.wait(2 * PATIENCE)
        else:
            self.daemon.give(call)


@pytest.fixture
def daemon() -> Iterator[FakeDaemon]:
    with fake_daemon() as daemon:
        yield daemon


@pytest.fixture
def afar(daemon: FakeDaemon) -> Afar:
    afar = Afar(daemon)
    daemon.answers["block/get"] = afar
    return afar


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(BLOCKS * CHUNK))
    return path


def leaf(file: Path, number: int) -> Cid:
    return to_text(raw_cid(file.read_bytes()[number * CHUNK : (number + 1) * CHUNK]))


def test_several_blocks_are_asked_for_at_once_and_each_once(
    daemon: FakeDaemon, afar: Afar, file: Path, tmp_path: Path
) -> None:
    afar.root = cid = daemon.add(file)

    IpfsStore(daemon.location, patience=PATIENCE).fetch(cid, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == file.read_bytes()
    assert afar.most == AT_ONCE
    assert len(daemon.asked_for("block/get")) == 2 + BLOCKS  # the root, here and then elsewhere
    assert daemon.asked_for("dag/export") == []


def test_what_the_daemon_has_itself_comes_as_a_stream(
    daemon: FakeDaemon, file: Path, tmp_path: Path
) -> None:
    cid = daemon.add(file)

    IpfsStore(daemon.location, patience=PATIENCE).fetch(cid, tmp_path / "copy")

    assert daemon.asked_for("block/get") == [cid]
    assert daemon.asked_for("dag/export") == [cid]


def test_a_fetch_that_ends_early_waits_for_nothing_that_is_on_its_way(
    daemon: FakeDaemon, afar: Afar, file: Path, tmp_path: Path
) -> None:
    cid = daemon.add(file)
    afar.missing, afar.silent = leaf(file, 1), leaf(file, 2)
    began = time.monotonic()

    with pytest.raises(AssetNotFound, match=leaf(file, 1)):
        IpfsStore(daemon.location, patience=PATIENCE).fetch(cid, tmp_path / "copy")

    assert time.monotonic() - began < BOUND
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
