"""Blocks asked for before they are wanted: in what order, how many at once, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from decentralml.assets.adding import add_path
from decentralml.assets.ahead import AT_ONCE, Ahead, ahead
from decentralml.assets.at_hand import AtHand, Place
from decentralml.assets.cid import raw_cid
from decentralml.assets.fetching import BlockSource, ExpectingSource, unpack
from decentralml.assets.rules import BundleLimits
from decentralml.errors import AssetNotFound, StoreUnreachable
from decentralml.types import Cid

MANY = [raw_cid(b"%d" % number) for number in range(40)]
WAIT = 30  # seconds, at most, for what comes at once


class Server:
    """Answers each question when a test lets it; ends all when it is cancelled."""

    def __init__(self, lets: Sequence[bytes] = ()) -> None:
        self.asked: list[bytes] = []
        self.changed = threading.Condition()
        self.lets = set(lets)
        self.faults: dict[bytes, Exception] = {}
        self.cancelled = 0

    def get(self, cid: bytes) -> bytes:
        with self.changed:
            self.asked.append(cid)
            self.changed.notify_all()
            self.changed.wait_for(lambda: cid in self.lets or self.cancelled, WAIT)
            if self.cancelled:
                raise StoreUnreachable("the server", "nobody waits", "")
            if cid in self.faults:
                raise self.faults[cid]
            return b"of " + cid

    def let(self, *cids: bytes) -> None:
        with self.changed:
            self.lets.update(cids)
            self.changed.notify_all()

    def cancel(self) -> None:
        with self.changed:
            self.cancelled += 1
            self.changed.notify_all()

    def until_asked(self, count: int) -> list[bytes]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= count, WAIT)
            return list(self.asked)


def expecting(source: BlockSource) -> Ahead:
    assert isinstance(source, Ahead)
    assert isinstance(source, ExpectingSource)
    return source


def test_nothing_is_asked_for_before_something_is_wanted() -> None:
    server = Server()
    with ahead(server.get, server.cancel) as source:
        expecting(source).expect(MANY)
        assert server.asked == []


def test_as_many_as_may_be_are_on_their_way_and_not_one_more() -> None:
    server = Server(MANY[:1])
    with ahead(server.get, server.cancel) as source:
        expecting(source).expect(MANY)
        source.get(MANY[0])
        assert sorted(server.until_asked(AT_ONCE)) == sorted(MANY[:AT_ONCE])

        server.let(*MANY[2:])  # all that were asked for come, but for the one that is wanted next
        taken = threading.Thread(target=source.get, args=(MANY[1],))
        taken.start()
        assert sorted(server.until_asked(AT_ONCE + 1)) == sorted(MANY[: AT_ONCE + 1])
        server.let(MANY[1])
        taken.join()
        assert len(server.asked) == AT_ONCE + 1


def test_blocks_come_as_they_are_wanted_whatever_came_first() -> None:
    server = Server(MANY)
    with ahead(server.get, server.cancel) as source:
        expecting(source).expect(MANY)
        assert [source.get(cid) for cid in MANY] == [b"of " + cid for cid in MANY]
    assert sorted(server.asked) == sorted(MANY)  # each once


def test_what_is_expected_last_comes_first() -> None:
    server = Server(MANY)
    with ahead(server.get, server.cancel, at_once=1) as source:
        expecting(source).expect(MANY[:3])
        source.get(MANY[0])
        expecting(source).expect(MANY[10:12])
        for cid in (*MANY[10:12], *MANY[1:3]):
            source.get(cid)
    assert server.asked == [MANY[0], *MANY[10:12], *MANY[1:3]]


def test_what_nobody_expected_is_asked_for_and_so_is_what_repeats() -> None:
    server = Server(MANY)
    with ahead(server.get, server.cancel) as source:
        expecting(source).expect([MANY[1], MANY[1]])
        for cid in (MANY[5], MANY[1], MANY[1]):
            assert source.get(cid) == b"of " + cid


def test_a_fault_is_told_when_its_block_is_wanted_and_not_before() -> None:
    server = Server(MANY)
    server.faults[MANY[3]] = AssetNotFound(Cid("a block"), "the server")
    with ahead(server.get, server.cancel) as source:
        expecting(source).expect(MANY)
        for cid in MANY[:3]:
            source.get(cid)
        with pytest.raises(AssetNotFound):
            source.get(MANY[3])


def test_at_the_end_nobody_waits_for_what_did_not_come() -> None:
    server = Server(MANY[:1])
    with ahead(server.get, server.cancel) as source:
        expecting(source).expect(MANY)
        source.get(MANY[0])
        server.until_asked(AT_ONCE)

    assert server.cancelled == 1
    assert len(server.asked) == AT_ONCE
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


class Telling:
    """A source that remembers what it was told, and what it was then asked for."""

    def __init__(self, blocks: dict[bytes, bytes]) -> None:
        self.blocks = blocks
        self.next: list[bytes] = []
        self.unexpected: list[bytes] = []
        self.asked = 0

    def expect(self, cids: Sequence[bytes]) -> None:
        self.next[:0] = cids

    def get(self, cid: bytes) -> bytes:
        self.asked += 1
        if self.next[:1] == [cid]:
            del self.next[0]
        else:
            self.unexpected.append(cid)
        return self.blocks[cid]


def of_folder(folder: Path) -> tuple[bytes, Telling]:
    blocks: dict[bytes, bytes] = {}
    root = add_path(folder, lambda cid, block: blocks.update({cid: bytes(block)})).cid
    return root, Telling(blocks)


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "inner" / "innermost").mkdir(parents=True)
    (folder / "large").write_bytes(b"".join(b"%c" % byte * (1 << 20) for byte in b"abcde"))
    (folder / "inner" / "first").write_bytes(b"first")
    (folder / "inner" / "innermost" / "second").write_bytes(b"x" * (1 << 20) + b"second")
    return folder


def test_a_walk_over_a_content_foretells_all_that_it_asks_for_but_the_root(
    deep: Path, tmp_path: Path
) -> None:
    root, source = of_folder(deep)

    unpack(source, root, tmp_path / "copy", BundleLimits())

    assert source.unexpected == [root]
    assert source.next == []


def test_a_walk_over_a_folder_in_shards_foretells_them_too(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(4000):
        (tmp_path / "many" / f"item-{number:06d}.json").write_bytes(b"%d" % number)
    root, source = of_folder(tmp_path / "many")

    unpack(source, root, tmp_path / "copy", BundleLimits())

    assert source.unexpected == [root]
    assert source.asked > 4000


def test_what_lies_at_hand_is_not_foretold(deep: Path, tmp_path: Path) -> None:
    root, source = of_folder(deep)
    at_hand = AtHand(tmp_path, "noted")
    chunk = (deep / "large").read_bytes()[: 1 << 20]
    at_hand.keep({raw_cid(chunk): Place(deep / "large", 0, 1 << 20)})

    unpack(source, root, tmp_path / "copy", BundleLimits(), at_hand=at_hand)

    assert source.unexpected == [root]
    assert source.next == []
    assert source.asked == len(source.blocks) - 1
