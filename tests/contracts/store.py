"""What every store of assets must do; a test class per store inherits it and supplies ``store``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from decentralml.assets.cid import cid_of_bytes, cid_of_path, to_text
from decentralml.assets.fetching import BlockSource
from decentralml.assets.local import LocalStore
from decentralml.assets.rules import BundleLimits
from decentralml.assets.store import AssetStore
from decentralml.errors import (
    AssetNotFound,
    BundleRefused,
    BundleTooLarge,
    ContentMismatch,
    DestinationExists,
    InvalidCid,
)
from decentralml.types import Cid
from tests.contracts.vectors import SMALL_FILES, VECTORS, content, grow

# Of every kind one: a block, a tree, folders plain and deep; one in shards is tried above. A folder
# whose names differ in case alone has a CID, but is no bundle.
NAMED = [
    SMALL_FILES[1],
    SMALL_FILES[-1],
    *(case for case in VECTORS["folders"] if "tree" in case and "A" not in case["tree"]),
]


def tree_of(folder: Path) -> dict[str, bytes | None]:
    """Every path in a folder with its content; None for a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "empty folder").mkdir()
    (folder / "start_task.sh").write_text("#!/bin/sh\necho trained\n")
    (folder / "data" / "weights.bin").write_bytes(os.urandom((2 << 20) + 1))
    (folder / "data" / "deep" / "übung.txt").write_bytes(b"")
    (folder / ".hidden").write_bytes(b"too")
    return folder


class Nothing:
    """A source that has no block."""

    def get(self, cid: bytes) -> bytes:
        raise ContentMismatch(to_text(cid), "nothing is here")


class FlippedAt:
    """Flips a bit of one of the blocks of a source, counted from 1 as they are asked for."""

    def __init__(self, which: int) -> None:
        self.asked, self._which = 0, which

    def over(self, source: BlockSource) -> FlippedAt:
        self._source = source
        return self

    def get(self, cid: bytes) -> bytes:
        self.asked += 1
        block = self._source.get(cid)
        return block if self.asked != self._which else bytes([block[0] ^ 1]) + block[1:]


class StoreContract:
    def test_a_folder_comes_back_as_it_was(
        self, store: AssetStore, bundle: Path, tmp_path: Path
    ) -> None:
        cid = store.put_folder(bundle)

        store.fetch(cid, tmp_path / "copy")

        assert tree_of(tmp_path / "copy") == tree_of(bundle)

    def test_the_name_is_the_one_computed_without_storing(
        self, store: AssetStore, bundle: Path
    ) -> None:
        assert store.put_folder(bundle) == cid_of_path(bundle)

    @pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
    def test_a_file_comes_back_as_it_was(
        self, store: AssetStore, tmp_path: Path, size: int
    ) -> None:
        data = os.urandom(size)
        (tmp_path / "file").write_bytes(data)

        cid = store.put_file(tmp_path / "file")
        store.fetch(cid, tmp_path / "copy")

        assert cid == cid_of_bytes(data)
        assert (tmp_path / "copy").read_bytes() == data

    def test_a_folder_of_very_many_files_comes_back(
        self, store: AssetStore, tmp_path: Path
    ) -> None:
        (tmp_path / "many").mkdir()
        for number in range(4000):  # past the size from which a folder is kept in shards
            (tmp_path / "many" / f"item-{number:06d}.json").write_bytes(b"%d" % number)

        cid = store.put_folder(tmp_path / "many")
        store.fetch(cid, tmp_path / "copy")

        assert tree_of(tmp_path / "copy") == tree_of(tmp_path / "many")

    def test_an_unknown_cid_is_an_error_and_leaves_nothing(
        self, store: AssetStore, tmp_path: Path
    ) -> None:
        never_stored = cid_of_bytes(b"never stored")

        with pytest.raises(AssetNotFound):
            store.fetch(never_stored, tmp_path / "copy")

        assert not store.has(never_stored)
        assert not (tmp_path / "copy").exists()

    def test_a_malformed_cid_is_refused_before_any_look_up(
        self, store: AssetStore, tmp_path: Path
    ) -> None:
        with pytest.raises(InvalidCid):
            store.fetch(Cid("../../etc/passwd"), tmp_path / "copy")
        with pytest.raises(InvalidCid):
            store.has(Cid("../../etc/passwd"))

    def test_what_is_put_twice_is_there_once(self, store: AssetStore, bundle: Path) -> None:
        assert store.put_folder(bundle) == store.put_folder(bundle)
        assert len(list(store.list())) == 1

    def test_the_list_is_what_was_put_in_order(
        self, store: AssetStore, bundle: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(b"one")
        put = {store.put_folder(bundle), store.put_file(tmp_path / "file")}

        assert list(store.list()) == sorted(put)

    def test_a_new_store_lists_nothing(self, store: AssetStore) -> None:
        assert list(store.list()) == []

    def test_nothing_is_written_over_what_is_there(
        self, store: AssetStore, bundle: Path, tmp_path: Path
    ) -> None:
        cid = store.put_folder(bundle)
        (tmp_path / "mine").write_bytes(b"keep")
        (tmp_path / "empty").mkdir()

        for place in ("mine", "empty"):
            with pytest.raises(DestinationExists):
                store.fetch(cid, tmp_path / place)

        assert (tmp_path / "mine").read_bytes() == b"keep"
        assert list((tmp_path / "empty").iterdir()) == []

    def test_a_bundle_at_its_limit_is_fetched_and_one_byte_more_is_not(
        self, store: AssetStore, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(bytes(1000))
        cid = store.put_file(tmp_path / "file")

        store.fetch(cid, tmp_path / "fits", BundleLimits(max_bytes=1000))
        with pytest.raises(BundleTooLarge) as refused:
            store.fetch(cid, tmp_path / "copy", BundleLimits(max_bytes=999))

        assert refused.value.which == "bytes"
        assert sorted(path.name for path in tmp_path.glob("*copy*")) == []

    def test_a_link_is_not_put(self, store: AssetStore, bundle: Path) -> None:
        (bundle / "link").symlink_to("/etc/passwd")

        with pytest.raises(BundleRefused, match="link"):
            store.put_folder(bundle)
        with pytest.raises(BundleRefused):
            store.put_file(bundle / "link")

    def test_names_that_differ_only_in_case_are_not_put(
        self, store: AssetStore, bundle: Path
    ) -> None:
        (bundle / "START_task.sh").touch()

        with pytest.raises(BundleRefused, match="one name"):
            store.put_folder(bundle)

    def test_a_file_is_no_folder_and_a_folder_no_file(
        self, store: AssetStore, bundle: Path
    ) -> None:
        with pytest.raises(NotADirectoryError):
            store.put_folder(bundle / "start_task.sh")
        with pytest.raises(BundleRefused):
            store.put_file(bundle)

    def test_verify_passes_what_is_intact(self, store: AssetStore, bundle: Path) -> None:
        store.verify(store.put_folder(bundle))

    def test_progress_rises_to_the_total(
        self, store: AssetStore, bundle: Path, tmp_path: Path
    ) -> None:
        putting: list[tuple[int, int]] = []
        fetching: list[tuple[int, int]] = []

        cid = store.put_folder(bundle, lambda *at: putting.append(at))
        store.fetch(cid, tmp_path / "copy", progress=lambda *at: fetching.append(at))

        for seen in (putting, fetching):
            done = [at[0] for at in seen]
            assert done == sorted(done)
            assert seen[-1][0] == seen[-1][1] > 2 << 20

    def test_the_size_is_that_of_the_content_and_little_more(
        self, store: AssetStore, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(bytes(5000))

        assert 5000 <= store.size(store.put_file(tmp_path / "file")) < 5500
        with pytest.raises(AssetNotFound):
            store.size(cid_of_bytes(b"never stored"))

    def test_clearing_removes_all_but_what_is_kept(
        self, store: AssetStore, bundle: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(bytes(5000))
        kept, gone = store.put_folder(bundle), store.put_file(tmp_path / "file")

        assert store.gc(keep={kept}) >= 5000

        assert list(store.list()) == [kept]
        assert store.has(kept)
        assert not store.has(gone)
        store.verify(kept)

    def test_what_another_store_has_is_put_from_there(
        self, store: AssetStore, bundle: Path, tmp_path: Path
    ) -> None:
        other = LocalStore(tmp_path / "other")
        cid = other.put_folder(bundle)

        with other.open(cid) as source:
            store.put_from(source, cid)

        assert list(store.list()) == [cid]
        store.fetch(cid, tmp_path / "copy")
        assert tree_of(tmp_path / "copy") == tree_of(bundle)

    def test_what_it_has_is_read_block_by_block_into_another_store(
        self, store: AssetStore, bundle: Path, tmp_path: Path
    ) -> None:
        other = LocalStore(tmp_path / "other")
        cid = store.put_folder(bundle)

        with store.open(cid) as source:
            other.put_from(source, cid)

        other.verify(cid)

    def test_what_it_does_not_have_cannot_be_opened(self, store: AssetStore) -> None:
        with pytest.raises(AssetNotFound), store.open(cid_of_bytes(b"never stored")):
            pass
        with pytest.raises(InvalidCid), store.open(Cid("../../etc/passwd")):
            pass

    def test_forged_blocks_are_not_put(
        self, store: AssetStore, bundle: Path, tmp_path: Path
    ) -> None:
        other = LocalStore(tmp_path / "other")
        cid = other.put_folder(bundle)
        forged = FlippedAt(2)

        with other.open(cid) as source, pytest.raises(ContentMismatch):
            store.put_from(forged.over(source), cid)

        assert forged.asked >= 2
        assert not store.has(cid)
        assert list(store.list()) == []

    def test_what_it_has_whole_is_not_asked_of_the_source(
        self, store: AssetStore, bundle: Path
    ) -> None:
        cid = store.put_folder(bundle)

        store.put_from(Nothing(), cid)

        store.verify(cid)

    @pytest.mark.parametrize("case", NAMED, ids=lambda case: case["cid"][-6:])
    def test_every_store_gives_the_name_that_kubo_gives_and_finds_it_by_that_name(
        self, store: AssetStore, tmp_path: Path, case: dict[str, Any]
    ) -> None:
        if "size" in case:
            path = tmp_path / "file"
            path.write_bytes(content(case["size"]))
            cid = store.put_file(path)
        else:
            path = grow(tmp_path / "folder", case)
            cid = store.put_folder(path)

        assert cid == case["cid"]
        store.fetch(Cid(case["cid"]), tmp_path / "copy")
        assert cid_of_path(tmp_path / "copy") == case["cid"]
