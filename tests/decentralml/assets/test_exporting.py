"""Content as one file: what is in it, and what becomes of an export that was stopped."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from decentralml.assets.car import header
from decentralml.assets.cid import cid_of_bytes, to_bytes
from decentralml.assets.composing import Part
from decentralml.assets.exporting import export_content, export_parts
from decentralml.assets.importing import import_car
from decentralml.assets.local import LocalStore
from decentralml.assets.rules import BundleLimits
from decentralml.errors import (
    AssetNotFound,
    BundleRefused,
    ContentMismatch,
    DestinationExists,
    ExportUnderWay,
)
from decentralml.types import Cid
from tests.contracts.counting import CountingStore
from tests.contracts.store import bundle, tree_of

__all__ = ["bundle"]


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path / "store")


@pytest.fixture
def parts(store: CountingStore, bundle: Path, tmp_path: Path) -> list[Part]:
    """A bundle, a model and two equal results."""
    (tmp_path / "model").write_bytes(bytes(3 << 20))
    (tmp_path / "result").write_bytes(b"a result")
    result = store.put_file(tmp_path / "result")
    return [
        Part("bundle", store.put_folder(bundle)),
        Part("models/round-1", store.put_file(tmp_path / "model")),
        Part("results/round-1/Alice", result),
        Part("results/round-1/Bob", result),
    ]


def test_an_exported_content_is_a_car_file_of_that_root(
    store: CountingStore, bundle: Path, tmp_path: Path
) -> None:
    cid = store.put_folder(bundle)

    exported = export_content(store, cid, tmp_path / "file.car")

    written = (tmp_path / "file.car").read_bytes()
    assert (exported.root, exported.bytes) == (cid, len(written))
    assert written.startswith(header(to_bytes(cid)))


def test_parts_stand_in_a_folder_with_a_page_that_names_them(
    store: CountingStore, parts: list[Part], bundle: Path, tmp_path: Path
) -> None:
    exported = export_parts(store, parts, {"task": 7}, tmp_path / "task.car")

    whole = LocalStore(tmp_path / "whole")
    (tmp_path / "whole").mkdir()
    (tmp_path / "task.car").rename(tmp_path / "whole" / f"{exported.root}.car")
    whole.fetch(exported.root, tmp_path / "copy")
    assert tree_of(tmp_path / "copy" / "bundle") == tree_of(bundle)
    assert (tmp_path / "copy" / "results/round-1/Bob").read_bytes() == b"a result"
    page = json.loads((tmp_path / "copy" / "parts.json").read_text())
    assert page["task"] == 7
    assert page["parts"] == {part.path: part.cid for part in parts}


def test_the_same_parts_have_the_same_root(
    store: CountingStore, parts: list[Part], tmp_path: Path
) -> None:
    roots = {
        export_parts(store, given, {"task": 7}, tmp_path / f"{number}.car").root
        for number, given in enumerate((parts, parts[::-1]))
    }

    assert len(roots) == 1
    assert export_parts(store, parts, {"task": 8}, tmp_path / "other.car").root not in roots


def test_a_part_cannot_stand_where_or_below_another_does(
    store: CountingStore, parts: list[Part], tmp_path: Path
) -> None:
    for path in ("bundle", "bundle/inside", "parts.json", "../up", "a//b"):
        with pytest.raises(BundleRefused):
            export_parts(store, [*parts, Part(path, parts[0].cid)][::-1], {}, tmp_path / "f.car")
    assert not (tmp_path / "f.car").exists()


def test_nothing_is_written_over(store: CountingStore, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file.car").write_bytes(b"mine")

    with pytest.raises(DestinationExists):
        export_content(store, store.put_folder(bundle), tmp_path / "file.car")

    assert (tmp_path / "file.car").read_bytes() == b"mine"


def test_what_is_missing_or_damaged_gives_no_file_and_leaves_nothing(
    store: CountingStore, bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    cid = store.put_folder(bundle)
    kept = store.root / f"{cid}.car"
    damaged = bytearray(kept.read_bytes())
    damaged[1 << 20] ^= 1
    kept.write_bytes(damaged)

    with pytest.raises(ContentMismatch):
        export_content(store, cid, out / "file.car")
    with pytest.raises(AssetNotFound):
        export_content(store, cid_of_bytes(b"never"), out / "file.car")

    assert list(out.iterdir()) == []


class Stopped(Exception):
    pass


def stopped_at(limit: int):
    def stop(done: int, total: int) -> None:
        if done > limit:
            raise Stopped

    return stop


def test_an_export_that_was_stopped_goes_on_where_it_was(
    store: CountingStore, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(os.urandom(6 << 20))
    cid = store.put_file(tmp_path / "large")
    with pytest.raises(Stopped):
        export_content(store, cid, tmp_path / "file.car", stopped_at(4 << 20))
    store.asked = 0

    export_content(store, cid, tmp_path / "file.car")

    assert store.asked < 3 << 20
    import_car(LocalStore(tmp_path / "other"), tmp_path / "file.car")
    LocalStore(tmp_path / "other").verify(cid)
    assert list(tmp_path.glob("*.unfinished")) == []


def test_what_was_damaged_meanwhile_is_written_again(store: CountingStore, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(6 << 20))
    cid = store.put_file(tmp_path / "large")
    with pytest.raises(Stopped):
        export_content(store, cid, tmp_path / "file.car", stopped_at(4 << 20))
    (unfinished,) = tmp_path.glob(".*.unfinished")
    damaged = bytearray(unfinished.read_bytes())
    damaged[2 << 20] ^= 1
    unfinished.write_bytes(damaged)

    export_content(store, cid, tmp_path / "file.car")

    import_car(LocalStore(tmp_path / "other"), tmp_path / "file.car")


def test_two_do_not_write_one_file(store: CountingStore, bundle: Path, tmp_path: Path) -> None:
    cid = store.put_folder(bundle)
    with pytest.raises(Stopped):
        export_content(store, cid, tmp_path / "file.car", stopped_at(0))
    (unfinished,) = tmp_path.glob(".*.unfinished")

    with unfinished.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ExportUnderWay):
            export_content(store, cid, tmp_path / "file.car")

    export_content(store, cid, tmp_path / "file.car")


KILLED = """
import os, signal, sys
from pathlib import Path
from decentralml.assets.exporting import export_content
from decentralml.assets.local import LocalStore

def kill(done, total):
    if done > 4 << 20:
        os.kill(os.getpid(), signal.SIGKILL)

export_content(LocalStore(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]), kill)
"""


def test_an_export_that_was_killed_shows_no_file_and_goes_on(
    store: CountingStore, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(os.urandom(6 << 20))
    cid = store.put_file(tmp_path / "large")
    command = [sys.executable, "-c", KILLED, str(store.root), cid, str(tmp_path / "file.car")]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    assert not (tmp_path / "file.car").exists()

    export_content(store, cid, tmp_path / "file.car")

    assert store.asked < 4 << 20
    import_car(LocalStore(tmp_path / "other"), tmp_path / "file.car")


def test_progress_of_parts_rises_to_the_total(
    store: CountingStore, parts: list[Part], tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []

    export_parts(store, parts, {}, tmp_path / "task.car", lambda *at: seen.append(at))

    assert [at[0] for at in seen] == sorted(at[0] for at in seen)
    assert {at[1] for at in seen} == {seen[-1][1]}
    assert seen[-1][0] > 2 << 20


FLAT = """
import resource, sys
from pathlib import Path
from decentralml.assets.exporting import export_content
from decentralml.assets.importing import import_car
from decentralml.assets.local import LocalStore

store, cid, file, other = LocalStore(Path(sys.argv[1])), sys.argv[2], *map(Path, sys.argv[3:])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
export_content(store, cid, file)
import_car(LocalStore(other), file)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        for chunk in range(256):
            file.seek(chunk << 20)
            file.write(b"%d" % chunk)
        file.truncate(256 << 20)
    store = LocalStore(tmp_path / "store", BundleLimits())
    cid = store.put_file(tmp_path / "large")

    places = [str(tmp_path / name) for name in ("store", "file.car", "other")]
    command = [sys.executable, "-c", FLAT, places[0], cid, *places[1:]]
    grown = subprocess.run(command, timeout=110, check=True, capture_output=True, text=True)

    assert int(grown.stdout) < 24 << 10  # KiB: a few chunks and two indexes
    assert LocalStore(tmp_path / "other").has(Cid(cid))
