"""Pins survive being changed by several processes, and say so when they cannot be read."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from decentralml.errors import RoleError
from decentralml.roles.pins import Pin, Pins
from decentralml.types import Cid

ONE, TWO = Cid("bafkone"), Cid("bafktwo")


@pytest.fixture
def pins(tmp_path: Path) -> Pins:
    return Pins(tmp_path / "workspace")


def test_what_was_pinned_is_there_until_it_is_removed(pins: Pins) -> None:
    for_task = Pin(ONE, 3, "0xabc", "bundle")

    assert pins.add([Pin(TWO), for_task]) == [for_task, Pin(TWO)]
    assert pins.all() == [for_task, Pin(TWO)]
    assert pins.remove(lambda pin: pin.task == 3) == [for_task]
    assert pins.all() == [Pin(TWO)]


def test_pinning_again_is_nothing_new(pins: Pins) -> None:
    pins.add([Pin(ONE)])

    assert pins.add([Pin(ONE)]) == []
    assert pins.all() == [Pin(ONE)]


def test_a_content_pinned_for_two_tasks_stays_for_the_other(pins: Pins) -> None:
    pins.add([Pin(ONE, 1, "0xabc", "bundle"), Pin(ONE, 2, "0xabc", "bundle")])

    pins.remove(lambda pin: pin.task == 1)

    assert [pin.task for pin in pins.all()] == [2]


def _pin_many(folder: Path, which: int) -> None:
    for number in range(20):
        Pins(folder).add([Pin(Cid(f"bafk{which}{number:02}"))])


def test_processes_do_not_lose_one_anothers_pins(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    adding = [fork.Process(target=_pin_many, args=(tmp_path, which)) for which in range(3)]
    for process in adding:
        process.start()
    for process in adding:
        process.join(60)

    assert len(Pins(tmp_path).all()) == 60


@pytest.mark.parametrize("text", ["", "{", '[{"colour": 1}]', "[1]"])
def test_a_file_that_is_no_list_of_pins_is_not_taken_for_none(pins: Pins, text: str) -> None:
    pins.add([Pin(ONE)])
    (file,) = (path for path in file_folder(pins).iterdir() if path.suffix == ".json")
    file.write_text(text)

    with pytest.raises(RoleError, match="no list of pins"):
        pins.all()
    with pytest.raises(RoleError):
        pins.add([Pin(TWO)])
    assert file.read_text() == text


def file_folder(pins: Pins) -> Path:
    return pins._folder
