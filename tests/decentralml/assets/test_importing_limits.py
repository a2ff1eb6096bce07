"""Limits hold for each part of a file on its own: parts that just keep them come in together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_bytes
from decentralml.assets.composing import FORMAT, PAGE, Part
from decentralml.assets.exporting import export_content, export_parts
from decentralml.assets.importing import import_car
from decentralml.assets.local import LocalStore
from decentralml.assets.rules import BundleLimits
from decentralml.errors import BundleTooLarge, CarRefused

LIMITS = BundleLimits(max_bytes=2000, max_entries=2, max_depth=1, max_path=6)


def exported(tmp_path: Path, *, extra: int = 0) -> tuple[Path, list[Part]]:
    """A file of three folders that just keep the limits; the last is larger by ``extra``."""
    source, parts = LocalStore(tmp_path / "source"), []
    for number in range(3):
        folder = tmp_path / f"part {number}"
        folder.mkdir()
        for name in ("file-1", "file-2"):
            (folder / name).write_bytes(bytes([number]) * 1000)
        if number == 2:
            (folder / "file-2").write_bytes(bytes(1000 + extra))
        parts.append(Part(f"results/round-{number}/worker", source.put_folder(folder)))
    export_parts(source, parts, {}, tmp_path / "all.car")
    return tmp_path / "all.car", parts


def test_parts_that_each_keep_the_limits_come_in_together(tmp_path: Path) -> None:
    file, parts = exported(tmp_path)
    store = LocalStore(tmp_path / "store", LIMITS)

    import_car(store, file, limits=LIMITS)

    assert set(store.list()) == {part.cid for part in parts}


def test_one_part_that_passes_a_limit_is_not_kept(tmp_path: Path) -> None:
    file, parts = exported(tmp_path, extra=1)
    store = LocalStore(tmp_path / "store", LIMITS)

    with pytest.raises(BundleTooLarge):
        import_car(store, file, limits=LIMITS)

    assert parts[2].cid not in set(store.list())


@pytest.mark.parametrize("count", [0, 50_001])
def test_a_page_that_names_no_parts_or_too_many_is_refused_before_they_are_looked_for(
    tmp_path: Path, count: int
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    parts = {str(number): cid_of_bytes(b"nowhere") for number in range(count)}
    (folder / PAGE).write_text(json.dumps({"format": FORMAT, "parts": parts}))
    source = LocalStore(tmp_path / "source")
    export_content(source, source.put_folder(folder), tmp_path / "file.car")

    with pytest.raises(CarRefused, match="names no parts, or more"):
        import_car(LocalStore(tmp_path / "store"), tmp_path / "file.car")
