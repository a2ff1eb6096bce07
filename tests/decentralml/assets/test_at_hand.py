"""A block that is on this machine already is not fetched again, and never believed unverified."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decentralml.assets.at_hand import AtHand
from decentralml.assets.cid import raw_cid
from decentralml.assets.local import LocalStore
from decentralml.errors import ContentMismatch
from decentralml.types import Cid
from tests.contracts.counting import CountingStore

MIB = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path / "store")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


def put(store: LocalStore, folder: Path, **files: bytes) -> Cid:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return store.put_folder(folder)


def test_of_a_model_whose_last_layer_changed_only_that_block_comes(
    store: CountingStore, tmp_path: Path, mine: Path
) -> None:
    frozen, first, second = os.urandom(8 * MIB), os.urandom(1000), os.urandom(1000)
    rounds = [
        put(store, tmp_path / "round-1", model=frozen + first),
        put(store, tmp_path / "round-2", model=frozen + second),
    ]
    store.fetch(rounds[0], mine / "round-1", at_hand=AtHand(mine))
    store.asked = 0

    store.fetch(rounds[1], mine / "round-2", at_hand=AtHand(mine))

    assert (mine / "round-2" / "model").read_bytes() == frozen + second
    assert store.asked < 1000 + 2000  # the changed block, and the nodes above it


def test_the_same_content_in_another_folder_is_not_fetched_again(
    store: CountingStore, tmp_path: Path, mine: Path
) -> None:
    data = os.urandom(3 * MIB)
    once = put(store, tmp_path / "once", weights=data)
    again = put(store, tmp_path / "again", renamed=data, note=b"round 2")
    store.fetch(once, mine / "once", at_hand=AtHand(mine))
    store.asked = 0

    store.fetch(again, mine / "again", at_hand=AtHand(mine))

    assert (mine / "again" / "renamed").read_bytes() == data
    assert store.asked < 1000


def test_a_file_that_was_changed_since_is_not_believed(
    store: CountingStore, tmp_path: Path, mine: Path
) -> None:
    data = os.urandom(2 * MIB)
    cid = put(store, tmp_path / "bundle", weights=data)
    store.fetch(cid, mine / "first", at_hand=AtHand(mine))
    (mine / "first" / "weights").write_bytes(bytes(2 * MIB))

    store.fetch(cid, mine / "second", at_hand=AtHand(mine))

    assert (mine / "second" / "weights").read_bytes() == data


def test_a_file_that_was_removed_since_comes_from_the_store(
    store: CountingStore, tmp_path: Path, mine: Path
) -> None:
    cid = put(store, tmp_path / "bundle", weights=b"kept")
    store.fetch(cid, mine / "first", at_hand=AtHand(mine))
    (mine / "first" / "weights").unlink()

    store.fetch(cid, mine / "second", at_hand=AtHand(mine))

    assert (mine / "second" / "weights").read_bytes() == b"kept"


def test_a_link_in_place_of_a_file_is_not_followed(
    store: CountingStore, tmp_path: Path, mine: Path
) -> None:
    cid = put(store, tmp_path / "bundle", weights=b"kept")
    store.fetch(cid, mine / "first", at_hand=AtHand(mine))
    (mine / "first" / "weights").unlink()
    (mine / "first" / "weights").symlink_to(tmp_path / "bundle" / "weights")
    store.asked = 0

    store.fetch(cid, mine / "second", at_hand=AtHand(mine))

    assert store.asked > 0


@pytest.mark.parametrize("torn", [b"bafkrei", b"no cid at all\n", b"\xff\xfe 1 2 x\n", b" \n"])
def test_an_index_that_a_crash_cut_short_costs_only_a_download(
    store: CountingStore, tmp_path: Path, mine: Path, torn: bytes
) -> None:
    cid = put(store, tmp_path / "bundle", weights=b"kept")
    store.fetch(cid, mine / "first", at_hand=AtHand(mine))
    with (mine / "blocks").open("ab") as index:
        index.write(torn)
    store.asked = 0

    store.fetch(cid, mine / "second", at_hand=AtHand(mine))

    assert store.asked < 200  # the folder's node alone


def test_what_is_damaged_in_the_store_is_refused_though_other_blocks_are_at_hand(
    store: CountingStore, tmp_path: Path, mine: Path
) -> None:
    old = put(store, tmp_path / "old", weights=b"one")
    new = put(store, tmp_path / "new", weights=b"one", more=b"two")
    store.fetch(old, mine / "old", at_hand=AtHand(mine))
    car = tmp_path / "store" / f"{new}.car"
    car.write_bytes(car.read_bytes().replace(b"two", b"2wo"))

    with pytest.raises(ContentMismatch):
        store.fetch(new, mine / "new", at_hand=AtHand(mine))


def test_nothing_outside_the_folder_is_noted(
    store: CountingStore, tmp_path: Path, mine: Path
) -> None:
    cid = put(store, tmp_path / "bundle", weights=b"kept")

    store.fetch(cid, tmp_path / "elsewhere", at_hand=AtHand(mine))

    assert AtHand(mine).get(raw_cid(b"kept")) is None
    store.fetch(cid, mine / "inside", at_hand=AtHand(mine))
    assert AtHand(mine).get(raw_cid(b"kept")) == b"kept"
