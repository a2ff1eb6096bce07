"""A stream of blocks read in order: cut anywhere, ended early, in another order, forged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.assets.car import header
from decentralml.assets.cid import raw_cid
from decentralml.assets.streamed import StreamedSource, car_blocks
from decentralml.assets.unixfs import varint
from decentralml.errors import StoreUnreachable, WrongBytes

BLOCKS = [b"block %d" % number * (number + 1) for number in range(6)]
CIDS = [raw_cid(block) for block in BLOCKS]
ROOT = CIDS[0]


def section(cid: bytes, block: bytes) -> bytes:
    return varint(len(cid) + len(block)) + cid + block


STREAM = header(ROOT) + b"".join(map(section, CIDS, BLOCKS))


class Store:
    """Gives any of the blocks alone, and remembers which it was asked for."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def get(self, cid: bytes) -> bytes:
        self.asked.append(cid)
        return BLOCKS[CIDS.index(cid)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_it_does_not_matter_where_the_stream_is_cut(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in itertools.pairwise(ends)]

    assert list(car_blocks(chunks, ROOT)) == list(zip(CIDS, BLOCKS, strict=True))


def test_a_stream_that_ends_early_gives_the_whole_blocks_before() -> None:
    for length in range(len(STREAM)):
        found = list(car_blocks([STREAM[:length]], ROOT))

        assert found == list(zip(CIDS, BLOCKS, strict=True))[: len(found)]
        assert len(found) < len(BLOCKS)


@pytest.mark.parametrize(
    "ending",
    [
        b"\n\n[Gateway Error: CAR stream truncated, response is incomplete]",
        b"\xff" * 100,
        varint(3 << 20) + CIDS[1],
        varint(50) + b"\x01\x71\x12\x20" + bytes(46),
    ],
)
def test_what_is_no_block_ends_the_stream(ending: bytes) -> None:
    assert len(list(car_blocks([STREAM, ending], ROOT))) == len(BLOCKS)


def test_a_stream_of_another_root_is_refused() -> None:
    for at in range(len(header(ROOT))):
        wrong = STREAM[:at] + bytes([STREAM[at] ^ 1]) + STREAM[at + 1 :]
        with pytest.raises(WrongBytes, match="no CAR stream"):
            list(car_blocks([wrong], ROOT))


def test_a_forged_block_is_refused_before_its_cid_is_believed() -> None:
    with pytest.raises(WrongBytes, match="other bytes"):
        list(car_blocks([header(ROOT) + section(ROOT, b"forged")], ROOT))


def test_in_the_streams_order_nothing_else_is_asked_for() -> None:
    store = Store()
    source = StreamedSource([STREAM], ROOT, store.get)

    assert [source.get(cid) for cid in CIDS] == BLOCKS
    assert store.asked == []


def test_no_more_is_read_than_the_block_that_comes_next() -> None:
    read = []

    def chunks() -> Iterator[bytes]:
        yield header(ROOT)
        for cid, block in zip(CIDS, BLOCKS, strict=True):
            read.append(cid)
            yield section(cid, block)

    source = StreamedSource(chunks(), ROOT, Store().get)
    source.get(CIDS[0])
    source.get(CIDS[1])

    assert read == CIDS[:2]


def test_a_block_out_of_order_or_again_is_asked_for_alone_and_the_stream_goes_on() -> None:
    store = Store()
    source = StreamedSource([STREAM], ROOT, store.get)
    order = [0, 3, 1, 0, 2, 3]

    assert [source.get(CIDS[which]) for which in order] == [BLOCKS[which] for which in order]
    assert store.asked == [CIDS[3], CIDS[0]]


def test_within_what_may_be_read_ahead_nothing_is_asked_for_alone() -> None:
    store = Store()
    source = StreamedSource([STREAM], ROOT, store.get, ahead=1000)
    order = [0, 5, 3, 3, 1, 0, 2, 4]

    assert [source.get(CIDS[which]) for which in order] == [BLOCKS[which] for which in order]
    assert store.asked == []


def test_what_is_read_ahead_is_bounded() -> None:
    store = Store()
    source = StreamedSource([STREAM], ROOT, store.get, ahead=len(BLOCKS[0]))

    source.get(CIDS[5])

    assert store.asked == [CIDS[5]]
    assert [source.get(cid) for cid in CIDS[:5]] == BLOCKS[:5]
    assert store.asked == [CIDS[5]]


def test_after_the_stream_broke_the_rest_is_asked_for_alone() -> None:
    def chunks() -> Iterator[bytes]:
        yield STREAM[: len(header(ROOT)) + 100]
        raise StoreUnreachable("the store", "it broke off", "")

    store = Store()
    source = StreamedSource(chunks(), ROOT, store.get)

    assert [source.get(cid) for cid in CIDS] == BLOCKS
    assert 0 < len(store.asked) < len(CIDS)


def test_an_empty_stream_is_none(tmp_path: Path) -> None:
    store = Store()

    assert StreamedSource([], ROOT, store.get).get(ROOT) == BLOCKS[0]
    assert store.asked == [ROOT]
