"""Blocks and states in one SQLite file; one transaction a block.

The only importer of sqlite3. A `ChainStore` belongs to the thread that opened it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pallets_mock.errors import ChainFolderDamaged, ChainFolderInUse, ForeignChainFolder
from pallets_mock.store import schema

FILE_NAME = "chain.sqlite"
SIDE_FILES = (FILE_NAME + "-wal", FILE_NAME + "-shm", FILE_NAME + "-journal")


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A sealed block as it was written. `header` and each extrinsic are SCALE."""

    hash: bytes
    number: int
    parent: bytes
    header: bytes
    extrinsics: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends, and up to where it cannot change any more."""

    best: bytes
    best_number: int
    finalised: bytes
    finalised_number: int


class ChainStore:
    """A chain's database; also the `NodeDb` of its states.

    Args:
        folder: where the file is or will be made; None keeps everything in memory.
        durable: wait for the disk at every block, so that it survives a loss of power;
            without, a block survives whatever happens to the process.
    Raises:
        ChainFolderInUse: another process has the folder.
        ChainFolderDamaged: the file is no chain of this version.
    """

    def __init__(self, folder: Path | None = None, *, durable: bool = False) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        place = ":memory:" if folder is None else str(folder / FILE_NAME)
        self._db = sqlite3.connect(place, timeout=0, isolation_level=None, cached_statements=64)
        try:
            self._db.executescript(schema.OPENING)
            self._db.execute(schema.ON_THE_DISK if durable else schema.WRITTEN)
            self._prepare()
        except (sqlite3.Error, ChainFolderDamaged) as error:
            self._db.close()
            raise _named(error, folder) from error

    def _prepare(self) -> None:
        self._db.execute("BEGIN EXCLUSIVE")
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if application == version == 0 and not self._table_names():
            for statement in schema.TABLES.split(";\n"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {schema.VERSION}")
        elif (application, version) != (schema.APPLICATION_ID, schema.VERSION):
            raise ChainFolderDamaged(self.folder, "it holds no chain of this version")
        self._db.execute("COMMIT")

    def _table_names(self) -> list[str]:
        found = self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [name for (name,) in found]

    def close(self) -> None:
        """Let the folder go. Twice is harmless."""
        self._db.close()

    # States

    def get(self, hash_: bytes, /) -> bytes | None:
        """The trie node or long value of that hash, None if unknown."""
        found = self._db.execute("SELECT encoded FROM nodes WHERE hash = ?", (hash_,)).fetchone()
        return None if found is None else found[0]

    def put_nodes(self, nodes: Mapping[bytes, bytes]) -> None:
        """Add nodes that belong to no block yet. They are named by content, so it never hurts."""
        with self._transaction():
            self._insert_nodes(nodes)

    # Blocks

    def begin(self, block: StoredBlock, nodes: Mapping[bytes, bytes], spec: str) -> None:
        """Write block 0, or check that the folder's chain starts with this one.

        Raises:
            ForeignChainFolder: the folder holds another chain.
        """
        genesis = self.hash_at(0)
        if genesis is None:
            with self._transaction():
                self._insert_block(block, nodes)
                self._put_meta("spec", spec.encode())
                self._set_head(block.hash, block.hash)
        elif genesis != block.hash:
            raise ForeignChainFolder(self.folder, self.spec, genesis, spec, block.hash)

    @property
    def spec(self) -> str:
        """Name of the spec that the chain was begun with."""
        found = self._meta("spec")
        return "" if found is None else found.decode()

    def add_block(
        self,
        block: StoredBlock,
        nodes: Mapping[bytes, bytes],
        *,
        finalised: bytes,
        offchain: Mapping[bytes, bytes | None] | None = None,
    ) -> None:
        """Make the block the best one, in one transaction: all of it or nothing.

        Args:
            block: its parent is the best block.
            nodes: what its state has and older ones lack.
            finalised: hash of the block that is final from now on.
        """
        with self._transaction():
            self._insert_block(block, nodes)
            self._db.execute(
                "INSERT OR REPLACE INTO canonical VALUES (?, ?)", (block.number, block.hash)
            )
            self._put_meta("best", block.hash)
            self._put_meta("finalised", finalised)
            for key, value in (offchain or {}).items():
                self._set_offchain(key, value)

    def set_head(self, best: bytes, finalised: bytes) -> None:
        """Make a block that is already here the best one; the chain is the way to it."""
        with self._transaction():
            self._set_head(best, finalised)

    def head(self) -> Head:
        """The best and the finalised block. Raises ChainFolderDamaged if there is none."""
        best, finalised = self._meta("best"), self._meta("finalised")
        if best is None or finalised is None:
            raise ChainFolderDamaged(self.folder, "it has no best block")
        return Head(best, self._number(best), finalised, self._number(finalised))

    def block(self, hash_: bytes) -> StoredBlock | None:
        """The block of that hash, on the chain or beside it; None if unknown."""
        row = self._db.execute(
            "SELECT number, parent, header, body FROM blocks WHERE hash = ?", (hash_,)
        ).fetchone()
        if row is None:
            return None
        return StoredBlock(hash_, row[0], row[1], row[2], tuple(_split(row[3])))

    def header(self, hash_: bytes) -> bytes | None:
        """The block's header, without reading its body."""
        row = self._db.execute("SELECT header FROM blocks WHERE hash = ?", (hash_,)).fetchone()
        return None if row is None else row[0]

    def hash_at(self, number: int) -> bytes | None:
        """The chain's block of that number, None above its end."""
        if number >= 1 << 63:  # what an SQLite integer cannot hold is no block either
            return None
        row = self._db.execute("SELECT hash FROM canonical WHERE number = ?", (number,)).fetchone()
        return None if row is None else row[0]

    def hashes_at(self, number: int) -> list[bytes]:
        """Every block of that number, the chain's first."""
        canonical = self.hash_at(number)
        rows = self._db.execute("SELECT hash FROM blocks WHERE number = ?", (number,))
        return sorted((hash_ for (hash_,) in rows), key=lambda hash_: hash_ != canonical)

    # The node's own storage

    def offchain(self, key: bytes) -> bytes | None:
        """A value of the off-chain storage, None if unset."""
        row = self._db.execute("SELECT value FROM offchain WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def set_offchain(self, key: bytes, value: bytes | None) -> None:
        """Set or (None) clear a value of the off-chain storage."""
        with self._transaction():
            self._set_offchain(key, value)

    # Within a transaction

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _insert_block(self, block: StoredBlock, nodes: Mapping[bytes, bytes]) -> None:
        self._insert_nodes(nodes)
        self._db.execute(
            "INSERT OR IGNORE INTO blocks VALUES (?, ?, ?, ?, ?)",
            (block.hash, block.number, block.parent, block.header, _join(block.extrinsics)),
        )

    def _insert_nodes(self, nodes: Mapping[bytes, bytes]) -> None:
        # In the order of the tree, pages are touched once.
        self._db.executemany("INSERT OR IGNORE INTO nodes VALUES (?, ?)", sorted(nodes.items()))

    def _set_head(self, best: bytes, finalised: bytes) -> None:
        number, hash_ = self._number(best), best
        self._db.execute("DELETE FROM canonical WHERE number > ?", (number,))
        while number >= 0 and self.hash_at(number) != hash_:
            self._db.execute("INSERT OR REPLACE INTO canonical VALUES (?, ?)", (number, hash_))
            hash_ = self._parent(hash_)
            number -= 1
        self._put_meta("best", best)
        self._put_meta("finalised", finalised)

    def _set_offchain(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._db.execute("DELETE FROM offchain WHERE key = ?", (key,))
        else:
            self._db.execute("INSERT OR REPLACE INTO offchain VALUES (?, ?)", (key, value))

    def _number(self, hash_: bytes) -> int:
        return int(self._column("number", hash_))

    def _parent(self, hash_: bytes) -> bytes:
        return bytes(self._column("parent", hash_))

    def _column(self, column: str, hash_: bytes) -> int | bytes:
        query = f"SELECT {column} FROM blocks WHERE hash = ?"  # noqa: S608 - two callers, above
        row = self._db.execute(query, (hash_,)).fetchone()
        if row is None:
            raise ChainFolderDamaged(self.folder, f"block 0x{hash_.hex()} is missing")
        value: int | bytes = row[0]
        return value

    def _meta(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def _put_meta(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def purge(folder: Path) -> bool:
    """Remove the chain of a folder, and nothing else in it.

    Returns: whether there was one.
    Raises:
        ChainFolderInUse: a process has it.
        ChainFolderDamaged: the file is no chain of ours, so it is left alone.
    """
    if not (folder / FILE_NAME).exists():
        return False
    ChainStore(folder).close()
    for name in (FILE_NAME, *SIDE_FILES):
        (folder / name).unlink(missing_ok=True)
    return True


def _named(error: Exception, folder: Path | None) -> Exception:
    if isinstance(error, ChainFolderDamaged):
        return error
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return ChainFolderInUse(folder)
    return ChainFolderDamaged(folder, str(error))


def _join(extrinsics: Sequence[bytes]) -> bytes:
    return b"".join(len(one).to_bytes(4, "little") + one for one in extrinsics)


def _split(body: bytes) -> Iterable[bytes]:
    at = 0
    while at < len(body):
        start = at + 4
        at = start + int.from_bytes(body[at:start], "little")
        yield body[start:at]
