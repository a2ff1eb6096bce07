"""What programs get is plain JSON; what people get cannot be styled by strangers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

from decentralml.cli.output import emit, plain, progress, table


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    paths: tuple[Path, ...]
    colour: Colour


@dataclass(frozen=True)
class Bare:
    pass


def test_records_become_objects_all_the_way_down() -> None:
    assert plain({1: Inner((Path("/a"),), Colour.RED)}) == {"1": {"paths": ["/a"], "colour": "red"}}


def test_a_record_without_fields_is_its_name() -> None:
    assert plain(Bare()) == "Bare"


def test_bytes_are_shown_as_hex() -> None:
    assert plain(b"\x00\xff") == "0x00ff"


def test_json_is_printed_whole_and_the_table_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"amount": 10**30}, as_json=True, human=lambda: print("table"))
    assert json.loads(capsys.readouterr().out) == {"amount": 10**30}


def test_people_get_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    emit({}, as_json=False, human=lambda: print("table"))
    assert capsys.readouterr().out == "table\n"


def test_a_title_from_a_stranger_is_shown_as_text_not_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(["title", ">reward"], [["[red]free money[/red]", 5]])
    assert "[red]free money[/red]" in capsys.readouterr().out


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("storing") as advance:
        advance(1, 2)
    assert capsys.readouterr().err == ""
