"""Blocks become the parts that the layout promises; those that are there are left out."""

from __future__ import annotations

import os
from collections import deque

import pytest

from decentralml.assets.car import header
from decentralml.assets.cid import raw_cid
from decentralml.assets.cloud.bucket import AT_ONCE
from decentralml.assets.cloud.layout import Layout, lay_out, section_head
from decentralml.assets.cloud.sending import Changed, PartWriter
from decentralml.errors import StoreUnreachable


class Service:
    """Takes parts; each arrives when it is waited for, and the one numbered `broken` never."""

    def __init__(self, broken: int = -1) -> None:
        self.arrived: dict[int, bytes] = {}
        self.under_way: deque[int] = deque()
        self.most_under_way = 0
        self._broken = broken

    def send(self, part: int, data: bytes) -> Leaving:
        self.under_way.append(part)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        return Leaving(self, part, data)

    def arrive(self, part: int, data: bytes) -> None:
        self.under_way.remove(part)
        if part == self._broken:
            raise StoreUnreachable("s3://bucket", "no connection", "Try again.")
        self.arrived[part] = data


class Leaving:
    def __init__(self, service: Service, part: int, data: bytes) -> None:
        self._service, self._part, self._data = service, part, data

    def result(self) -> None:
        self._service.arrive(self._part, self._data)

    def cancel(self) -> None:
        self._service.under_way.remove(self._part)


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Blocks of ten parts, which here are of 8 KiB."""
    monkeypatch.setattr("decentralml.assets.cloud.layout.PART", 8 << 10)
    return [os.urandom(1024) for _ in range(70)]


def laid_out(content: list[bytes]) -> Layout:
    return lay_out(raw_cid(content[-1]), [(raw_cid(block), len(block)) for block in content])


def send(writer: PartWriter, content: list[bytes]) -> None:
    for block in content:
        writer.add(raw_cid(block), block)


def test_what_arrives_is_the_car_file_in_parts(content: list[bytes]) -> None:
    layout, service = laid_out(content), Service()
    writer = PartWriter(layout, range(10), service.send)

    send(writer, content)
    writer.finish()

    car = b"".join(section_head(raw_cid(block), len(block)) + block for block in content)
    assert sorted(service.arrived) == list(range(10))
    assert b"".join(service.arrived[n] for n in range(10)) == header(layout.root) + car
    assert [len(service.arrived[n]) for n in range(10)] == [part.size for part in layout.parts]
    assert service.most_under_way == AT_ONCE


def test_only_missing_parts_are_sent(content: list[bytes]) -> None:
    layout, service = laid_out(content), Service()
    writer = PartWriter(layout, {0, 7}, service.send)

    send(writer, content)
    writer.finish()

    assert sorted(service.arrived) == [0, 7]
    assert service.arrived[0].startswith(header(layout.root))
    assert len(service.arrived[7]) == layout.parts[7].size


def test_a_block_that_repeats_is_sent_once(content: list[bytes]) -> None:
    layout, service = laid_out(content), Service()
    writer = PartWriter(layout, range(10), service.send)

    send(writer, [content[0], *content, content[3], content[-1]])
    writer.finish()

    assert [len(service.arrived[n]) for n in range(10)] == [part.size for part in layout.parts]


@pytest.mark.parametrize("at", [0, 35, 69])
def test_another_block_than_before_is_noticed(content: list[bytes], at: int) -> None:
    writer = PartWriter(laid_out(content), range(10), Service().send)
    changed = [*content[:at], b"changed", *content[at + 1 :]]

    with pytest.raises(Changed):
        send(writer, changed)


def test_a_block_more_than_before_is_noticed(content: list[bytes]) -> None:
    writer = PartWriter(laid_out(content), range(10), Service().send)

    with pytest.raises(Changed):
        send(writer, [*content, b"more"])


def test_a_block_less_than_before_is_noticed(content: list[bytes]) -> None:
    writer = PartWriter(laid_out(content), range(10), Service().send)
    send(writer, content[:-1])

    with pytest.raises(Changed):
        writer.finish()


@pytest.mark.parametrize("broken", [0, 9])
def test_a_part_that_does_not_arrive_ends_it_and_nothing_stays_under_way(
    content: list[bytes], broken: int
) -> None:
    service = Service(broken)
    writer = PartWriter(laid_out(content), range(10), service.send)

    with pytest.raises(StoreUnreachable):
        send(writer, content)
        writer.finish()
    writer.close()

    assert broken not in service.arrived
    assert not service.under_way
