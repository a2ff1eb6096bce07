"""A folder is sealed whole or not at all, and what is within the limits when sealed opens too."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.assets.rules import BundleLimits
from decentralml.assets.sealing.errors import SealRefused
from decentralml.assets.sealing.files import seal_file
from decentralml.assets.sealing.folders import open_folder, seal_folder
from decentralml.assets.sealing.header import check_header
from decentralml.assets.sealing.keys import Identity

MINE = Identity.new()


class Stopped(Exception):
    """Somebody lost patience."""


def a_folder(at: Path, files: int = 1, size: int = 5) -> Path:
    at.mkdir()
    for number in range(files):
        (at / f"file {number}").write_bytes(bytes([number]) * size)
    return at


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_seal_that_was_stopped_midway_leaves_nothing(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "folder", size=3 << 20)

    def stop(done: int, _total: int) -> None:
        if done > 1 << 20:
            raise Stopped

    with pytest.raises(Stopped):
        seal_folder(folder, tmp_path / "sealed", MINE.public, progress=stop)

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_named_by_a_link_is_sealed_as_the_folder_itself(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "folder")
    (tmp_path / "link").symlink_to(folder)

    seal_folder(tmp_path / "link", tmp_path / "sealed", MINE.public)

    open_folder(tmp_path / "sealed", tmp_path / "out", MINE)
    assert files_of(tmp_path / "out") == files_of(folder)


@pytest.mark.parametrize(
    "limits",
    [
        BundleLimits(max_entries=7),
        BundleLimits(max_bytes=35),
        BundleLimits(max_bytes=35, max_entries=7, max_depth=1, max_path=6),
    ],
    ids=["entries", "bytes", "all"],
)
def test_a_folder_that_just_keeps_the_limits_opens_within_them(
    tmp_path: Path, limits: BundleLimits
) -> None:
    folder = a_folder(tmp_path / "folder", files=7)

    seal_folder(folder, tmp_path / "sealed", MINE.public, limits)
    open_folder(tmp_path / "sealed", tmp_path / "out", MINE, limits)

    assert files_of(tmp_path / "out") == files_of(folder)


def test_a_stanza_whose_name_only_has_that_of_nothing_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"content")
    seal_file(tmp_path / "plain", tmp_path / "sealed", MINE.public)
    first = b"age-encryption.org/v1\n"
    data = (tmp_path / "sealed").read_bytes()
    (tmp_path / "odd").write_bytes(first + b"-> a-grease-plugin\n\n" + data[len(first) :])

    with (tmp_path / "odd").open("rb") as file, pytest.raises(SealRefused, match="a-grease-plugin"):
        check_header(file)


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError("the disk is gone"), Stopped])
def test_what_stops_a_seal_is_told_as_it_was_and_not_as_a_fault_of_the_library(
    tmp_path: Path, failure: BaseException
) -> None:
    (tmp_path / "plain").write_bytes(b"content")

    def fail(_done: int, _total: int) -> None:
        raise failure

    with pytest.raises(BaseException) as told:
        seal_file(tmp_path / "plain", tmp_path / "sealed", MINE.public, fail)
    assert told.value is failure or told.type is failure


def test_a_disk_that_is_full_is_told_while_sealing_too(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(bytes(3 << 20))
    with pytest.raises(OSError, match="No space left"):
        seal_file(tmp_path / "plain", Path("/dev/full"), MINE.public)
