"""From files to blocks: one walk over a file or a folder, children before parents."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from decentralml.assets.cid import Progress, node_cid, raw_cid
from decentralml.assets.folders import folder_node
from decentralml.assets.unixfs import CHUNK, Entry, FileTree, Link, Sink, symlink_block
from decentralml.errors import BundleRefused

_DEEPEST = 200  # far below Python's recursion limit; a bundle's own limit is much lower


def size_of_path(path: Path) -> int:
    """Bytes of all regular files in a file or folder, for a progress bar."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return found.st_size
    total = 0
    for folder, _, names in os.walk(path):
        total += sum((Path(folder) / name).lstat().st_size for name in names)
    return total


def add_path(
    path: Path, sink: Sink | None, progress: Progress | None = None, total: int = 0
) -> Entry:
    """Makes the blocks of a file or folder.

    Args:
        path: a file, a folder or a link; a link is not followed.
        sink: takes each block; without one only the CID is found.
        progress: told (bytes read, ``total``) after each chunk.

    Raises:
        BundleRefused: a device, socket or pipe, a name that is not text, a folder too deep.
        OSError: something cannot be read.
    """
    return _Walk(sink, progress, total).add(path, 0)


class _Walk:
    def __init__(self, sink: Sink | None, progress: Progress | None, total: int) -> None:
        self._sink = sink
        self._progress = progress
        self._total = total
        self._done = 0
        self._buffer = memoryview(bytearray(CHUNK))

    def add(self, path: Path, depth: int) -> Entry:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            return self._file(path)
        if stat.S_ISDIR(mode):
            return self._folder(path, depth)
        if stat.S_ISLNK(mode):
            return self._link(path)
        raise BundleRefused(str(path), "it is neither a file nor a folder")

    def _file(self, path: Path) -> Entry:
        tree = FileTree(self._sink)
        # Not followed if it became a link since it was looked at, and no wait if it became a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0):
            while length := self._fill(descriptor):
                chunk = self._buffer[:length]
                cid = raw_cid(chunk)
                if self._sink:
                    self._sink(cid, chunk)
                tree.add(cid, length)
                self._done += length
                if self._progress:
                    self._progress(self._done, max(self._total, self._done))
                if length < CHUNK:
                    break
        return tree.finish()

    def _fill(self, descriptor: int) -> int:
        """Fills the buffer as far as the file goes; a short read is not the end."""
        have = 0
        while have < CHUNK:
            read = os.readv(descriptor, [self._buffer[have:]])
            if read == 0:
                break
            have += read
        return have

    def _folder(self, path: Path, depth: int) -> Entry:
        if depth == _DEEPEST:
            raise BundleRefused(str(path), f"folders are nested more than {_DEEPEST} deep")
        links = []
        size = 0
        for name in sorted(inside.name for inside in path.iterdir()):
            try:
                name.encode("utf-8")
            except UnicodeEncodeError as error:
                raise BundleRefused(ascii(name), "its name is not text in UTF-8") from error
            entry = self.add(path / name, depth + 1)
            links.append(Link(name, entry.cid, entry.tsize))
            size += entry.size
        return folder_node(links, size, self._sink)

    def _link(self, path: Path) -> Entry:
        block = symlink_block(os.fsencode(path.readlink()))
        cid = node_cid(block)
        if self._sink:
            self._sink(cid, block)
        return Entry(cid, 0, len(block))
