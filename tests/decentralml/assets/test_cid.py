"""CIDs are kubo's, to the byte; texts from strangers are CIDs or refused."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.assets import cid as cids
from decentralml.assets.cid import cid_of_bytes, cid_of_path, parse, to_bytes, to_text
from decentralml.errors import BundleRefused, InvalidCid
from tests.contracts.vectors import LARGE_FILES, SMALL_FILES, VECTORS, content, grow

EMPTY_FILE = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@pytest.mark.parametrize("case", SMALL_FILES, ids=lambda case: str(case["size"]))
def test_a_files_cid_is_the_one_that_kubo_gives(case: dict[str, Any], tmp_path: Path) -> None:
    data = content(case["size"])
    file = tmp_path / "file"
    file.write_bytes(data)

    assert cid_of_path(file) == case["cid"]
    assert cid_of_bytes(data) == case["cid"]


@pytest.mark.slow
@pytest.mark.parametrize("case", LARGE_FILES, ids=lambda case: str(case.get("size", "zeros")))
def test_a_large_files_cid_is_the_one_that_kubo_gives(case: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "file"
    if "zeros" in case:
        file.touch()
        os.truncate(file, case["zeros"])
    else:
        file.write_bytes(content(case["size"]))

    assert cid_of_path(file) == case["cid"]


@pytest.mark.parametrize(
    "case",
    VECTORS["folders"],
    ids=lambda case: case.get("tree_rule", str(len(case.get("tree", {}))))[:5],
)
def test_a_folders_cid_is_the_one_that_kubo_gives(case: dict[str, Any], tmp_path: Path) -> None:
    assert cid_of_path(grow(tmp_path / "folder", case)) == case["cid"]


def test_a_hidden_file_is_part_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    without = cid_of_path(tmp_path)
    (tmp_path / ".hidden").touch()

    assert cid_of_path(tmp_path) != without


def test_a_links_cid_is_that_of_its_target_text_not_of_what_it_points_at(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("no/such/file")
    # dag-pb: field 1 (data) of 16 bytes: type 4, field 2 (target) of 12 bytes
    block = b"\x0a\x10\x08\x04\x12\x0cno/such/file"

    assert cid_of_path(link) == to_text(b"\x01\x70\x12\x20" + hashlib.sha256(block).digest())


def test_a_pipe_has_no_cid(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BundleRefused, match="neither a file nor a folder"):
        cid_of_path(tmp_path)


def test_a_name_that_is_not_text_has_no_cid(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")).touch()

    with pytest.raises(BundleRefused, match="UTF-8"):
        cid_of_path(tmp_path)


def test_progress_ends_at_all_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(3 << 20))
    (tmp_path / "b").write_bytes(bytes(5))
    seen: list[tuple[int, int]] = []

    cid_of_path(tmp_path, progress=lambda done, total: seen.append((done, total)))

    mib = 1 << 20
    all_bytes = 3 * mib + 5
    assert seen == [
        (mib, all_bytes),
        (2 * mib, all_bytes),
        (3 * mib, all_bytes),
        (all_bytes, all_bytes),
    ]


def test_the_cid_of_a_file_survives_text_and_back() -> None:
    assert to_text(to_bytes(EMPTY_FILE)) == EMPTY_FILE
    assert parse(EMPTY_FILE) == EMPTY_FILE


def _multihash(prefix: bytes) -> str:
    return "b" + base64.b32encode(prefix + bytes(32)).decode().rstrip("=").lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        EMPTY_FILE[:-1],
        EMPTY_FILE + "a",
        EMPTY_FILE.upper(),
        EMPTY_FILE[:-1] + "1",  # not in the alphabet
        EMPTY_FILE[:-1] + "v",  # the same bytes with a stray bit behind them
        " " + EMPTY_FILE[1:],
        EMPTY_FILE[:-1] + "\n",
        EMPTY_FILE[:-1] + "\N{KELVIN SIGN}",
        "../" * 19 + "..",
        "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
        "zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA",
        _multihash(b"\x01\x71\x12\x20"),  # dag-cbor
        _multihash(b"\x01\x55\x00\x20"),  # identity
        _multihash(b"\x01\x55\x1e\x20"),  # blake3
        _multihash(b"\x00\x70\x12\x20"),  # no such version
        _multihash(b"\x01\x55\x12\x1f"),  # another length
    ],
)
def test_a_text_that_is_no_cid_of_ours_is_refused(text: str) -> None:
    with pytest.raises(InvalidCid):
        parse(text)


@given(
    st.text(max_size=70)
    | st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=59, max_size=59)
)
def test_any_text_parses_to_itself_or_is_refused_by_name(text: str) -> None:
    try:
        assert parse(text) == text
    except InvalidCid as error:
        assert error.text == text


@given(st.binary(max_size=200))
def test_a_block_fits_its_own_cid_and_no_changed_block_does(block: bytes) -> None:
    cid = cids.raw_cid(block)

    assert cids.fits(cid, block)
    assert not cids.fits(cid, block + b"\0")


def test_folders_too_deep_to_walk_are_refused_not_overflowed(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 201)
    deep.mkdir(parents=True)

    cid_of_path(tmp_path / "d" / "d")
    with pytest.raises(BundleRefused, match="200 deep"):
        cid_of_path(tmp_path)
