"""A daemon killed with SIGKILL while content moves: what moved does not move again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_path, raw_cid, to_text
from decentralml.assets.ipfs.private import PrivateDaemon
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.assets.unixfs import CHUNK
from decentralml.errors import StoreUnreachable
from tests.ipfs.conftest import MakeDaemon

SIZE = 48 << 20


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(SIZE))
    return path


class KilledAt:
    """A progress report that kills a daemon once so much has moved, and then has it come back."""

    def __init__(self, daemon: PrivateDaemon, at: int, *, back: bool = True) -> None:
        self.daemon, self.at, self.back = daemon, at, back
        self.seen: list[int] = []
        self.returning: threading.Thread | None = None

    def __call__(self, done: int, total: int) -> None:
        self.seen.append(done)
        if done >= self.at and self.returning is None:
            self.daemon.kill()
            self.returning = threading.Thread(target=self.daemon.start)
            if self.back:
                self.returning.start()

    def settle(self) -> None:
        assert self.returning is not None
        if self.back:
            self.returning.join()


def test_a_fetch_goes_on_where_it_was_when_the_daemon_comes_back(
    daemon: MakeDaemon, large: Path, tmp_path: Path
) -> None:
    made = daemon()
    store = IpfsStore(made.location, patience=30, comeback=60)
    cid = store.put_file(large)
    killed = KilledAt(made, SIZE // 3)

    store.fetch(cid, tmp_path / "copy", progress=killed)
    killed.settle()

    assert (tmp_path / "copy").read_bytes() == large.read_bytes()
    assert killed.seen == sorted(set(killed.seen))  # no byte was counted, so none asked for, twice


def test_a_fetch_that_gave_up_leaves_what_came_to_the_next_attempt(
    daemon: MakeDaemon, large: Path, tmp_path: Path
) -> None:
    made = daemon()
    store = IpfsStore(made.location, patience=5, comeback=0.2)
    cid = store.put_file(large)
    killed = KilledAt(made, SIZE // 2, back=False)
    with pytest.raises(StoreUnreachable, match="ipfs daemon"):
        store.fetch(cid, tmp_path / "copy", progress=killed)
    assert not (tmp_path / "copy").exists()

    made.start()
    forget(made, large.read_bytes()[: SIZE // 2 - (4 << 20)])
    store.fetch(cid, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == large.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "large"]


def forget(daemon: PrivateDaemon, content: bytes) -> None:
    """Has a daemon lose a content's blocks: whoever asks for one from now on does not find it."""
    leaves = [to_text(raw_cid(content[at : at + CHUNK])) for at in range(0, len(content), CHUNK)]
    daemon.run("pin", "rm", *daemon.run("pin", "ls", "--type=recursive", "--quiet").split())
    daemon.run("block", "rm", *leaves)


FETCH = """
import os, signal, sys
from pathlib import Path
from decentralml.assets.ipfs.store import IpfsStore

def die(done, total):
    if done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

IpfsStore(sys.argv[1]).fetch(sys.argv[2], Path(sys.argv[3]), progress=die)
"""


def test_a_fetch_that_was_killed_leaves_what_came_to_the_next_attempt(
    daemon: MakeDaemon, large: Path, tmp_path: Path
) -> None:
    made, place = daemon(), tmp_path / "copy"
    store = IpfsStore(made.location, patience=5, comeback=5)
    cid = store.put_file(large)
    command = [sys.executable, "-c", FETCH, made.location, cid, str(place), str(SIZE // 2)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert not place.exists()

    forget(made, large.read_bytes()[: SIZE // 2 - (4 << 20)])
    store.fetch(cid, place)

    assert place.read_bytes() == large.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "large"]


def test_a_put_goes_on_where_it_was_when_the_daemon_comes_back(
    daemon: MakeDaemon, large: Path
) -> None:
    made = daemon()
    store = IpfsStore(made.location, patience=30, comeback=60)
    killed = KilledAt(made, SIZE // 2)

    cid = store.put_file(large, killed)
    killed.settle()

    assert cid == cid_of_path(large)
    assert killed.seen == sorted(killed.seen)
    store.verify(cid)
    made.run("repo", "gc")
    store.verify(cid)


def test_a_put_that_gave_up_keeps_nothing_half(daemon: MakeDaemon, large: Path) -> None:
    made = daemon()
    store = IpfsStore(made.location, patience=5, comeback=0.2)
    with pytest.raises(StoreUnreachable):
        store.put_file(large, KilledAt(made, SIZE // 2, back=False))

    made.start()
    assert list(store.list()) == []
    assert not store.has(cid_of_path(large))
    store.verify(store.put_file(large))


def test_a_daemon_elsewhere_that_dies_midway_is_waited_for(
    two_daemons: tuple[PrivateDaemon, PrivateDaemon], large: Path, tmp_path: Path
) -> None:
    theirs, ours = two_daemons
    cid = IpfsStore(theirs.location).put_file(large)
    killed = KilledAt(theirs, SIZE // 3)

    IpfsStore(ours.location, patience=40).fetch(cid, tmp_path / "copy", progress=killed)
    killed.settle()

    assert (tmp_path / "copy").read_bytes() == large.read_bytes()


def test_damage_on_the_daemons_disk_is_found(
    daemon: MakeDaemon, large: Path, tmp_path: Path
) -> None:
    made = daemon()
    store = IpfsStore(made.location, patience=2, comeback=2)
    cid = store.put_file(large)
    made.stop()
    block = max((made.repository / "blocks").rglob("*.data"), key=lambda path: path.stat().st_size)
    damaged = bytearray(block.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    block.write_bytes(damaged)
    made.start()

    with pytest.raises(Exception, match=r"other bytes|hash") as refusal:
        store.fetch(cid, tmp_path / "copy")

    assert type(refusal.value).__module__ == "decentralml.errors"
    assert not (tmp_path / "copy").exists()
