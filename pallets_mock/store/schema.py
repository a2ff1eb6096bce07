"""The tables. A change here raises VERSION, so that an older folder is refused, not misread."""

APPLICATION_ID = 0x444D4C43  # "DMLC", in the file's header: what `file` and SQLite tools show
VERSION = 1

TABLES = """
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- Every block ever sealed, also those that a reorganisation or a revert left behind.
CREATE TABLE blocks (
    hash BLOB PRIMARY KEY,
    number INTEGER NOT NULL,
    parent BLOB NOT NULL,
    header BLOB NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX blocks_by_number ON blocks (number);

-- The chain from block 0 to the best one.
CREATE TABLE canonical (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
);

-- Trie nodes and long values by their blake2b-256: the state of every block.
CREATE TABLE nodes (
    hash BLOB PRIMARY KEY,
    encoded BLOB NOT NULL
) WITHOUT ROWID;

-- The node's own storage, no part of the state.
CREATE TABLE offchain (
    key BLOB PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
"""

OPENING = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
"""
"""EXCLUSIVE: the file is this process' until it ends, however it ends."""

WRITTEN = "PRAGMA synchronous = NORMAL"
"""What was committed is the operating system's: it survives the process, however that ends."""

ON_THE_DISK = "PRAGMA synchronous = FULL"
"""What was committed is on the disk: it survives the machine, too."""
