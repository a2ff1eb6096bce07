"""Hostile content: every block hashes to its CID, and yet it is refused."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decentralml.assets import folders
from decentralml.assets.adding import add_path
from decentralml.assets.cid import node_cid, raw_cid
from decentralml.assets.fetching import unpack
from decentralml.assets.folders import folder_node
from decentralml.assets.rules import BundleLimits
from decentralml.assets.unixfs import (
    CHUNK,
    Entry,
    FileTree,
    Link,
    encode_node,
    file_data,
    put_node,
    shard_data,
    symlink_block,
)
from decentralml.errors import AssetError, BundleRefused, BundleTooLarge, ContentMismatch


class Blocks:
    """Blocks in memory: whatever was added comes back."""

    def __init__(self) -> None:
        self.blocks: dict[bytes, bytes] = {}

    def get(self, cid: bytes) -> bytes:
        return self.blocks[cid]

    def sink(self, cid: bytes, block: bytes | memoryview) -> None:
        self.blocks[cid] = bytes(block)

    def leaf(self, data: bytes) -> Entry:
        self.sink(raw_cid(data), data)
        return Entry(raw_cid(data), len(data), len(data))

    def node(self, links: list[Link], data: bytes, size: int = 0) -> Entry:
        return put_node(links, data, size, self.sink)

    def folder(self, *links: Link) -> Entry:
        """A folder with these links, sorted and otherwise as they are."""
        return folder_node(links, 0, self.sink)

    def refuse(self, root: Entry | bytes, **limits: int) -> AssetError:
        """The error by which an unpacking into nowhere ends."""
        cid = root.cid if isinstance(root, Entry) else root
        with pytest.raises(AssetError) as refused:
            unpack(self, cid, None, BundleLimits(**limits))
        assert "\n" not in str(refused.value)
        return refused.value


@pytest.fixture
def blocks() -> Blocks:
    return Blocks()


def link(name: str, entry: Entry) -> Link:
    return Link(name, entry.cid, entry.tsize)


def test_a_sound_folder_is_unpacked(blocks: Blocks, tmp_path: Path) -> None:
    root = blocks.folder(link("file", blocks.leaf(b"content")))

    unpack(blocks, root.cid, tmp_path / "copy", BundleLimits())

    assert (tmp_path / "copy" / "file").read_bytes() == b"content"


@pytest.mark.parametrize(
    "name", ["..", ".", "", "../escaped", "/etc/cron.d/x", "a/b", "a\0b", "a\\b", "\x1b]0;x\x07"]
)
def test_a_name_that_climbs_out_is_refused_before_anything_is_written(
    blocks: Blocks, tmp_path: Path, name: str
) -> None:
    root = blocks.folder(link(name, blocks.leaf(b"content")))

    with pytest.raises(BundleRefused):
        unpack(blocks, root.cid, tmp_path / "copy", BundleLimits())

    assert list(tmp_path.iterdir()) == []


def test_names_that_differ_in_case_only_are_refused(blocks: Blocks) -> None:
    leaf = blocks.leaf(b"content")

    assert isinstance(blocks.refuse(blocks.folder(link("a", leaf), link("A", leaf))), BundleRefused)


def test_one_name_twice_is_refused(blocks: Blocks) -> None:
    one, other = blocks.leaf(b"one"), blocks.leaf(b"other")

    assert isinstance(blocks.refuse(blocks.folder(link("a", one), link("a", other))), BundleRefused)


def test_a_link_is_refused(blocks: Blocks) -> None:
    target = symlink_block(b"/etc/passwd")
    blocks.sink(node_cid(target), target)
    root = blocks.folder(Link("a", node_cid(target), len(target)))

    assert "neither a file nor a folder" in str(blocks.refuse(root))
    assert "neither a file nor a folder" in str(blocks.refuse(node_cid(target)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08\x00",  # raw: a type of old
        b"\x08\x03",  # metadata
        b"\x08\x07",  # no type
        b"\x08\x01\x38\xed\x03",  # a folder with permissions
        b"\x08\x01\x42\x02\x08\x01",  # a folder with a time
        b"\x08\x01\x08\x01",  # the type twice
        b"\x08\x81\x00",  # the type in a longer number
        b"\x08\x02\x12\x04abcd\x18\x04",  # a file with its bytes in the node
        b"\x08\x02\x18\x00",  # a file of no parts
        b"\x08",
        b"\x0d\x01",
    ],
)
def test_a_node_that_this_package_does_not_make_is_refused(blocks: Blocks, data: bytes) -> None:
    assert isinstance(blocks.refuse(blocks.node([], data)), ContentMismatch)


@pytest.mark.parametrize(
    "link_bytes",
    [
        b"\x22\x01x",  # a field that links do not have
        b"\x0a\x24\x01\x55\x12\x20" + bytes(32) + b"\x12\x02\xff\xfe",  # a name that is not text
        b"\x08\x01",  # the CID as a number
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a length of 84 bits
        b"\x0a\x24\x01\x55",  # cut short
        b"\x0a",
    ],
)
def test_a_link_that_this_package_does_not_make_is_refused(
    blocks: Blocks, link_bytes: bytes
) -> None:
    block = b"\x12" + bytes([len(link_bytes)]) + link_bytes + b"\x0a\x02\x08\x01"
    blocks.sink(node_cid(block), block)

    assert isinstance(blocks.refuse(node_cid(block)), ContentMismatch)


def test_unsorted_names_are_refused(blocks: Blocks) -> None:
    leaf = blocks.leaf(b"content")
    root = blocks.node([link("b", leaf), link("a", leaf)], b"\x08\x01")

    assert "not laid out" in str(blocks.refuse(root))


def test_a_folder_in_shards_that_needs_none_is_refused(blocks: Blocks) -> None:
    leaf = blocks.leaf(b"content")
    slot = folders.name_hash(b"a")[0]
    bits = (1 << slot).to_bytes((slot + 8) // 8, "big")
    root = blocks.node([Link(f"{slot:02X}a", leaf.cid, leaf.tsize)], shard_data(bits))

    assert "not laid out" in str(blocks.refuse(root))


def test_a_wrong_size_of_an_entry_is_refused(blocks: Blocks) -> None:
    leaf = blocks.leaf(b"content")
    root = blocks.folder(Link("a", leaf.cid, leaf.tsize + 1))

    assert "wrong size" in str(blocks.refuse(root))


def test_a_link_to_an_identity_or_foreign_hash_is_refused(blocks: Blocks) -> None:
    for cid in (b"\x01\x55\x00\x05hello", b"\x01\x71\x12\x20" + bytes(32), b"\x12\x20" + bytes(32)):
        root = blocks.folder(Link("a", cid, 5))
        assert "identifier" in str(blocks.refuse(root))


@pytest.mark.parametrize("sizes", [(CHUNK - 1, 5), (5, 5), (CHUNK, 0), (5, CHUNK), (CHUNK + 1, 1)])
def test_a_file_cut_elsewhere_is_refused(blocks: Blocks, sizes: tuple[int, int]) -> None:
    leaves = [blocks.leaf(bytes(size)) for size in sizes]
    root = blocks.node([link("", leaf) for leaf in leaves], file_data(sizes), sum(sizes))

    assert "cut at every 1 MiB" in str(blocks.refuse(root))


def test_a_file_of_one_leaf_under_a_needless_node_is_refused(blocks: Blocks) -> None:
    leaf = blocks.leaf(b"content")

    assert "not laid out" in str(blocks.refuse(blocks.node([link("", leaf)], file_data([7]))))


def test_a_file_that_declares_another_size_is_refused(blocks: Blocks) -> None:
    leaf = blocks.leaf(bytes(CHUNK))
    root = blocks.node([link("", leaf)] * 2, file_data([CHUNK, CHUNK + 1]))

    assert "not laid out" in str(blocks.refuse(root))


def test_a_folder_inside_a_file_is_refused(blocks: Blocks) -> None:
    folder = blocks.folder()

    assert "no part of a file" in str(
        blocks.refuse(blocks.node([link("", folder)], file_data([0])))
    )


def bomb(blocks: Blocks, levels: int) -> Entry:
    """A file of a few blocks that declares and truly has 1,024**levels MiB."""
    entry = blocks.leaf(bytes(CHUNK))
    for _ in range(levels):
        parts = [entry] * 1024
        entry = blocks.node(
            [link("", part) for part in parts],
            file_data([part.size for part in parts]),
            sum(part.size for part in parts),
        )
    return entry


def test_a_small_dag_that_expands_to_a_petabyte_stops_at_the_limit(
    blocks: Blocks, tmp_path: Path
) -> None:
    root = bomb(blocks, levels=3)
    assert root.size == 1 << 50
    assert sum(map(len, blocks.blocks.values())) < 2 << 20

    with pytest.raises(BundleTooLarge) as refused:
        unpack(blocks, root.cid, tmp_path / "copy", BundleLimits(max_bytes=3 << 20))

    assert refused.value.which == "bytes"
    assert (tmp_path / "copy").stat().st_size <= 3 << 20


def test_nodes_without_end_above_a_leaf_are_refused(blocks: Blocks) -> None:
    entry = blocks.leaf(b"x")
    for _ in range(100):
        entry = blocks.node([link("", entry)], file_data([1]), 1)

    assert "no part of a file" in str(blocks.refuse(entry))


def test_folders_that_repeat_one_another_stop_at_the_limit(blocks: Blocks) -> None:
    entry = blocks.leaf(b"x")
    for _ in range(8):  # 100**8 entries
        entry = blocks.folder(*(link(f"{i}", entry) for i in range(100)))

    refused = blocks.refuse(entry, max_entries=1000)

    assert isinstance(refused, BundleTooLarge)
    assert refused.which == "files and folders"


def test_folders_nested_deeper_than_the_limit_are_refused(blocks: Blocks) -> None:
    entry = blocks.leaf(b"x")
    for _ in range(4):
        entry = blocks.folder(link("f", entry))

    unpack(blocks, entry.cid, None, BundleLimits(max_depth=4))
    refused = blocks.refuse(entry, max_depth=3)

    assert isinstance(refused, BundleTooLarge)
    assert refused.which == "folders in one another"


def test_shards_that_hold_nothing_but_shards_are_refused(blocks: Blocks) -> None:
    entry = blocks.node([], shard_data(b""))
    for _ in range(7):
        entry = blocks.node(
            [Link(f"{slot:02X}", entry.cid, entry.tsize) for slot in range(256)],
            shard_data(b"\xff" * 32),
        )

    assert "no part of a folder" in str(blocks.refuse(entry))


def test_shards_that_repeat_one_another_stop_at_the_limit_in_little_memory(blocks: Blocks) -> None:
    leaf = blocks.leaf(b"x")
    entry = blocks.node(
        [Link(f"{slot:02X}a", leaf.cid, leaf.tsize) for slot in range(256)],
        shard_data(b"\xff" * 32),
    )
    for _ in range(4):
        entry = blocks.node(
            [Link(f"{slot:02X}", entry.cid, entry.tsize) for slot in range(256)],
            shard_data(b"\xff" * 32),
        )

    tracemalloc.start()
    refused = blocks.refuse(entry, max_entries=10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert isinstance(refused, BundleTooLarge)
    assert peak < 8 << 20


def test_names_made_to_share_all_bits_of_their_hash_end(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = blocks.leaf(b"x")
    monkeypatch.setattr(folders, "SHARD_ABOVE", 0)
    monkeypatch.setattr(folders, "name_hash", lambda name: bytes(8))

    with pytest.raises(BundleRefused, match="64 bits"):
        blocks.folder(link("a", leaf), link("b", leaf))


@given(st.binary(max_size=300))
def test_any_bytes_as_a_node_are_refused_by_name_or_sound(data: bytes) -> None:
    blocks = Blocks()
    blocks.sink(node_cid(data), data)
    try:
        unpack(blocks, node_cid(data), None, BundleLimits())
    except (ContentMismatch, BundleRefused):
        return
    assert data in (b"\x0a\x02\x08\x01",)  # the empty folder is the one that needs nothing else


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="/\\"),
    min_size=1,
    max_size=20,
).filter(lambda name: name not in (".", ".."))
trees = st.recursive(
    st.binary(max_size=50),
    lambda children: st.dictionaries(names, children, max_size=5),
    max_leaves=20,
).filter(lambda tree: isinstance(tree, dict))


def grow(place: Path, tree: object) -> None:
    if isinstance(tree, bytes):
        place.write_bytes(tree)
        return
    assert isinstance(tree, dict)
    place.mkdir()
    for name, child in tree.items():
        grow(place / name, child)


def read(place: Path) -> object:
    if place.is_file():
        return place.read_bytes()
    return {child.name: read(child) for child in place.iterdir()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(trees, st.integers(min_value=0))
def test_any_folder_comes_back_and_with_any_block_changed_it_does_not(
    tmp_path_factory: pytest.TempPathFactory, tree: object, which: int
) -> None:
    base = tmp_path_factory.mktemp("walk")
    grow(base / "folder", tree)
    blocks = Blocks()
    root = add_path(base / "folder", blocks.sink)
    try:
        unpack(blocks, root.cid, base / "copy", BundleLimits())
    except BundleRefused:  # two names of one folder fold into one
        return
    assert read(base / "copy") == tree

    cid = sorted(blocks.blocks)[which % len(blocks.blocks)]
    blocks.blocks[cid] += b"!"
    with pytest.raises(ContentMismatch, match="other bytes"):
        unpack(blocks, root.cid, None, BundleLimits())


@pytest.mark.parametrize("leaves", [1, 2, 3, 4, 5, 8, 9, 16, 17])
def test_the_tree_over_the_chunks_is_the_one_grouped_level_by_level(
    leaves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the obvious version, with three links a node instead of 1,024."""
    monkeypatch.setattr("decentralml.assets.unixfs.MAX_LINKS", 3)
    entries = [Entry(raw_cid(os.urandom(4)), CHUNK, CHUNK) for _ in range(leaves)]

    tree = FileTree()
    for entry in entries:
        tree.add(entry.cid, entry.size)

    assert tree.finish() == slow_root(entries)


def slow_root(entries: list[Entry]) -> Entry:
    while len(entries) > 1:
        entries = [slow_node(entries[at : at + 3]) for at in range(0, len(entries), 3)]
    return entries[0]


def slow_node(parts: list[Entry]) -> Entry:
    sizes = [part.size for part in parts]
    block = encode_node([link("", part) for part in parts], file_data(sizes))
    return Entry(node_cid(block), sum(sizes), len(block) + sum(part.tsize for part in parts))
