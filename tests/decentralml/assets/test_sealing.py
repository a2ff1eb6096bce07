"""Sealed files and folders: opened by their key, whole; refused by name by everybody else."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decentralml.assets.car import CarWriter
from decentralml.assets.cid import raw_cid
from decentralml.assets.folders import folder_node
from decentralml.assets.rules import BundleLimits
from decentralml.assets.sealing.errors import (
    SealBroken,
    SealedForAnother,
    SealingError,
    SealRefused,
)
from decentralml.assets.sealing.files import open_file, seal_file
from decentralml.assets.sealing.folders import most_blocks, open_folder, seal_folder
from decentralml.assets.sealing.header import MAX_BYTES, check_header
from decentralml.assets.sealing.keys import Identity
from decentralml.assets.unixfs import CHUNK, FileTree, Link
from decentralml.errors import AssetError, BundleRefused, BundleTooLarge, ContentMismatch

MINE = Identity.new()
BY_AGE = json.loads((Path(__file__).parents[2] / "vectors" / "age.json").read_text())
ROOM = 1 << 20
AGE_CHUNK = 64 << 10
TAG = 16


def sealed(folder: Path, content: bytes, identity: Identity = MINE) -> Path:
    (folder / "plain").write_bytes(content)
    seal_file(folder / "plain", folder / "sealed", identity.public)
    return folder / "sealed"


def opened(folder: Path, data: bytes, identity: Identity = MINE, room: int = ROOM) -> bytes:
    (folder / "to-open").write_bytes(data)
    open_file(folder / "to-open", folder / "opened", identity, room)
    return (folder / "opened").read_bytes()


# Sealed once: how long a header is differs from time to time.
THREE_CHUNKS = pyrage.encrypt(
    bytes(2 * AGE_CHUNK + 5), [pyrage.x25519.Recipient.from_str(str(MINE.public))]
)


def body_of(data: bytes | bytearray) -> int:
    """Where the content begins: after the header and its nonce."""
    return data.index(b"\n", data.index(b"\n--- ") + 1) + 1 + 16


# -- files


@pytest.mark.parametrize(
    "length", [0, 1, AGE_CHUNK - 1, AGE_CHUNK, AGE_CHUNK + 1, 3 * AGE_CHUNK, 5 * AGE_CHUNK + 7]
)
def test_what_was_sealed_is_opened_by_its_key(tmp_path: Path, length: int) -> None:
    content = os.urandom(length)
    assert opened(tmp_path, sealed(tmp_path, content).read_bytes()) == content


def test_what_another_implementation_sealed_is_opened(tmp_path: Path) -> None:
    content = opened(tmp_path, base64.b64decode(BY_AGE["sealed"]), Identity(BY_AGE["secret"]))
    assert content.decode() == BY_AGE["content"]


def test_nothing_of_the_content_shows(tmp_path: Path) -> None:
    data = sealed(tmp_path, b"a secret" * 1000).read_bytes()
    assert b"secret" not in data
    assert len(data) < 8000 + MAX_BYTES


def test_nobody_else_opens_it(tmp_path: Path) -> None:
    data = sealed(tmp_path, b"mine").read_bytes()
    stranger = Identity.new()
    with pytest.raises(SealedForAnother, match=str(stranger.public)):
        opened(tmp_path, data, stranger)


def test_sealed_twice_it_is_not_the_same(tmp_path: Path) -> None:
    assert sealed(tmp_path, b"one").read_bytes() != sealed(tmp_path, b"one").read_bytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_changed_bit_is_overlooked(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(THREE_CHUNKS)
    place = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, body_of(whole) + 20))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealingError):
        opened(tmp_path, bytes(whole))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_cut_is_overlooked(tmp_path: Path, data: st.DataObject) -> None:
    first = body_of(THREE_CHUNKS)
    ends = [first, first + AGE_CHUNK + TAG, first + 2 * (AGE_CHUNK + TAG)]
    at = data.draw(st.integers(0, len(THREE_CHUNKS) - 1) | st.sampled_from(ends))
    with pytest.raises(SealingError):
        opened(tmp_path, THREE_CHUNKS[:at])


@pytest.mark.parametrize("length", [0, 5, AGE_CHUNK, AGE_CHUNK + 5])
@pytest.mark.parametrize("more", [1, AGE_CHUNK, AGE_CHUNK + TAG])
def test_what_was_extended_is_broken(tmp_path: Path, length: int, more: int) -> None:
    whole = sealed(tmp_path, bytes(length)).read_bytes()
    with pytest.raises(SealBroken, match="content was cut, extended or changed"):
        opened(tmp_path, whole + bytes(more))


def test_chunks_in_another_order_are_broken(tmp_path: Path) -> None:
    whole = sealed(tmp_path, bytes(3 * AGE_CHUNK)).read_bytes()
    first, step = body_of(whole), AGE_CHUNK + TAG
    one, two = whole[first : first + step], whole[first + step : first + 2 * step]
    with pytest.raises(SealBroken):
        opened(tmp_path, whole[:first] + two + one + whole[first + 2 * step :])


def test_a_chunk_of_another_file_is_broken(tmp_path: Path) -> None:
    whole, other = (sealed(tmp_path, bytes(2 * AGE_CHUNK)).read_bytes() for _ in range(2))
    first, theirs = body_of(whole), body_of(other)
    step = AGE_CHUNK + TAG
    mixed = whole[:first] + other[theirs : theirs + step] + whole[first + step :]
    with pytest.raises(SealBroken):
        opened(tmp_path, mixed)


def test_another_content_behind_the_header_is_broken(tmp_path: Path) -> None:
    whole, other = (sealed(tmp_path, bytes(10)).read_bytes() for _ in range(2))
    with pytest.raises(SealBroken):
        opened(tmp_path, whole[: body_of(whole)] + other[body_of(other) :])


def test_more_than_there_is_room_for_is_refused_at_the_limit(tmp_path: Path) -> None:
    data = sealed(tmp_path, bytes(300_000)).read_bytes()
    assert len(opened(tmp_path, data, room=300_000)) == 300_000
    with pytest.raises(BundleTooLarge):
        opened(tmp_path, data, room=299_999)
    assert (tmp_path / "opened").stat().st_size <= 299_999


def test_progress_ends_with_all_of_it(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    (tmp_path / "plain").write_bytes(bytes(5 << 20))
    seal_file(tmp_path / "plain", tmp_path / "sealed", MINE.public, lambda *seen: told.append(seen))
    assert told[-1] == (5 << 20, 5 << 20)
    assert all(before < after for before, after in pairwise(done for done, _ in told[:-1]))


def test_a_disk_that_is_full_is_not_blamed_on_the_seal(tmp_path: Path) -> None:
    data = sealed(tmp_path, bytes(300_000))
    with pytest.raises(OSError, match="No space left"):
        open_file(data, Path("/dev/full"), MINE, ROOM)


# -- headers


def header_of(stanzas: str) -> bytes:
    return f"age-encryption.org/v1\n{stanzas}--- {'A' * 43}\n".encode() + bytes(100)


KEY_STANZA = f"-> X25519 {'A' * 43}\n{'A' * 43}\n"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"", "does not begin"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "does not begin"),
        (header_of(KEY_STANZA).replace(b"/v1", b"/v2"), "does not begin"),
        (header_of("-> scrypt c2FsdHNhbHRzYWx0c2Fs 30\nAAAA\n"), "'scrypt'"),
        (header_of(KEY_STANZA + "-> scrypt c2FsdHNhbHRzYWx0c2Fs 99\nAAAA\n"), "'scrypt'"),
        (header_of("-> piv-p256 AAAA AAAA\nAAAA\n" + KEY_STANZA), "'piv-p256'"),
        (header_of("-> \xe9 A\nAAAA\n" + KEY_STANZA), "can be opened by"),
        (header_of(""), "no key"),
        (header_of("-> x-grease\nAAAA\n"), "no key"),
        (header_of(KEY_STANZA * 50), "longer than 4096"),
        (b"age-encryption.org/v1\n" + KEY_STANZA.encode(), "cut short"),
    ],
)
def test_a_header_for_anything_but_a_key_is_refused(
    tmp_path: Path, header: bytes, why: str
) -> None:
    with pytest.raises(SealRefused, match=why):
        opened(tmp_path, header)


def test_a_stanza_that_means_nothing_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "header").write_bytes(header_of(KEY_STANZA + "-> x}-grease AA\nAAAA\n"))
    with (tmp_path / "header").open("rb") as file:
        check_header(file)
        assert file.tell() == 0


def test_a_password_is_never_tried(tmp_path: Path) -> None:
    """Whatever its work factor: the header is refused before anything is stretched."""
    with pytest.raises(SealRefused, match="scrypt"):
        opened(tmp_path, pyrage.passphrase.encrypt(b"x", "password"))


def test_an_endless_header_is_read_to_the_limit_only(tmp_path: Path) -> None:
    (tmp_path / "endless").write_bytes(
        b"age-encryption.org/v1\n-> X25519 A\n" + (b"A" * 64 + b"\n") * 500_000
    )
    tracemalloc.start()
    try:
        with pytest.raises(SealRefused):
            open_file(tmp_path / "endless", tmp_path / "opened", MINE, ROOM)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=300), keep=st.integers(0, 400))
def test_junk_is_refused_by_name(tmp_path: Path, junk: bytes, keep: int) -> None:
    if junk != THREE_CHUNKS[keep:]:
        with pytest.raises(SealingError):
            opened(tmp_path, THREE_CHUNKS[:keep] + junk)


# -- folders


def a_folder(at: Path) -> Path:
    (at / "result").mkdir(parents=True)
    (at / "manifest.json").write_text("{}")
    (at / "result" / "model.keras").write_bytes(os.urandom(3 * CHUNK + 5))
    (at / "result" / "empty").touch()
    return at


def content_of(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_a_folder_comes_out_as_it_went_in(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "folder")
    seal_folder(folder, tmp_path / "sealed", MINE.public)
    open_folder(tmp_path / "sealed", tmp_path / "out", MINE)
    assert content_of(tmp_path / "out") == content_of(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "out", "sealed"]


def test_neither_names_nor_content_show(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "folder")
    seal_folder(folder, tmp_path / "sealed", MINE.public)
    data = (tmp_path / "sealed").read_bytes()
    assert b"model" not in data
    assert b"manifest" not in data


def test_a_folder_that_does_not_open_leaves_nothing(tmp_path: Path) -> None:
    seal_folder(a_folder(tmp_path / "folder"), tmp_path / "sealed", MINE.public)
    with pytest.raises(SealedForAnother):
        open_folder(tmp_path / "sealed", tmp_path / "out", Identity.new())
    data = (tmp_path / "sealed").read_bytes()
    (tmp_path / "sealed").write_bytes(data[:-1])
    with pytest.raises(SealBroken):
        open_folder(tmp_path / "sealed", tmp_path / "out", MINE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "sealed"]


def test_a_folder_with_a_link_is_not_sealed(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "folder")
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(BundleRefused, match="link"):
        seal_folder(folder, tmp_path / "sealed", MINE.public)
    assert not (tmp_path / "sealed").exists()


def test_a_folder_above_the_limits_is_refused_on_both_sides(tmp_path: Path) -> None:
    small = BundleLimits(max_bytes=3 * CHUNK)
    folder = a_folder(tmp_path / "folder")
    with pytest.raises(BundleTooLarge):
        seal_folder(folder, tmp_path / "sealed", MINE.public, small)
    seal_folder(folder, tmp_path / "sealed", MINE.public)
    with pytest.raises(BundleTooLarge):
        open_folder(tmp_path / "sealed", tmp_path / "out", MINE, small)


def sealed_archive(tmp_path: Path, content: bytes) -> Path:
    return sealed(tmp_path, content)


@pytest.mark.parametrize("content", [b"", b"no archive", bytes(200)])
def test_something_else_than_a_folder_inside_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SealBroken, match="no folder inside"):
        open_folder(sealed_archive(tmp_path, content), tmp_path / "out", MINE)


def test_a_single_file_inside_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "car").open("w+b") as file:
        one_file(file)
    seal_file(tmp_path / "car", tmp_path / "sealed", MINE.public)
    with pytest.raises(SealBroken, match="no folder inside"):
        open_folder(tmp_path / "sealed", tmp_path / "out", MINE)


def one_file(file: BinaryIO) -> None:
    writer = CarWriter(file)
    writer.add(raw_cid(b"file"), b"file")
    writer.finish(raw_cid(b"file"))


def test_a_name_that_climbs_is_refused_inside_a_seal_too(tmp_path: Path) -> None:
    with (tmp_path / "car").open("w+b") as file:
        writer = CarWriter(file)
        writer.add(raw_cid(b"file"), b"file")
        entry = folder_node([Link("../climbs", raw_cid(b"file"), 4)], 4, writer.add)
        writer.finish(entry.cid)
    seal_file(tmp_path / "car", tmp_path / "sealed", MINE.public)
    with pytest.raises(AssetError):
        open_folder(tmp_path / "sealed", tmp_path / "out", MINE)
    assert not (tmp_path.parent / "climbs").exists()


def test_a_small_archive_that_unfolds_to_much_is_stopped(tmp_path: Path) -> None:
    """One block of 1 MiB, 500 times in one file."""
    block = bytes(CHUNK)
    with (tmp_path / "car").open("w+b") as file:
        writer = CarWriter(file)
        tree = FileTree(writer.add)
        writer.add(raw_cid(block), block)
        for _ in range(500):
            tree.add(raw_cid(block), CHUNK)
        bomb = tree.finish()
        entry = folder_node([Link("bomb", bomb.cid, bomb.tsize)], bomb.size, writer.add)
        writer.finish(entry.cid)
    seal_file(tmp_path / "car", tmp_path / "sealed", MINE.public)
    assert (tmp_path / "sealed").stat().st_size < 2 * CHUNK
    with pytest.raises(BundleTooLarge):
        open_folder(tmp_path / "sealed", tmp_path / "out", MINE, BundleLimits(max_bytes=10 * CHUNK))
    assert not (tmp_path / "out").exists()


def test_an_archive_of_countless_blocks_is_stopped_before_its_index_fills_the_memory(
    tmp_path: Path,
) -> None:
    limits = BundleLimits(max_bytes=CHUNK, max_entries=10)
    with (tmp_path / "car").open("w+b") as file:
        writer = CarWriter(file)
        for number in range(most_blocks(limits) + 1):
            writer.add(raw_cid(b"%d" % number), b"%d" % number)
        writer.finish(raw_cid(b"0"))
    seal_file(tmp_path / "car", tmp_path / "sealed", MINE.public)
    with pytest.raises(ContentMismatch, match="more than"):
        open_folder(tmp_path / "sealed", tmp_path / "out", MINE, limits)


def test_a_large_folder_takes_little_memory(tmp_path: Path) -> None:
    """200 MB, by a process of its own; what Python alone takes comes off."""
    script = """
import resource, sys
from pathlib import Path
from decentralml.assets.sealing.folders import open_folder, seal_folder
from decentralml.assets.sealing.keys import Identity
place, size, mine = Path(sys.argv[1]), int(sys.argv[2]), Identity.new()
(place / "folder").mkdir(parents=True)
with (place / "folder" / "file").open("wb") as file:
    file.truncate(size)
seal_folder(place / "folder", place / "sealed", mine.public)
open_folder(place / "sealed", place / "out", mine)
assert (place / "out" / "file").stat().st_size == size
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

    def peak(name: str, size: int) -> int:
        arguments = [sys.executable, "-c", script, str(tmp_path / name), str(size)]
        return int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)

    small, large = peak("small", 1 << 20), peak("large", 200 << 20)
    assert large - small < 30 << 10  # KiB
