"""All or nothing on a file system that several processes share.

What is being written has a name of its own beside its destination and is locked by its writer; the
lock ends with the process, so what a killed one left behind is known as such and swept away.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from decentralml.errors import DestinationExists

_UNFINISHED = ".partial"
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _lock(descriptor: int) -> bool:
    """Takes the lock of an open file or folder; False when another has it, or it was removed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def remove(path: Path) -> None:
    """Removes a file or a folder with all in it; nothing there is fine."""
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def abandoned(folder: Path, prefix: str = "") -> Iterator[Path]:
    """What killed processes left unfinished in a folder, under names with this prefix.

    Each is locked for as long as it is looked at.
    """
    for path in folder.iterdir():
        if not (path.name.startswith(prefix) and path.name.endswith(_UNFINISHED)):
            continue
        with suppress(OSError):  # gone meanwhile, or not ours to remove
            descriptor = os.open(path, _LOOK)
            try:
                if _lock(descriptor):
                    yield path
            finally:
                os.close(descriptor)


def sweep(folder: Path, prefix: str = "") -> None:
    """Removes what killed processes left unfinished in a folder, under names with this prefix."""
    for path in abandoned(folder, prefix):
        with suppress(OSError):
            remove(path)


@contextmanager
def new_folder_for(destination: Path) -> Iterator[Path]:
    """A locked, private folder beside ``destination``, gone at the end whatever happens.

    Raises:
        DestinationExists: something is at ``destination``.
    """
    if os.path.lexists(destination):
        raise DestinationExists(str(destination))
    prefix = f".{destination.name[:100]}."
    sweep(destination.parent, prefix)
    place, descriptor = _locked(destination.parent, prefix, _make_folder)
    try:
        yield place
    finally:
        os.close(descriptor)
        remove(place)


def move(finished: Path, destination: Path) -> None:
    """Gives what is finished its name.

    Raises:
        DestinationExists: something came there meanwhile.
    """
    if os.path.lexists(destination):
        raise DestinationExists(str(destination))
    finished.rename(destination)


def new_file_in(folder: Path) -> tuple[Path, int]:
    """An unfinished, locked file in a folder: its path and its descriptor, open for writing."""
    return _locked(folder, "", _make_file)


def _locked(folder: Path, prefix: str, make: Callable[[Path], int]) -> tuple[Path, int]:
    while True:
        place = folder / f"{prefix}{secrets.token_hex(8)}{_UNFINISHED}"
        try:
            descriptor = make(place)
        except FileNotFoundError:
            if not folder.is_dir():
                raise
            continue  # another process swept it away before it was open
        if _lock(descriptor):
            return place, descriptor
        os.close(descriptor)  # swept away before it was locked


def _make_folder(place: Path) -> int:
    place.mkdir(mode=0o700)
    return os.open(place, _LOOK | os.O_DIRECTORY)


def _make_file(place: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(place, flags, 0o666)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
