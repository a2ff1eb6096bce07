"""What a bundle may hold: names that mean the same on every machine, and sizes that have an end.

The same rules hold when a bundle is made and when one arrives, so what can be put can be fetched.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from decentralml.errors import BundleRefused, BundleTooLarge

_MAX_NAME = 255  # bytes: what common file systems take


@dataclass(frozen=True, slots=True)
class BundleLimits:
    """How large a bundle may be; `BundleTooLarge` names the limit that it passes."""

    max_bytes: int = 10 << 30  # of content, each file counted wherever it stands
    max_entries: int = 100_000  # files and folders
    max_depth: int = 32  # folders in one another; the bundle's own is 1
    max_path: int = 1024  # bytes of a path inside the bundle


def check_name(name: str) -> None:
    """Refuses a name that is not one plain component of a path on every system.

    Raises:
        BundleRefused: it is empty, climbs, separates, is too long, or would disturb a terminal.
    """
    if name in ("", ".", ".."):
        raise BundleRefused(name, "its name is empty or points at a folder")
    if any(mark in name for mark in "/\\\0"):
        raise BundleRefused(name, "its name has a separator in it")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise BundleRefused(name, "its name has control characters")
    if len(name.encode("utf-8")) > _MAX_NAME:
        raise BundleRefused(name, f"its name is longer than {_MAX_NAME} bytes")


def check_names(names: Iterable[str]) -> None:
    """Checks the names of one folder, each and against one another.

    Raises:
        BundleRefused: as `check_name`; or two are one name where case or Unicode form do not count.
    """
    seen: dict[str, str] = {}
    for name in names:
        check_name(name)
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
        if folded in seen:
            raise BundleRefused(name, f"some systems take it and {seen[folded]!a} for one name")
        seen[folded] = name


class Measure:
    """Counts what a bundle holds so far and stops at the first limit passed."""

    def __init__(self, limits: BundleLimits) -> None:
        self._limits = limits
        self._entries = 0
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes of content so far."""
        return self._bytes

    def add_entry(self, path: str, depth: int) -> None:
        """Counts a file or folder at a path inside the bundle, in the ``depth``-th folder."""
        self.count_entry()
        self.check_path(path, depth)

    def check_path(self, path: str, depth: int) -> None:
        """Checks where an entry stands, without counting it."""
        if len(path.encode("utf-8")) > self._limits.max_path:
            raise BundleTooLarge("bytes in a path", self._limits.max_path)
        if depth > self._limits.max_depth:
            raise BundleTooLarge("folders in one another", self._limits.max_depth)

    def count_entry(self) -> None:
        """Counts an entry whose place is not known yet."""
        self._entries += 1
        if self._entries > self._limits.max_entries:
            raise BundleTooLarge("files and folders", self._limits.max_entries)

    def add_bytes(self, count: int) -> None:
        """Counts content."""
        self._bytes += count
        if self._bytes > self._limits.max_bytes:
            raise BundleTooLarge("bytes", self._limits.max_bytes)


def check_folder(folder: Path, limits: BundleLimits) -> int:
    """Bytes of content in a folder that may become a bundle.

    Raises:
        BundleRefused: a link, a device, socket or pipe, a forbidden or colliding name.
        BundleTooLarge: it passes a limit.
    """
    measure = Measure(limits)
    _check_folder(folder, "", 1, measure)
    return measure.bytes


def check_file(file: Path, limits: BundleLimits) -> int:
    """Bytes of a file that may become a bundle of its own.

    Raises:
        BundleRefused: it is no regular file.
        BundleTooLarge: it is too long.
    """
    found = file.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise BundleRefused(str(file), "it is no regular file")
    measure = Measure(limits)
    measure.add_bytes(found.st_size)
    return measure.bytes


def _check_folder(folder: Path, inside: str, depth: int, measure: Measure) -> None:
    with os.scandir(folder) as found:
        entries = list(found)
    check_names(entry.name for entry in entries)
    for entry in entries:
        path = f"{inside}{entry.name}"
        measure.add_entry(path, depth)
        found_stat = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(found_stat.st_mode):
            measure.add_bytes(found_stat.st_size)
        elif stat.S_ISDIR(found_stat.st_mode):
            _check_folder(folder / entry.name, f"{path}/", depth + 1, measure)
        elif stat.S_ISLNK(found_stat.st_mode):
            raise BundleRefused(path, "it is a link")
        else:
            raise BundleRefused(path, "it is a device, a socket or a pipe")
