"""How blocks are cut into parts, and that anybody's index is understood exactly or refused."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.assets.car import HEADER_LENGTH, CarReader, CarWriter, header
from decentralml.assets.cid import node_cid, raw_cid, to_text
from decentralml.assets.cloud.layout import (
    PART,
    Block,
    Layout,
    bundle_key,
    decode,
    is_part_name,
    lay_out,
    parts_folder,
    section_head,
)
from decentralml.assets.unixfs import MAX_BLOCK
from decentralml.errors import ContentMismatch

MIB = 1 << 20
ROOT = node_cid(b"the root")


def blocks(*lengths: int) -> list[Block]:
    """Blocks of these lengths, the last of which is the root."""
    named = [(raw_cid(b"%d" % number), length) for number, length in enumerate(lengths)]
    return [*named[:-1], (ROOT, lengths[-1])]


lengths = st.lists(
    st.one_of(st.integers(0, 300), st.integers(0, MAX_BLOCK)), min_size=1, max_size=60
)


@given(lengths)
def test_parts_are_as_long_as_they_may_be_and_no_block_is_cut(of: list[int]) -> None:
    layout = lay_out(ROOT, blocks(*of))

    assert layout.parts[0].first == 0
    assert layout.parts[-1].end == len(of)
    for part, after in zip(layout.parts, layout.parts[1:], strict=False):
        cid, length = layout.blocks[after.first]
        assert part.end == after.first
        assert part.size <= PART < part.size + len(section_head(cid, length)) + length


@given(lengths)
def test_an_index_is_read_as_it_was_written(of: list[int]) -> None:
    layout = lay_out(ROOT, blocks(*of))

    read = decode(ROOT, layout.encode())

    assert read.blocks == layout.blocks
    assert read.parts == layout.parts
    assert read.spots == layout.spots


def test_the_parts_together_are_the_car_file(tmp_path: object) -> None:
    content = [os.urandom(length) for length in (5 * MIB // 4, 0, 1, 127, 128, 2 * MIB, 2 * MIB)]
    table = [(raw_cid(block), len(block)) for block in content] * 2
    root = table[-1][0]
    car = io.BytesIO()
    writer = CarWriter(car)
    for (cid, _), block in zip(table, content * 2, strict=True):
        writer.add(cid, block)
    writer.finish(root)

    layout = lay_out(root, list(dict.fromkeys(table)))

    assert layout.size == len(car.getvalue())
    starts = [sum(part.size for part in layout.parts[:number]) for number in range(9)]
    for (cid, _), block in zip(table, content * 2, strict=True):
        spot = layout.spots[cid]
        at = starts[spot.part] + spot.start
        assert car.getvalue()[at : at + spot.length] == block


def test_the_first_part_begins_with_the_header() -> None:
    layout = lay_out(ROOT, blocks(10))

    assert layout.spots[ROOT].start == HEADER_LENGTH + len(section_head(ROOT, 10))
    assert len(header(ROOT)) == HEADER_LENGTH


def test_a_part_is_named_for_what_is_in_it() -> None:
    one = lay_out(ROOT, blocks(5 * MIB, 5 * MIB, 1))
    other = lay_out(ROOT, blocks(5 * MIB, 5 * MIB, 2))

    assert [part.name[:6] for part in one.parts] == ["00000-", "00001-"]
    assert one.parts[0].name == other.parts[0].name
    assert one.parts[1].name != other.parts[1].name
    assert all(is_part_name(part.name) for part in one.parts)


@pytest.mark.parametrize(
    "name", ["", "0-00", "00000-" + "g" * 32, "00000-" + "0" * 33, "../00000-" + "0" * 32, "x"]
)
def test_other_names_are_no_parts(name: str) -> None:
    assert not is_part_name(name)


def altered(change: Callable[[dict[str, object]], object]) -> bytes:
    head, _, table = lay_out(ROOT, blocks(1, 2, 3)).encode().partition(b"\n")
    read = json.loads(head)
    change(read)
    return json.dumps(read).encode() + b"\n" + table


GOOD = lay_out(ROOT, blocks(1, 2, 3)).encode()
_, _, TABLE = GOOD.partition(b"\n")


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"\n",
        GOOD[:-1],
        GOOD[:-40],
        GOOD + TABLE[:40],
        GOOD[: -2 * 40] + TABLE[:40] * 2,
        GOOD.replace(b"\x01\x70\x12\x20", b"\x01\x71\x12\x20"),
        GOOD[:-4] + (MAX_BLOCK + 1).to_bytes(4, "big"),
        altered(lambda head: head.update(root=to_text(raw_cid(b"another")))),
        altered(lambda head: head.update(parts=[2])),
        altered(lambda head: head.update(parts=[4, -1])),
        altered(lambda head: head.update(parts=[3, 0])),
        altered(lambda head: head.update(parts=[True, 2])),
        altered(lambda head: head.update(parts=[1.0, 2.0])),
        altered(lambda head: head.update(parts="3")),
        altered(lambda head: head.pop("parts")),
        altered(lambda head: head.pop("version")),
        b"[]\n" + TABLE,
        b"[" * 100_000 + b"\n" + TABLE,
        b"\xff\n" + TABLE,
        b" " * (1 << 21) + GOOD,
    ],
)
def test_a_malformed_index_is_refused(index: bytes) -> None:
    with pytest.raises(ContentMismatch):
        decode(ROOT, index)


def test_an_index_without_its_root_is_refused() -> None:
    layout = Layout(ROOT, [(raw_cid(b"another"), 1)], [1])

    with pytest.raises(ContentMismatch):
        decode(ROOT, layout.encode())


def test_an_index_of_a_later_version_is_refused_as_such() -> None:
    with pytest.raises(ContentMismatch, match="another version"):
        decode(ROOT, altered(lambda head: head.update(version=2)))


@settings(max_examples=300)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_read_as_another_table(at: int, flip: int) -> None:
    index = bytearray(GOOD)
    index[at] ^= flip

    try:
        layout = decode(ROOT, bytes(index))
    except ContentMismatch:
        return

    assert layout.root == ROOT
    assert ROOT in layout.spots
    assert sum(len(section_head(*block)) + block[1] for block in layout.blocks) == (
        layout.size - HEADER_LENGTH
    )


def test_the_car_of_the_parts_is_read_by_the_reader_of_local_files(tmp_path: object) -> None:
    block = b"content"
    cid = raw_cid(block)
    layout = lay_out(cid, [(cid, len(block))])
    car = header(cid) + section_head(cid, len(block)) + block
    path = tmp_path / "file.car"  # type: ignore[operator]
    path.write_bytes(car)

    assert len(car) == layout.size
    with path.open("rb") as file:
        assert CarReader(file, cid).get(cid) == block


def test_a_bundles_objects_lie_in_two_folders() -> None:
    cid = to_text(ROOT)

    assert bundle_key(cid) == f"bundles/{cid}"
    assert parts_folder(cid) == f"parts/{cid}"
