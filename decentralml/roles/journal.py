"""What a person's role has done, kept so that a restart goes on instead of starting over.

Two kinds of entry:

* A *call*: the signed bytes are written before they are sent, the receipt after. Since submitting
  the same signed bytes twice is harmless, a restart that finds a signed call without a receipt
  submits it again and learns how it ended.
* A *note*: a small fact by name (an upload's CID, a decision, how often a run failed).

SQLite in WAL mode with ``synchronous=FULL``: an entry that was written survives a power cut. Of
entries that a restart finds out again, the last ones may be lost by a power cut (by nothing less):
how a call ended, which submitting the same bytes tells, and notes that are written ``cheaply``.
Waiting for the disk was a third of what a round takes besides training.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from decentralml.errors import JournalUnusable

VERSION = 1

_SCHEMA = """
CREATE TABLE calls (
    key TEXT PRIMARY KEY, intent TEXT NOT NULL, state TEXT NOT NULL,
    signed TEXT NOT NULL, outcome TEXT, attempts INTEGER NOT NULL, changed REAL NOT NULL
) STRICT;
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL, changed REAL NOT NULL) STRICT;
"""


class CallState(Enum):
    """How far a call has come."""

    SIGNED = "signed"  # may or may not be on chain: submit the same bytes again
    DONE = "done"  # in a block and successful; the outcome is its receipt
    FAILED = "failed"  # in a block and refused; the outcome is the error's words


@dataclass(frozen=True, slots=True)
class CallEntry:
    """One step on chain.

    Attributes:
        key: the step's name, for example ``send/12/1``.
        intent: the call in words, to notice that a step is asked for again with other arguments.
        signed: the signed call, as its own JSON.
        outcome: the receipt's JSON, or the error's words; None while it is only signed.
        attempts: how often the step was begun anew after a refusal, counted from 1.
    """

    key: str
    intent: str
    state: CallState
    signed: str
    outcome: str | None
    attempts: int


class Journal:
    """The journal in one SQLite file; created when it is missing.

    Args:
        path: the file; its folder must exist.

    Raises:
        JournalUnusable: the file is no journal, is damaged, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise JournalUnusable(path, str(error)) from error

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={VERSION}")
        if version > VERSION:
            raise JournalUnusable(self.path, f"it is of version {version}, newer than {VERSION}")

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)

    def call(self, key: str) -> CallEntry | None:
        """The entry of this step, or None when it was never begun."""
        row = self._db.execute(
            "SELECT key, intent, state, signed, outcome, attempts FROM calls WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else _entry(row)

    def calls(self, prefix: str = "", state: CallState | None = None) -> Iterator[CallEntry]:
        """All steps whose key begins with ``prefix``, only those in ``state``, ordered by key."""
        wanted = None if state is None else state.value
        rows = self._db.execute(
            "SELECT key, intent, state, signed, outcome, attempts FROM calls"
            " WHERE key >= ? AND key < ? AND (? IS NULL OR state = ?) ORDER BY key",
            (*_range(prefix), wanted, wanted),
        ).fetchall()
        return map(_entry, rows)

    def count(self, prefix: str) -> int:
        """How many steps there are whose key begins with ``prefix``."""
        (count,) = self._db.execute(
            "SELECT COUNT(*) FROM calls WHERE key >= ? AND key < ?", _range(prefix)
        ).fetchone()
        return int(count)

    def write_signed(self, key: str, intent: str, signed: str) -> None:
        """Record the signed bytes that are about to be sent for this step.

        Also replaces the bytes of a step that had to be signed anew. A step that is done stays
        done.

        Raises:
            JournalUnusable: the step is done already; sending it again would do it twice.
        """
        written = self._db.execute(
            "INSERT INTO calls VALUES (?, ?, 'signed', ?, NULL, 1, ?)"
            " ON CONFLICT (key) DO UPDATE SET intent = excluded.intent, signed = excluded.signed,"
            " attempts = attempts + (state = 'failed'), state = 'signed', outcome = NULL,"
            " changed = excluded.changed WHERE state <> 'done'",
            (key, intent, signed, time.time()),
        )
        if written.rowcount != 1:
            raise JournalUnusable(self.path, f"the step {key} is done and cannot be signed again")

    def write_done(self, key: str, receipt: str) -> None:
        """Record that the step's call is in a block and succeeded."""
        self._end(key, CallState.DONE, receipt)

    def write_failed(self, key: str, error: str) -> None:
        """Record that the step's call is in a block and was refused: it may be signed anew."""
        self._end(key, CallState.FAILED, error)

    def _end(self, key: str, state: CallState, outcome: str) -> None:
        with self._cheaply():
            self._db.execute(
                "UPDATE calls SET state = ?, outcome = ?, changed = ?"
                " WHERE key = ? AND state = 'signed'",
                (state.value, outcome, time.time(), key),
            )

    def note(self, key: str) -> str | None:
        """The note of that name, or None."""
        row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def notes(self, prefix: str = "") -> dict[str, str]:
        """All notes whose name begins with ``prefix``, ordered by name."""
        rows = self._db.execute(
            "SELECT key, value FROM notes WHERE key >= ? AND key < ? ORDER BY key", _range(prefix)
        ).fetchall()
        return {str(key): str(value) for key, value in rows}

    def write_note(self, key: str, value: str, *, cheaply: bool = False) -> None:
        """Record a fact, replacing what stood under that name.

        Args:
            cheaply: do not wait for the disk: for what is merely found out again when a power cut
                takes it.
        """
        with self._cheaply() if cheaply else nullcontext():
            self._db.execute(
                "INSERT INTO notes VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE"
                " SET value = excluded.value, changed = excluded.changed",
                (key, value, time.time()),
            )

    @contextmanager
    def _cheaply(self) -> Iterator[None]:
        """What is written meanwhile reaches the disk with the next entry that waits for it."""
        self._db.execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            self._db.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        """Close the file. Not needed for what was written to be safe."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Transaction:
    """``BEGIN IMMEDIATE`` … ``COMMIT``, so that two processes cannot both create the tables."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _entry(row: tuple[str, str, str, str, str | None, int]) -> CallEntry:
    key, intent, state, signed, outcome, attempts = row
    return CallEntry(key, intent, CallState(state), signed, outcome, attempts)


def _range(prefix: str) -> tuple[str, str]:
    """The keys that begin with ``prefix`` lie from the first to before the second."""
    return prefix, prefix + chr(0x10FFFF)
