"""Which stretches of the parts are asked for, and that every block comes out of them right."""

from __future__ import annotations

import io
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.assets.car import header
from decentralml.assets.cid import raw_cid
from decentralml.assets.cloud import reading
from decentralml.assets.cloud.layout import Layout, lay_out, section_head
from decentralml.assets.cloud.reading import PartReader, plan
from decentralml.errors import ContentMismatch

MIB = 1 << 20


class Parts:
    """A bundle's parts in memory, and what was asked of them."""

    def __init__(self, content: list[bytes]) -> None:
        self.content = {raw_cid(block): block for block in content}
        self.layout = lay_out(
            raw_cid(content[-1]), [(cid, len(block)) for cid, block in self.content.items()]
        )
        self.parts: list[bytes | None] = [self._part(number) for number in self._numbers]
        self.asked: list[tuple[int, int, int]] = []
        self.waiting = self.most_waiting = 0

    @property
    def _numbers(self) -> range:
        return range(len(self.layout.parts))

    def _part(self, number: int) -> bytes:
        part = self.layout.parts[number]
        data = b"".join(
            section_head(cid, length) + self.content[cid]
            for cid, length in self.layout.blocks[part.first : part.end]
        )
        return (header(self.layout.root) if number == 0 else b"") + data

    def ask(self, part: int, start: int, end: int) -> Answer:
        self.asked.append((part, start, end))
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        whole = self.parts[part]
        return Answer(self, None if whole is None else whole[start:end])

    def reader(self, needed: object = None) -> PartReader:
        def all_of_them(cid: bytes) -> bool:
            return True

        stretches = plan(self.layout, needed or all_of_them)  # type: ignore[arg-type]
        return PartReader(self.layout, stretches, self.ask, io.BytesIO())


class Answer:
    def __init__(self, parts: Parts, data: bytes | None) -> None:
        self._parts, self._data = parts, data

    def result(self) -> bytes | None:
        self._parts.waiting -= 1
        return self._data

    def cancel(self) -> None:
        self._parts.waiting -= 1


def numbered(count: int, length: int) -> list[bytes]:
    return [number.to_bytes(4, "big") * (length // 4) for number in range(count)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 8 KiB, so that few bytes make many; what is tested is where they are cut."""
    monkeypatch.setattr("decentralml.assets.cloud.layout.PART", 8 << 10)
    monkeypatch.setattr(reading, "PART", 8 << 10)
    monkeypatch.setattr(reading, "_GAP", 128)


def test_blocks_asked_for_in_order_come_in_one_request_a_part() -> None:
    parts = Parts(numbered(70, 1024))
    reader = parts.reader()

    for cid, block in parts.content.items():
        assert reader.get(cid) == block

    assert [part for part, _, _ in parts.asked] == list(range(10))
    assert parts.most_waiting <= reading.AHEAD + 2
    assert not reader._spilled  # in order, nothing needs the temporary file


def test_in_any_order_each_part_is_asked_for_once() -> None:
    parts = Parts(numbered(140, 1024))
    order = list(parts.content)
    random.Random(1).shuffle(order)
    reader = parts.reader()

    for cid in order:
        assert reader.get(cid) == parts.content[cid]

    assert len(parts.asked) == len(parts.layout.parts)
    assert len(reader._ready) <= reading.IN_MEMORY


def test_what_is_not_needed_is_not_asked_for() -> None:
    parts = Parts(numbered(70, 1024))
    changed = {list(parts.content)[number] for number in (3, 40, 41, 69)}
    reader = parts.reader(changed.__contains__)

    for cid in changed:
        assert reader.get(cid) == parts.content[cid]

    assert sum(end - start for _, start, end in parts.asked) < 4 * 1024 + 200
    assert len(parts.asked) == 3  # 40 and 41 are neighbours


def test_what_was_thought_at_hand_and_is_not_is_asked_for_by_itself() -> None:
    parts = Parts(numbered(70, 1024))
    reader = parts.reader(lambda cid: False)

    assert reader.get(list(parts.content)[5]) == numbered(70, 1024)[5]

    assert [end - start for _, start, end in parts.asked] == [1024]


def test_a_block_that_repeats_at_once_is_asked_for_once() -> None:
    parts = Parts([bytes(4096)])
    reader = parts.reader()

    for _ in range(100):
        assert reader.get(parts.layout.root) == bytes(4096)

    assert len(parts.asked) == 1


def test_a_block_that_is_asked_for_again_much_later_comes_again() -> None:
    parts = Parts(numbered(70, 1024))
    first = next(iter(parts.content))
    reader = parts.reader()
    for cid in parts.content:
        reader.get(cid)

    assert reader.get(first) == parts.content[first]
    assert parts.asked[-1][2] - parts.asked[-1][1] == 1024


def test_an_empty_block_is_asked_of_nobody() -> None:
    parts = Parts([b""])

    assert parts.reader().get(parts.layout.root) == b""
    assert parts.asked == []


def test_a_block_that_the_index_does_not_have_is_missing() -> None:
    with pytest.raises(ContentMismatch, match="is missing"):
        Parts([b"one"]).reader().get(raw_cid(b"another"))


def test_a_part_that_is_not_there_is_named() -> None:
    parts = Parts(numbered(20, 1024))
    parts.parts[1] = None

    with pytest.raises(ContentMismatch, match=f"{parts.layout.parts[1].name} is missing"):
        [parts.reader().get(cid) for cid in parts.content]


def test_a_part_cut_short_is_named() -> None:
    parts = Parts(numbered(20, 1024))
    parts.parts[1] = (parts.parts[1] or b"")[:-1]

    with pytest.raises(ContentMismatch, match=f"{parts.layout.parts[1].name} is cut short"):
        [parts.reader().get(cid) for cid in parts.content]


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_whatever_is_asked_in_whatever_order_is_right(
    lengths: list[int], parts_of: int, chance: random.Random
) -> None:
    content = [chance.randbytes(length) for length in lengths]
    parts = Parts(content)
    wanted = chance.choices(list(parts.content), k=2 * len(lengths))
    at_hand = {cid for cid in parts.content if chance.randrange(parts_of) == 0}
    reader = parts.reader(lambda cid: cid not in at_hand)

    for cid in wanted:
        assert reader.get(cid) == parts.content[cid]
    reader.close()

    assert parts.waiting == 0


def test_a_part_longer_than_ours_is_read_in_stretches() -> None:
    """Another version of this package may cut parts otherwise."""
    parts = Parts(numbered(70, 1024))
    whole = Layout(parts.layout.root, parts.layout.blocks, [len(parts.layout.blocks)])
    stretches = plan(whole, lambda cid: True)

    assert {stretch.part for stretch in stretches} == {0}
    assert all(stretch.end - stretch.start <= 8 << 10 for stretch in stretches)
    assert Counter(cid for one in stretches for cid in one.blocks).total() == 70


def test_the_temporary_file_has_no_name_and_what_is_under_way_is_given_up(tmp_path: Path) -> None:
    parts = Parts(numbered(140, 1024))
    order = list(parts.content)[::-1]

    with reading.reading(parts.layout, lambda cid: True, parts.ask, tmp_path) as reader:
        for cid in [*order[:8], *order[64:66], *order[30:31], *order[8:30], order[-1]]:
            assert reader.get(cid) == parts.content[cid]
        assert list(tmp_path.iterdir()) == []
        assert parts.waiting > 0

    assert parts.waiting == 0
