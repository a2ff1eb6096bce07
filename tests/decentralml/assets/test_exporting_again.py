"""A file is the same however its export went, and has its name only once it is on the disk."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from decentralml.assets import exporting
from decentralml.assets.exporting import export_content
from decentralml.assets.importing import import_car
from decentralml.assets.local import LocalStore
from decentralml.errors import DestinationExists
from decentralml.types import Cid


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def cid(store: LocalStore, tmp_path: Path) -> Cid:
    """A folder with one content under three names."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(b"the same")
    (folder / "large").write_bytes(os.urandom(3 << 20))
    return store.put_folder(folder)


def exported(store: LocalStore, cid: Cid, file: Path) -> bytes:
    export_content(store, cid, file)
    return file.read_bytes()


class Stopped(Exception):
    """Somebody lost patience."""


def stop(done: int, _total: int) -> None:
    if done > 1 << 20:
        raise Stopped


def unfinished(folder: Path) -> Path:
    (found,) = folder.glob(".*.unfinished")
    return found


def test_a_block_that_repeats_is_written_once(store: LocalStore, cid: Cid, tmp_path: Path) -> None:
    assert exported(store, cid, tmp_path / "file.car").count(b"the same") == 1
    import_car(LocalStore(tmp_path / "other"), tmp_path / "file.car")


@pytest.mark.parametrize("junk", [b"junk", bytes(8 << 20)], ids=["short", "longer than the rest"])
def test_what_stands_behind_the_last_good_block_is_cut_off(
    store: LocalStore, cid: Cid, tmp_path: Path, junk: bytes
) -> None:
    whole = exported(store, cid, tmp_path / "whole.car")
    with pytest.raises(Stopped):
        export_content(store, cid, tmp_path / "file.car", stop)
    with unfinished(tmp_path).open("ab") as file:
        file.write(junk)

    assert exported(store, cid, tmp_path / "file.car") == whole


def test_a_file_has_its_name_once_its_content_is_on_the_disk_and_then_the_name_is(
    store: LocalStore, cid: Cid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    seen: list[tuple[str, int, bool]] = []
    sync = os.fsync

    def noting(descriptor: int) -> None:
        at = Path(f"/proc/self/fd/{descriptor}").readlink()
        seen.append((at.name, os.fstat(descriptor).st_size, (out / "file.car").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    size = export_content(store, cid, out / "file.car").bytes

    (content, length, named), (folder, _, named_then) = seen
    assert (content.endswith(".unfinished"), length, named) == (True, size, False)
    assert (folder, named_then) == ("out", True)


def test_a_file_that_another_process_finished_meanwhile_is_left_as_it_is(
    store: LocalStore, cid: Cid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stopped):
        export_content(store, cid, tmp_path / "file.car", stop)
    lock = fcntl.flock

    def too_late(file: Any, how: int) -> None:
        """Between the opening of the unfinished file and its lock it is finished and named."""
        unfinished(tmp_path).rename(tmp_path / "file.car")
        (tmp_path / "file.car").write_bytes(b"finished by another")
        lock(file, how)

    monkeypatch.setattr(exporting.fcntl, "flock", too_late)
    with pytest.raises(DestinationExists):
        export_content(store, cid, tmp_path / "file.car")

    assert (tmp_path / "file.car").read_bytes() == b"finished by another"


def test_a_link_in_the_place_of_the_unfinished_file_is_not_followed(
    store: LocalStore, cid: Cid, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        export_content(store, cid, tmp_path / "file.car", stop)
    (tmp_path / "precious").write_bytes(b"mine")
    place = unfinished(tmp_path)
    place.unlink()
    place.symlink_to(tmp_path / "precious")

    with pytest.raises(OSError, match="symbolic link"):
        export_content(store, cid, tmp_path / "file.car")

    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_a_link_that_leads_nowhere_is_something_at_the_destination_and_nothing_is_begun(
    store: LocalStore, cid: Cid, tmp_path: Path
) -> None:
    (tmp_path / "file.car").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DestinationExists):
        export_content(store, cid, tmp_path / "file.car")
    assert list(tmp_path.glob(".*.unfinished")) == []
