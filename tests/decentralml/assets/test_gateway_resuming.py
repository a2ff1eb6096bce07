"""A fetch from a gateway that broke off: gone on with, several blocks at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.assets.ahead import AT_ONCE
from decentralml.assets.bounded import Patience
from decentralml.assets.cid import raw_cid, to_text
from decentralml.assets.gateway import GatewayStore
from decentralml.assets.local import LocalStore
from decentralml.assets.rules import BundleLimits
from decentralml.assets.unixfs import CHUNK
from decentralml.errors import AssetNotFound, BundleTooLarge, StoreUnreachable
from decentralml.types import Cid
from tests.decentralml.assets.a_gateway import CAR, Gateway, Handler, serving

QUICK = Patience(connecting=2, silent=1.5, first=2, slowest=1 << 30)
BLOCKS = 24
LONG = 60.0  # seconds: for ever, in a test
SLOW = Patience(silent=2 * LONG, first=2 * LONG)

FETCH = """
import os, signal, sys
from pathlib import Path
from decentralml.assets.gateway import GatewayStore

def die(done, total):
    if done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

GatewayStore(sys.argv[1]).fetch(sys.argv[2], Path(sys.argv[3]), progress=die)
"""


@pytest.fixture
def kept(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "kept")


@pytest.fixture
def gateway(kept: LocalStore) -> Iterator[Gateway]:
    with serving(kept) as server:
        yield server


@pytest.fixture
def content() -> bytes:
    return os.urandom(BLOCKS << 20)


@pytest.fixture
def cid(kept: LocalStore, content: bytes, tmp_path: Path) -> Cid:
    (tmp_path / "file").write_bytes(content)
    return kept.put_file(tmp_path / "file")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine" / "copy"


def blocks_of(content: bytes) -> list[Cid]:
    return [to_text(raw_cid(content[at : at + CHUNK])) for at in range(0, len(content), CHUNK)]


def beside(place: Path) -> list[str]:
    return sorted(path.name for path in place.parent.iterdir())


def cut(handler: Handler, wanted: str, body: bytes) -> bool:
    """Half a stream; and from then on nothing."""
    if wanted == "car":
        handler.send_response(200)
        handler.send_header("Content-Type", CAR)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True
    else:
        handler.answer(b"", "text/plain", 503)
    return True


def test_a_fetch_that_was_killed_leaves_what_came_to_the_next_attempt(
    gateway: Gateway, cid: Cid, content: bytes, place: Path
) -> None:
    half = str(len(content) // 2)
    command = [sys.executable, "-c", FETCH, gateway.url, cid, str(place), half]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert not place.exists()
    gateway.asked.clear()

    GatewayStore(gateway.url).fetch(cid, place)

    assert place.read_bytes() == content
    assert beside(place) == ["copy"]
    assert {wanted for wanted, _ in gateway.asked} == {"raw"}
    again = {block for _, block in gateway.asked} - {cid}
    assert again < set(blocks_of(content)[BLOCKS // 2 - 2 :])


def test_a_fetch_that_gave_up_leaves_what_came_to_the_next_attempt(
    gateway: Gateway, cid: Cid, content: bytes, place: Path
) -> None:
    gateway.fault = cut
    store = GatewayStore(gateway.url, patience=QUICK)
    with pytest.raises(StoreUnreachable, match="503"):
        store.fetch(cid, place)
    assert not place.exists()
    gateway.fault = None
    gateway.asked.clear()

    store.fetch(cid, place)

    assert place.read_bytes() == content
    assert beside(place) == ["copy"]
    assert len(gateway.asked) <= BLOCKS // 2 + 2  # the root, and what had not come


def test_what_an_interrupted_fetch_left_is_not_believed(
    gateway: Gateway, cid: Cid, content: bytes, place: Path
) -> None:
    rest = place.parent / f".copy.{cid[-16:]}.rest"
    rest.mkdir()
    (rest / "content").write_bytes(content[:CHUNK] + os.urandom(3 * CHUNK))

    GatewayStore(gateway.url).fetch(cid, place)

    assert place.read_bytes() == content
    assert beside(place) == ["copy"]
    assert len(gateway.asked) == BLOCKS  # the root, and all but the first


def test_a_content_that_is_refused_leaves_nothing_of_earlier_attempts(
    gateway: Gateway, cid: Cid, content: bytes, place: Path
) -> None:
    rest = place.parent / f".copy.{cid[-16:]}.rest"
    rest.mkdir()
    (rest / "content").write_bytes(content[:CHUNK])

    with pytest.raises(BundleTooLarge):
        GatewayStore(gateway.url).fetch(cid, place, BundleLimits(max_bytes=2 * CHUNK))

    assert beside(place) == []
    assert len(gateway.asked) <= 1 + 2 + AT_ONCE  # no more than was on its way is asked for


class Counting:
    """A fault that is none: counts how many blocks are waited for at once."""

    def __init__(self, root: Cid) -> None:
        self.root = root
        self.lock = threading.Condition()
        self.now = self.most = 0

    def __call__(self, handler: Handler, wanted: str, body: bytes) -> bool:
        if wanted == "car":
            handler.answer(b"", "text/plain", 403)
            return True
        if self.root not in handler.path:
            self.gather()
        return False

    def gather(self) -> None:
        """Returns once as many are here as may be, and others had a while to come."""
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.lock.notify_all()
            assert self.lock.wait_for(lambda: self.most >= AT_ONCE, LONG)
            self.lock.wait_for(lambda: self.most > AT_ONCE, 0.2)
            self.now -= 1


def test_several_blocks_are_on_their_way_at_once_and_no_more_than_may_be(
    gateway: Gateway, cid: Cid, content: bytes, place: Path
) -> None:
    counting = Counting(cid)
    gateway.fault = counting

    GatewayStore(gateway.url).fetch(cid, place)

    assert place.read_bytes() == content
    assert counting.most == AT_ONCE
    assert len(gateway.asked) == 1 + 1 + BLOCKS  # the stream that it refuses, then each once


def test_a_fetch_that_ends_early_waits_for_nothing_that_is_on_its_way(
    gateway: Gateway, cid: Cid, content: bytes, place: Path
) -> None:
    """The second block is not there; the third never comes, and would be waited for."""
    blocks, over = blocks_of(content), threading.Event()

    def lacks_one(handler: Handler, wanted: str, body: bytes) -> bool:
        asked = to_text(raw_cid(body))
        if wanted == "car":
            handler.answer(b"", "text/plain", 403)
        elif asked == blocks[1]:
            handler.answer(b"", "text/plain", 404)
        elif asked == blocks[2]:
            over.wait(LONG)
        else:
            return False
        return True

    gateway.fault = lacks_one
    began = time.monotonic()
    try:
        with pytest.raises(AssetNotFound, match=blocks[1]):
            GatewayStore(gateway.url, patience=SLOW).fetch(cid, place)
        assert time.monotonic() - began < LONG
    finally:
        over.set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
