"""CAR files from anybody: what is kept, and what is refused by name with nothing kept at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from decentralml.assets import carfile
from decentralml.assets.car import CarWriter, header
from decentralml.assets.cid import cid_of_bytes, node_cid, raw_cid, to_bytes, to_text
from decentralml.assets.composing import Part
from decentralml.assets.exporting import export_content, export_parts
from decentralml.assets.importing import import_car
from decentralml.assets.local import LocalStore
from decentralml.assets.rules import BundleLimits
from decentralml.assets.unixfs import Link, directory_data, encode_node, varint
from decentralml.errors import AssetError, BundleRefused, CarRefused, ContentMismatch
from tests.contracts.store import bundle, tree_of

__all__ = ["bundle"]


@pytest.fixture
def origin(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "origin")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def car(origin: LocalStore, bundle: Path, tmp_path: Path) -> Path:
    """A bundle, exported."""
    file = tmp_path / "bundle.car"
    export_content(origin, origin.put_folder(bundle), file)
    return file


@pytest.fixture
def task(origin: LocalStore, bundle: Path, tmp_path: Path) -> Path:
    """A bundle and a model, exported as parts."""
    (tmp_path / "model").write_bytes(b"model")
    parts = [
        Part("bundle", origin.put_folder(bundle)),
        Part("models/round-1", origin.put_file(tmp_path / "model")),
    ]
    export_parts(origin, parts, {"task": 3}, tmp_path / "task.car")
    return tmp_path / "task.car"


def section(cid: bytes, block: bytes) -> bytes:
    return varint(len(cid) + len(block)) + cid + block


def assert_refused(store: LocalStore, file: Path, why: str, kind: type[AssetError]) -> None:
    """In one line that names it; and the store is as it was."""
    with pytest.raises(kind, match=why) as refused:
        import_car(store, file)
    assert "\n" not in str(refused.value)
    assert list(store.list()) == []


def test_one_content_is_kept_under_its_own_name(
    store: LocalStore, car: Path, bundle: Path, tmp_path: Path
) -> None:
    brought = import_car(store, car)

    assert brought.parts == (Part("", brought.root),)
    assert list(store.list()) == [brought.root]
    store.fetch(brought.root, tmp_path / "copy")
    assert tree_of(tmp_path / "copy") == tree_of(bundle)


def test_a_tasks_parts_are_kept_each_under_its_own_name(
    store: LocalStore, origin: LocalStore, task: Path
) -> None:
    brought = import_car(store, task)

    assert {part.path for part in brought.parts} == {"bundle", "models/round-1"}
    assert brought.page["task"] == 3
    assert list(store.list()) == list(origin.list())
    for cid in store.list():
        store.verify(cid)


def test_importing_again_is_no_error(store: LocalStore, task: Path) -> None:
    assert import_car(store, task) == import_car(store, task)


def test_an_import_that_was_stopped_keeps_only_whole_contents_and_goes_on(
    store: LocalStore, task: Path
) -> None:
    class Stopped(Exception):
        pass

    calls: list[int] = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if calls.count(done) == 2 and len(calls) > 12:
            raise Stopped

    with pytest.raises(Stopped):
        import_car(store, task, stop)
    for cid in store.list():
        store.verify(cid)

    import_car(store, task)
    assert len(list(store.list())) == 2


def test_a_raw_block_alone_is_a_content(store: LocalStore, tmp_path: Path) -> None:
    cid = raw_cid(b"alone")
    (tmp_path / "f.car").write_bytes(header(cid) + section(cid, b"alone"))

    assert import_car(store, tmp_path / "f.car").root == cid_of_bytes(b"alone")


def test_a_block_that_repeats_is_taken_once(store: LocalStore, tmp_path: Path) -> None:
    cid = raw_cid(b"twice")
    (tmp_path / "f.car").write_bytes(header(cid) + 2 * section(cid, b"twice"))

    import_car(store, tmp_path / "f.car")

    assert store.size(cid_of_bytes(b"twice")) < 120


def test_a_repeat_with_other_bytes_is_refused(store: LocalStore, tmp_path: Path) -> None:
    cid = raw_cid(b"twice")
    forged = section(cid, b"twice") + section(cid, b"other")
    (tmp_path / "f.car").write_bytes(header(cid) + forged)

    assert_refused(store, tmp_path / "f.car", "other bytes for its block", CarRefused)


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_a_flipped_bit_is_refused(store: LocalStore, task: Path, where: float) -> None:
    data = bytearray(task.read_bytes())
    data[int(len(data) * where)] ^= 1
    task.write_bytes(data)

    with pytest.raises(AssetError):
        import_car(store, task)
    assert list(store.list()) == []


def test_a_small_file_is_refused_with_any_bit_flipped_and_cut_anywhere(
    store: LocalStore, origin: LocalStore, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"x")
    file = tmp_path / "small.car"
    export_parts(origin, [Part("bundle", origin.put_file(tmp_path / "x"))], {}, file)
    intact = file.read_bytes()

    for at in range(len(intact)):
        for wrong in (intact[:at], intact[:at] + bytes([intact[at] ^ 1]) + intact[at + 1 :]):
            file.write_bytes(wrong)
            with pytest.raises(AssetError):
                import_car(store, file)
    assert list(store.list()) == []


def test_a_missing_block_is_refused(store: LocalStore, car: Path) -> None:
    data = car.read_bytes()
    at = data.index(b"\xa4\x80\x40\x01\x55")  # the first section of 1 MiB
    car.write_bytes(data[:at] + data[at + 3 + 36 + (1 << 20) :])

    assert_refused(store, car, "is missing", ContentMismatch)


def test_a_block_besides_those_of_the_root_is_refused(store: LocalStore, car: Path) -> None:
    with car.open("ab") as file:
        file.write(section(raw_cid(b"stowaway"), b"stowaway"))

    assert_refused(store, car, "does not lead to its block", CarRefused)


OTHER_CIDS = {
    r"dag-cbor \(0x71\) with sha2-256": b"\x01\x71\x12\x20" + bytes(32),
    r"raw \(0x55\) with sha2-512": b"\x01\x55\x13\x40" + bytes(64),
    r"raw \(0x55\) with identity": b"\x01\x55\x00\x03abc",
    r"codec \(0x1234\) with hash \(0xb220\)": b"\x01\xb4\x24\xa0\xe4\x02\x20" + bytes(32),
    "a CID of version 0": b"\x12\x20" + hashlib.sha256(b"").digest(),
    "no CID of version 1": b"\x07" * 40,
}


@pytest.mark.parametrize("named", OTHER_CIDS)
def test_blocks_of_other_kinds_are_refused_by_name(
    store: LocalStore, car: Path, named: str
) -> None:
    with car.open("ab") as file:
        file.write(section(OTHER_CIDS[named], b""))

    assert_refused(store, car, named, CarRefused)


def body(roots: bytes, version: bytes = b"\x01") -> bytes:
    inside = b"\xa2\x65roots" + roots + b"\x67version" + version
    return varint(len(inside)) + inside


LINK = b"\xd8\x2a\x58\x25\x00" + raw_cid(b"")
HEADERS = {
    "no CAR file": b"PK\x03\x04" + bytes(100),
    "it is no CAR file": b"",
    "version 2": b"\x0a\xa1\x67version\x02" + bytes(40),
    "0 roots instead": body(b"\x80"),
    "2 roots instead": body(b"\x82" + LINK + LINK),
    "many roots": body(b"\x98\x20" + LINK * 32),
    "its root is no CID": body(b"\x81\xd8\x2a\x58\x25\x00\x01\x71\x12\x20" + bytes(32)),
    "not written as": body(b"\x81" + LINK, b"\x03"),
}


@pytest.mark.parametrize("named", HEADERS)
def test_other_headers_are_refused_by_name(store: LocalStore, tmp_path: Path, named: str) -> None:
    (tmp_path / "f.car").write_bytes(HEADERS[named])

    assert_refused(store, tmp_path / "f.car", named, CarRefused)


def test_a_length_that_is_forbidden_or_does_not_end_is_refused(
    store: LocalStore, tmp_path: Path
) -> None:
    cid = raw_cid(b"x")
    for wrong in (varint(3 << 20) + cid, b"\xff" * 10, varint(35) + cid):
        (tmp_path / "f.car").write_bytes(header(cid) + section(cid, b"x") + wrong + bytes(99))
        assert_refused(store, tmp_path / "f.car", "length|named by", AssetError)


def test_more_blocks_than_any_file_has_are_refused(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carfile, "MAX_BLOCKS", 3)
    cids = [raw_cid(b"%d" % number) for number in range(4)]
    sections = [section(cid, b"%d" % number) for number, cid in enumerate(cids)]
    (tmp_path / "f.car").write_bytes(header(cids[0]) + b"".join(sections))

    assert_refused(store, tmp_path / "f.car", "more than 3 blocks", ContentMismatch)


def test_content_that_expands_beyond_the_limits_is_refused(
    store: LocalStore, tmp_path: Path
) -> None:
    """A small file: each folder holds the one below it ten times."""
    file = tmp_path / "bomb.car"
    with file.open("w+b") as out:
        writer = CarWriter(out)
        cid, tsize = raw_cid(bytes(1000)), 1000
        writer.add(cid, bytes(1000))
        for _ in range(9):
            links = [Link(f"n{name}", cid, tsize) for name in range(10)]
            block = encode_node(links, directory_data())
            cid, tsize = node_cid(block), len(block) + 10 * tsize
            writer.add(cid, block)
        writer.finish(cid)

    with pytest.raises(AssetError, match="more than"):
        import_car(store, file, limits=BundleLimits(max_entries=1000))
    assert list(store.list()) == []


def test_names_that_climb_are_refused(store: LocalStore, tmp_path: Path) -> None:
    leaf = raw_cid(b"x")
    block = encode_node([Link("../up", leaf, 1)], directory_data())
    root = node_cid(block)
    parts = header(root) + section(root, block) + section(leaf, b"x")
    (tmp_path / "f.car").write_bytes(parts)

    assert_refused(store, tmp_path / "f.car", "separator", BundleRefused)


def folder_car(file: Path, content: bytes) -> None:
    """A folder with this ``parts.json`` and nothing else."""
    leaf = raw_cid(content)
    block = encode_node([Link("parts.json", leaf, len(content))], directory_data())
    root = node_cid(block)
    file.write_bytes(header(root) + section(root, block) + section(leaf, content))


def page(**said: object) -> bytes:
    return json.dumps({"format": "decentralml-parts-1", **said}).encode()


FOREIGN = to_text(raw_cid(os.urandom(8)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (page(parts={"bundle": FOREIGN}), "does not fit .* is missing"),
        (page(parts={"bundle": "../../etc/passwd"}), "does not fit .* no content identifier"),
        (page(parts={}), "names no parts"),
        (page(parts=["bundle"]), "names no parts"),
    ],
)
def test_a_page_that_does_not_fit_is_refused(
    store: LocalStore, tmp_path: Path, content: bytes, words: str
) -> None:
    folder_car(tmp_path / "f.car", content)

    assert_refused(store, tmp_path / "f.car", words, CarRefused)


@pytest.mark.parametrize(
    "content", [b"{}", b"[" * 100_000, b"\xff", b'{"format": "other", "parts": {}}']
)
def test_a_file_that_happens_to_have_the_pages_name_is_just_a_file(
    store: LocalStore, tmp_path: Path, content: bytes
) -> None:
    folder_car(tmp_path / "f.car", content)

    brought = import_car(store, tmp_path / "f.car")

    assert list(store.list()) == [brought.root]


def renamed(page_said: dict[str, object]) -> dict[str, object]:
    parts = page_said["parts"]
    assert isinstance(parts, dict)
    return {**page_said, "parts": {"models/round-9": parts["models/round-1"], **parts}}


def less(page_said: dict[str, object]) -> dict[str, object]:
    parts = page_said["parts"]
    assert isinstance(parts, dict)
    return {**page_said, "parts": {"bundle": parts["bundle"]}}


@pytest.mark.parametrize("changed", [renamed, less])
def test_a_page_that_names_more_or_less_than_the_folder_has_is_refused(
    store: LocalStore,
    origin: LocalStore,
    task: Path,
    tmp_path: Path,
    changed: Callable[[dict[str, object]], dict[str, object]],
) -> None:
    """The folder is sound, every block fits; only the page does not tell the truth."""
    whole = LocalStore(tmp_path / "whole")
    (tmp_path / "whole").mkdir()
    root = import_car(store, task).root
    store.gc(set())
    task.rename(tmp_path / "whole" / f"{root}.car")
    whole.fetch(root, tmp_path / "folder")
    said = tmp_path / "folder" / "parts.json"
    said.write_text(json.dumps(changed(json.loads(said.read_text()))))
    forged = whole.put_folder(tmp_path / "folder")

    assert_refused(store, whole.root / f"{forged}.car", "names other content", CarRefused)
    assert to_bytes(forged)
