"""A chain's folder: what was written is there again, and nobody else's is touched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import pytest

from pallets_mock.errors import ChainFolderDamaged, ChainFolderInUse, ForeignChainFolder
from pallets_mock.store import ChainStore, StoredBlock
from pallets_mock.store.sqlite import FILE_NAME, purge


def block(number: int, parent: bytes = bytes(32), salt: bytes = b"") -> StoredBlock:
    header = b"header %d " % number + parent + salt
    name = blake2b(header, digest_size=32).digest()
    return StoredBlock(name, number, parent, header, (b"one", b"", b"x" * 300))


def chain(store: ChainStore, length: int) -> list[StoredBlock]:
    """Block 0 and `length` more, each final at once."""
    blocks = [block(0)]
    store.begin(blocks[0], {b"n" * 32: b"node"}, "development")
    for number in range(1, length + 1):
        blocks.append(block(number, blocks[-1].hash))
        store.add_block(blocks[-1], {}, finalised=blocks[-1].hash)
    return blocks


def test_what_was_written_is_there_when_the_folder_is_opened_again(tmp_path: Path):
    store = ChainStore(tmp_path)
    blocks = chain(store, 3)
    store.close()

    again = ChainStore(tmp_path)

    assert [again.block(b.hash) for b in blocks] == blocks
    assert again.head().best == again.head().finalised == blocks[3].hash
    assert again.get(b"n" * 32) == b"node"
    again.close()


def test_an_unknown_hash_is_none_not_an_error():
    store = ChainStore()
    chain(store, 1)
    assert store.get(bytes(32)) is None
    assert store.block(bytes(32)) is None
    assert store.header(bytes(32)) is None
    assert store.hash_at(2) is None
    assert store.hash_at(1 << 64) is None


def test_a_head_set_back_shortens_the_chain_and_keeps_the_blocks():
    store = ChainStore()
    blocks = chain(store, 4)

    store.set_head(blocks[2].hash, blocks[1].hash)

    assert store.head().best_number == 2
    assert store.head().finalised_number == 1
    assert store.hash_at(3) is None
    assert store.block(blocks[4].hash) == blocks[4]


def test_a_head_on_a_branch_renames_the_chain_down_to_the_fork():
    store = ChainStore()
    blocks = chain(store, 3)
    store.set_head(blocks[1].hash, blocks[0].hash)
    other = block(2, blocks[1].hash, b"other")
    store.add_block(other, {}, finalised=blocks[0].hash)
    assert store.hash_at(2) == other.hash

    store.set_head(blocks[3].hash, blocks[0].hash)

    assert [store.hash_at(n) for n in range(4)] == [b.hash for b in blocks]
    assert store.hashes_at(2) == [blocks[2].hash, other.hash]


def test_a_second_process_is_refused_while_the_first_lives(tmp_path: Path):
    first = ChainStore(tmp_path)
    chain(first, 1)
    code = (
        "import sys; from pathlib import Path; from pallets_mock.store import ChainStore\n"
        "from pallets_mock.errors import ChainFolderInUse\n"
        "try: ChainStore(Path(sys.argv[1]))\n"
        "except ChainFolderInUse as error: print(error)\n"
    )
    second = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=30
    )
    assert f"another process runs the chain in {tmp_path}" in second.stdout

    first.close()
    ChainStore(tmp_path).close()


def test_another_genesis_is_refused_by_name(tmp_path: Path):
    store = ChainStore(tmp_path)
    chain(store, 1)
    with pytest.raises(ForeignChainFolder, match=r"holds the chain 'development'.*not 'local'"):
        store.begin(block(0, salt=b"other"), {}, "local")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / FILE_NAME).write_bytes(b"my diary" * 200)
    with pytest.raises(ChainFolderDamaged):
        ChainStore(tmp_path)
    with pytest.raises(ChainFolderDamaged):
        purge(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == b"my diary" * 200


def test_a_database_of_somebody_else_is_refused_and_left_alone(tmp_path: Path):
    theirs = sqlite3.connect(tmp_path / FILE_NAME)
    theirs.execute("CREATE TABLE recipes (name TEXT)")
    theirs.commit()
    theirs.close()
    with pytest.raises(ChainFolderDamaged):
        purge(tmp_path)
    assert (tmp_path / FILE_NAME).exists()


def test_purge_removes_the_chain_and_nothing_else(tmp_path: Path):
    store = ChainStore(tmp_path)
    chain(store, 1)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ChainFolderInUse):
        purge(tmp_path)
    store.close()

    assert purge(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert not purge(tmp_path)


def test_a_failed_write_leaves_nothing_of_the_block():
    store = ChainStore()
    blocks = chain(store, 1)
    bad = StoredBlock(b"h" * 32, 2, blocks[1].hash, b"header", (b"one",))
    with pytest.raises(TypeError):
        store.add_block(bad, {b"k" * 32: b"node", 5: b"no hash"}, finalised=b"h" * 32)  # type: ignore[dict-item]

    assert store.block(bad.hash) is None
    assert store.get(b"k" * 32) is None
    assert store.head().best == blocks[1].hash


def test_offchain_values_are_set_read_and_cleared():
    store = ChainStore()
    store.set_offchain(b"a", b"1")
    store.set_offchain(b"b", b"")
    store.set_offchain(b"a", None)
    assert store.offchain(b"a") is None
    assert store.offchain(b"b") == b""


@pytest.mark.parametrize(("durable", "level"), [(False, 1), (True, 2)])
def test_only_a_durable_store_waits_for_the_disk(tmp_path: Path, durable: bool, level: int):
    store = ChainStore(tmp_path, durable=durable)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (level,)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()
