"""The store in a folder: the contract, damage of every kind, and many processes at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from decentralml.assets import places
from decentralml.assets.cid import cid_of_path
from decentralml.assets.local import LocalStore
from decentralml.assets.rules import BundleLimits
from decentralml.errors import BundleTooLarge, ContentMismatch, DestinationExists
from decentralml.types import Cid
from tests.contracts.store import StoreContract, bundle, tree_of

__all__ = ["bundle"]  # the fixture of the contract


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


class TestLocalStore(StoreContract):
    """The contract, on a folder."""


@pytest.fixture
def stored(store: LocalStore, bundle: Path) -> tuple[Cid, Path]:
    """A bundle's CID and the one file that the store keeps for it."""
    cid = store.put_folder(bundle)
    return cid, store.root / f"{cid}.car"


def assert_refused(store: LocalStore, cid: Cid, why: str) -> None:
    """Neither fetched nor verified, one line says why, and nothing is left behind."""
    destination = store.root.parent / "copy"
    with pytest.raises(ContentMismatch, match=why) as refused:
        store.fetch(cid, destination)
    with pytest.raises(ContentMismatch, match=why):
        store.verify(cid)

    assert "\n" not in str(refused.value)
    assert [path for path in store.root.parent.iterdir() if "copy" in path.name] == []


def flip_bit(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def test_a_flipped_bit_in_content_is_refused(store: LocalStore, stored: tuple[Cid, Path]) -> None:
    cid, file = stored
    flip_bit(file, 1 << 20)

    assert_refused(store, cid, "other bytes than its hash")


def test_a_flipped_bit_anywhere_is_refused(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "a").write_bytes(b"content")
    cid = store.put_folder(tmp_path / "small")
    file = store.root / f"{cid}.car"
    intact = file.read_bytes()

    for at in range(len(intact)):
        flip_bit(file, at)
        with pytest.raises(ContentMismatch):
            store.verify(cid)
        file.write_bytes(intact)
    store.verify(cid)


def test_a_file_cut_short_anywhere_is_refused(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"content")
    cid = store.put_file(tmp_path / "small")
    file = store.root / f"{cid}.car"
    intact = file.read_bytes()

    for length in range(len(intact)):
        file.write_bytes(intact[:length])
        with pytest.raises(ContentMismatch):
            store.verify(cid)


def test_a_missing_block_is_refused(store: LocalStore, stored: tuple[Cid, Path]) -> None:
    cid, file = stored
    whole = file.read_bytes()
    chunk = b"\xa4\x80\x40\x01\x55\x12\x20"  # 36 bytes of CID and 1 MiB as a varint, then the CID
    at = whole.index(chunk)
    file.write_bytes(whole[:at] + whole[at + 3 + 36 + (1 << 20) :])

    assert_refused(store, cid, "is missing")


def test_another_bundles_file_under_a_name_is_refused(
    store: LocalStore, stored: tuple[Cid, Path], tmp_path: Path
) -> None:
    cid, file = stored
    (tmp_path / "other").write_bytes(b"other")
    other = store.put_file(tmp_path / "other")
    file.write_bytes((store.root / f"{other}.car").read_bytes())

    assert_refused(store, cid, "begins otherwise")


def test_a_block_of_a_forbidden_length_is_refused(
    store: LocalStore, stored: tuple[Cid, Path]
) -> None:
    cid, file = stored
    with file.open("ab") as car:
        car.write(b"\xff\xff\xff\x7f" + bytes(40))

    assert_refused(store, cid, "forbidden length")


def test_putting_again_heals_what_was_damaged(
    store: LocalStore, stored: tuple[Cid, Path], bundle: Path
) -> None:
    cid, file = stored
    flip_bit(file, 1 << 20)

    store.put_folder(bundle)

    store.verify(cid)


def test_what_is_there_undamaged_is_not_written_again(
    store: LocalStore, stored: tuple[Cid, Path], bundle: Path
) -> None:
    _, file = stored
    before = file.stat()

    store.put_folder(bundle)

    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(store.root.iterdir()) == [file]


def test_files_that_are_none_of_the_stores_are_not_listed_nor_cleared(store: LocalStore) -> None:
    store.root.mkdir()
    (store.root / "notes.car").touch()
    (store.root / "readme.txt").touch()

    assert list(store.list()) == []
    assert store.gc(keep=set()) == 0
    assert len(list(store.root.iterdir())) == 2


def _put_and_fetch(store: LocalStore, folder: Path, copies: Path, rounds: int) -> None:
    for number in range(rounds):
        cid = store.put_folder(folder)
        store.fetch(cid, copies / f"{os.getpid()}-{number}")


def test_processes_put_and_fetch_one_bundle_at_the_same_time(
    store: LocalStore, bundle: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    spawn = multiprocessing.get_context("fork")
    workers = [
        spawn.Process(target=_put_and_fetch, args=(store, bundle, copies, 5)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert all(tree_of(copy) == tree_of(bundle) for copy in copies.iterdir())
    assert len(list(copies.iterdir())) == 20
    assert [path.name for path in store.root.iterdir()] == [f"{cid_of_path(bundle)}.car"]


_KILLED_WHILE_PUTTING = """
import os, signal, sys
from pathlib import Path
from decentralml.assets.local import LocalStore

def kill(done, total):
    if done > total // 2:
        os.kill(os.getpid(), signal.SIGKILL)

store = LocalStore(Path(sys.argv[1]))
if sys.argv[2] == "put":
    store.put_folder(Path(sys.argv[3]), kill)
else:
    store.fetch(sys.argv[3], Path(sys.argv[4]), progress=kill)
"""


def killed_half_way(store: LocalStore, *arguments: str) -> None:
    command = [sys.executable, "-c", _KILLED_WHILE_PUTTING, str(store.root), *arguments]
    ended = subprocess.run(command, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL


def test_what_a_process_killed_while_putting_left_is_swept_and_never_listed(
    store: LocalStore, bundle: Path
) -> None:
    killed_half_way(store, "put", str(bundle))

    assert list(store.list()) == []
    assert len(list(store.root.iterdir())) == 1
    store.gc(keep=set())
    assert list(store.root.iterdir()) == []


def test_after_a_process_was_killed_while_fetching_it_can_be_fetched_and_nothing_stays(
    store: LocalStore, stored: tuple[Cid, Path], bundle: Path, tmp_path: Path
) -> None:
    cid, _ = stored
    place = tmp_path / "place"
    place.mkdir()
    killed_half_way(store, "fetch", cid, str(place / "copy"))
    assert not (place / "copy").exists()

    store.fetch(cid, place / "copy")

    assert tree_of(place / "copy") == tree_of(bundle)
    assert [path.name for path in place.iterdir()] == ["copy"]


def test_clearing_leaves_what_another_process_is_writing(
    store: LocalStore, bundle: Path, tmp_path: Path
) -> None:
    cleared: list[int] = []

    def clear_meanwhile(done: int, total: int) -> None:
        cleared.append(LocalStore(store.root).gc(keep=set()))

    cid = store.put_folder(bundle, clear_meanwhile)

    assert cleared
    store.verify(cid)


_FLAT = """
import resource, sys
from pathlib import Path
from decentralml.assets.cid import cid_of_path
from decentralml.assets.local import LocalStore

source, root, copy = map(Path, sys.argv[1:])
store = LocalStore(root)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cid = store.put_file(source)
store.verify(cid)
store.fetch(cid, copy)
assert cid_of_path(copy) == cid
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_memory_stays_flat_for_a_file_of_two_gigabytes(tmp_path: Path) -> None:
    source = tmp_path / "large"
    with source.open("wb") as file:
        for chunk in range(2048):  # holes, but every chunk differs
            file.seek(chunk << 20)
            file.write(b"%d" % chunk)
        file.truncate(2 << 30)

    command = [sys.executable, "-c", _FLAT, *map(str, (source, tmp_path / "s", tmp_path / "c"))]
    grown = subprocess.run(command, timeout=110, check=True, capture_output=True, text=True)

    assert int(grown.stdout) < 16 << 10  # KiB: a few chunks and an index
    assert (tmp_path / "c").stat().st_size == 2 << 30


def test_a_length_that_does_not_end_is_refused(store: LocalStore, stored: tuple[Cid, Path]) -> None:
    cid, file = stored
    with file.open("ab") as car:
        car.write(b"\xff" * 44)

    assert_refused(store, cid, "forbidden length")


def test_equal_blocks_are_kept_once(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(8 << 20))

    cid = store.put_file(tmp_path / "zeros")

    assert store.size(cid) < 2 << 20
    store.fetch(cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == bytes(8 << 20)


def test_an_archive_cut_short_while_it_is_read_is_refused(
    store: LocalStore, stored: tuple[Cid, Path], tmp_path: Path
) -> None:
    cid, file = stored

    with pytest.raises(ContentMismatch, match="cut short"):
        store.fetch(cid, tmp_path / "copy", progress=lambda done, total: os.truncate(file, 200))

    assert not (tmp_path / "copy").exists()


def test_putting_that_fails_leaves_nothing(store: LocalStore, bundle: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        store.put_folder(bundle, stop)

    assert list(store.root.iterdir()) == []


def test_a_file_over_the_stores_limit_is_not_put(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store", BundleLimits(max_bytes=10))
    (tmp_path / "fits").write_bytes(bytes(10))
    (tmp_path / "file").write_bytes(bytes(11))

    store.put_file(tmp_path / "fits")
    with pytest.raises(BundleTooLarge):
        store.put_file(tmp_path / "file")


def test_clearing_a_store_that_was_never_written_frees_nothing(store: LocalStore) -> None:
    assert store.gc(keep=set()) == 0
    assert not store.root.exists()


def test_what_came_to_the_destination_meanwhile_stays(
    store: LocalStore, stored: tuple[Cid, Path], tmp_path: Path
) -> None:
    cid, _ = stored

    with pytest.raises(DestinationExists):
        store.fetch(
            cid,
            tmp_path / "copy",
            progress=lambda done, total: (tmp_path / "copy").write_text("mine"),
        )

    assert (tmp_path / "copy").read_text() == "mine"


def test_a_folder_swept_away_before_it_was_locked_is_made_again(
    store: LocalStore, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race between making an unfinished file and locking it, lost once in each way."""
    make = places._make_file
    lost: list[str] = []

    def swept_after_opening(place: Path) -> int:
        descriptor = make(place)
        if not lost:
            lost.append("opened")
            place.unlink()
        elif len(lost) == 1:
            lost.append("made")
            os.close(descriptor)
            place.unlink()
            raise FileNotFoundError(place)
        return descriptor

    monkeypatch.setattr(places, "_make_file", swept_after_opening)

    store.verify(store.put_folder(bundle))

    assert lost == ["opened", "made"]
    assert len(list(store.root.iterdir())) == 1


def test_a_store_whose_folder_vanishes_says_so(
    store: LocalStore, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(place: Path) -> int:
        place.parent.rmdir()
        raise FileNotFoundError(place)

    monkeypatch.setattr(places, "_make_file", gone)

    with pytest.raises(FileNotFoundError):
        store.put_folder(bundle)
