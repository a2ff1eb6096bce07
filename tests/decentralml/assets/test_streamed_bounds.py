"""How long a block of a stream may be, and how much of a stream is held or read in vain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from decentralml.assets.car import header
from decentralml.assets.cid import raw_cid
from decentralml.assets.streamed import StreamedSource, car_blocks
from decentralml.assets.unixfs import MAX_BLOCK, varint

BLOCKS = [b"block %d" % number * (number + 1) for number in range(5)]
CIDS = [raw_cid(block) for block in BLOCKS]
ROOT = CIDS[0]


def section(block: bytes) -> bytes:
    cid = raw_cid(block)
    return varint(len(cid) + len(block)) + cid + block


class Stream:
    """Blocks in this order, a chunk each; knows how many were read."""

    def __init__(self, *order: int) -> None:
        self.order, self.read = order, 0

    def __iter__(self) -> Iterator[bytes]:
        yield header(ROOT)
        for number in self.order:
            self.read += 1
            yield section(BLOCKS[number])


class Store:
    """Gives any of the blocks alone, and remembers which it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def get(self, cid: bytes) -> bytes:
        self.asked.append(CIDS.index(cid))
        return BLOCKS[CIDS.index(cid)]


@pytest.mark.parametrize("length", [0, 1, MAX_BLOCK])
def test_a_block_of_any_length_that_is_allowed_comes(length: int) -> None:
    block = bytes(length)
    stream = [header(ROOT), section(block), section(b"the next")]
    assert [found for _, found in car_blocks(stream, ROOT)] == [block, b"the next"]


def test_a_longer_block_ends_the_stream_and_is_not_gathered() -> None:
    gathered = 0

    def chunks() -> Iterator[bytes]:
        nonlocal gathered
        yield header(ROOT) + section(b"before")
        data = memoryview(section(bytes(MAX_BLOCK + 1)))
        for start in range(0, len(data), 1 << 16):
            gathered += 1 << 16
            yield bytes(data[start : start + (1 << 16)])

    assert [found for _, found in car_blocks(chunks(), ROOT)] == [b"before"]
    assert gathered == 1 << 16


def test_no_more_is_read_than_may_be_held() -> None:
    stream, store = Stream(0, 1, 2, 3), Store()
    source = StreamedSource(stream, ROOT, store.get, ahead=len(BLOCKS[0]))

    source.get(CIDS[4])

    assert (stream.read, store.asked) == (1, [4])


def test_what_was_given_and_forgotten_is_not_sought_in_the_rest_of_the_stream() -> None:
    stream, store = Stream(0, 1, 2, 3), Store()
    source = StreamedSource(stream, ROOT, store.get)  # which keeps nothing

    assert [source.get(CIDS[number]) for number in (0, 0)] == [BLOCKS[0]] * 2

    assert (stream.read, store.asked) == (1, [0])


def test_a_block_that_a_stream_repeats_takes_the_room_of_one() -> None:
    stream, store = Stream(0, 1, 1, 1, 1, 2, 3), Store()
    room = sum(map(len, BLOCKS[:3])) + 1
    source = StreamedSource(stream, ROOT, store.get, ahead=room)

    assert source.get(CIDS[3]) == BLOCKS[3]

    assert store.asked == []
