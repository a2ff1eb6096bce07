"""Several stores as one: which is read, which is passed over, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_bytes
from decentralml.assets.gateway import GatewayStore
from decentralml.assets.local import LocalStore
from decentralml.assets.mirrored import MirroredStore
from decentralml.assets.opening import open_stores, shown
from decentralml.errors import (
    AssetError,
    AssetNotFound,
    BundleRefused,
    ConfigError,
    ContentMismatch,
    DestinationExists,
    StoreUnreachable,
    WrongBytes,
)
from decentralml.types import Cid
from tests.contracts.store import StoreContract, bundle, tree_of

__all__ = ["bundle"]


@pytest.fixture
def first(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "first")


@pytest.fixture
def second(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "second")


@pytest.fixture
def passed() -> list[tuple[str, AssetError]]:
    return []


@pytest.fixture
def store(
    first: LocalStore, second: LocalStore, passed: list[tuple[str, AssetError]]
) -> MirroredStore:
    named = [("first", first), ("second", second)]
    return MirroredStore(named, lambda name, error: passed.append((name, error)))


class TestMirroredStore(StoreContract):
    """The contract, on a folder and a second one that is empty."""


def damage(store: LocalStore, cid: Cid) -> None:
    file = store.root / f"{cid}.car"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_what_the_first_lacks_comes_from_the_second(
    store: MirroredStore, second: LocalStore, bundle: Path, tmp_path: Path
) -> None:
    cid = second.put_folder(bundle)

    store.fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(bundle)
    assert store.has(cid)
    assert store.size(cid) == second.size(cid)
    with store.open(cid) as source:
        LocalStore(tmp_path / "third").put_from(source, cid)


def test_a_store_that_gives_wrong_bytes_is_named_and_passed_over(
    *,
    store: MirroredStore,
    first: LocalStore,
    second: LocalStore,
    bundle: Path,
    tmp_path: Path,
    passed: list[tuple[str, AssetError]],
) -> None:
    cid = first.put_folder(bundle)
    second.put_folder(bundle)
    damage(first, cid)

    store.fetch(cid, tmp_path / "copy")
    store.verify(cid)

    assert tree_of(tmp_path / "copy") == tree_of(bundle)
    assert [(name, type(error)) for name, error in passed] == [("first", WrongBytes)] * 2


def test_a_store_that_does_not_answer_is_passed_over(
    second: LocalStore, bundle: Path, tmp_path: Path
) -> None:
    dead = GatewayStore("http://127.0.0.1:1")
    cid = second.put_folder(bundle)

    MirroredStore([("dead", dead), ("second", second)]).fetch(cid, tmp_path / "copy")

    assert (tmp_path / "copy").is_dir()
    assert MirroredStore([("dead", dead), ("second", second)]).has(cid)


def test_what_none_has_names_them_all(store: MirroredStore) -> None:
    with pytest.raises(AssetNotFound, match="any of first, second"):
        store.verify(cid_of_bytes(b"never"))


def test_what_may_be_had_later_is_not_said_to_be_nowhere(first: LocalStore) -> None:
    dead = GatewayStore("http://127.0.0.1:1")
    store = MirroredStore([("first", first), ("dead", dead)])

    with pytest.raises(StoreUnreachable, match=r"first: not there; dead: .*does not answer"):
        store.verify(cid_of_bytes(b"never"))


def test_what_all_have_damaged_is_said_of_each(
    store: MirroredStore, first: LocalStore, second: LocalStore, bundle: Path
) -> None:
    cid = first.put_folder(bundle)
    second.put_folder(bundle)
    damage(first, cid)
    damage(second, cid)

    with pytest.raises(ContentMismatch, match=r"first: .*; second: "):
        store.verify(cid)


def test_what_would_end_the_same_everywhere_is_not_tried_again(
    store: MirroredStore, second: LocalStore, bundle: Path, passed: list[tuple[str, AssetError]]
) -> None:
    cid = second.put_folder(bundle)

    with pytest.raises(DestinationExists):
        store.fetch(cid, bundle)
    with pytest.raises(BundleRefused):
        store.put_file(bundle)
    assert [name for name, _ in passed] == ["first"]


def test_what_is_put_goes_to_the_first_alone(
    store: MirroredStore, second: LocalStore, bundle: Path
) -> None:
    store.put_folder(bundle)

    assert list(second.list()) == []


def test_settings_name_them_and_passwords_are_not_shown(tmp_path: Path) -> None:
    opened = open_stores(str(tmp_path), ["http://127.0.0.1:8080"])

    assert isinstance(opened, MirroredStore)
    assert isinstance(open_stores(str(tmp_path)), LocalStore)
    assert shown("ipfs://me:secret@host:5001/a@b") == "ipfs://host:5001/a@b"
    with pytest.raises(ConfigError):
        open_stores(str(tmp_path), ["gopher://x"])
