"""What may be in a bundle: each rule with the last that passes and the first that does not."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from decentralml.assets.rules import BundleLimits, check_folder, check_name, check_names
from decentralml.errors import BundleRefused, BundleTooLarge


@pytest.mark.parametrize(
    "name", ["a", ".hidden", "...", "ünï côdé.txt", "-rf", "a b", "x" * 255, "ü" * 127, "C:x"]
)
def test_a_plain_name_is_fine(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/",
        "a/b",
        "/etc/passwd",
        "../x",
        "..\\x",
        "a\x00b",
        "a\nb",
        "\x1b[2J",
        "\x85",
        "x" * 256,
        "ü" * 128,
    ],
)
def test_a_name_that_climbs_separates_or_disturbs_is_refused(name: str) -> None:
    with pytest.raises(BundleRefused):
        check_name(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("model", "Model"),
        ("straße", "STRASSE"),
        ("\u00e9", "e\u0301"),  # é composed and decomposed
        ("\u1e9e", "ss"),
        ("\u212a", "k"),  # the Kelvin sign
    ],
)
def test_two_names_that_some_systems_hold_for_one_are_refused(one: str, other: str) -> None:
    check_names([one])
    check_names([other])
    with pytest.raises(BundleRefused, match="one name"):
        check_names([one, other])


def test_one_name_twice_is_refused() -> None:
    with pytest.raises(BundleRefused):
        check_names(["a", "b", "a"])


def test_like_names_in_different_folders_are_fine(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    (tmp_path / "one" / "model").write_bytes(b"12")
    (tmp_path / "two" / "Model").write_bytes(b"345")

    assert check_folder(tmp_path, BundleLimits()) == 5


def test_entries_are_counted_in_all_folders(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()

    check_folder(tmp_path, BundleLimits(max_entries=2))
    with pytest.raises(BundleTooLarge) as refused:
        check_folder(tmp_path, BundleLimits(max_entries=1))
    assert (refused.value.which, refused.value.limit) == ("files and folders", 1)


def test_bytes_are_counted_in_all_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(6))
    (tmp_path / "b").write_bytes(bytes(4))

    check_folder(tmp_path, BundleLimits(max_bytes=10))
    with pytest.raises(BundleTooLarge, match="9 bytes"):
        check_folder(tmp_path, BundleLimits(max_bytes=9))


def test_depth_is_counted_in_folders_of_entries(tmp_path: Path) -> None:
    (tmp_path / "1" / "2").mkdir(parents=True)
    (tmp_path / "1" / "2" / "file").touch()

    check_folder(tmp_path, BundleLimits(max_depth=3))
    with pytest.raises(BundleTooLarge, match="in one another"):
        check_folder(tmp_path, BundleLimits(max_depth=2))


def test_a_path_is_measured_in_bytes_from_the_bundles_root(tmp_path: Path) -> None:
    (tmp_path / "ü").mkdir()
    (tmp_path / "ü" / "file").touch()

    check_folder(tmp_path, BundleLimits(max_path=7))
    with pytest.raises(BundleTooLarge, match="6 bytes in a path"):
        check_folder(tmp_path, BundleLimits(max_path=6))


def test_links_pipes_and_sockets_are_refused(tmp_path: Path) -> None:
    for kind in ("link", "dangling", "pipe", "socket"):
        (tmp_path / kind).mkdir()
    (tmp_path / "link" / "x").symlink_to(tmp_path)
    (tmp_path / "dangling" / "x").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe" / "x")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket" / "x"))

    for kind in ("link", "dangling", "pipe", "socket"):
        with pytest.raises(BundleRefused, match="it is a"):
            check_folder(tmp_path / kind, BundleLimits())
    listener.close()
