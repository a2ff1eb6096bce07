"""What is told of a local network, and what `chain network` says when it cannot start one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from decentralml.cli.network_view import News, shown, table_of
from decentralml.localnet.status import NetworkStatus, ValidatorStatus
from tests.decentralml.cli.conftest import CommandLine

URL = "ws://127.0.0.1:9944"


class Clock:
    """Time as the test has it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def validator(name: str, final: int | None, **changes: object) -> ValidatorStatus:
    said: dict[str, object] = {"pid": 7, "exit_status": None}
    if final is not None:
        said |= {"best": final + 3, "finalised": final, "peers": 3, "final_state": "0xab"}
    return ValidatorStatus(name, URL, **{**said, **changes})  # type: ignore[arg-type]


def status(*validators: ValidatorStatus, agree: bool = True) -> NetworkStatus:
    finals = [one.finalised for one in validators if one.finalised is not None]
    return NetworkStatus(validators, min(finals) if finals else None, agree)


def four(final: int | None, **last: object) -> NetworkStatus:
    names = ("Alice", "Bob", "Charlie")
    dave = validator("Dave", None if "exit_status" in last else final, **last)
    return status(*(validator(name, final) for name in names), dave)


def test_a_start_is_told_once_each_validator_answers_and_a_block_is_final() -> None:
    news = News()
    assert news.of(four(None)) == []
    said = news.of(four(0))
    assert [line.split()[:2] for line in said] == [
        ["Alice", "runs"], ["Bob", "runs"], ["Charlie", "runs"], ["Dave", "runs"],
    ]  # fmt: skip
    assert news.of(four(1)) == ["block 1 is final: the network works"]
    assert news.of(four(2)) == []


def test_a_validator_that_ended_is_told_once_with_how() -> None:
    news = News()
    news.of(four(1))
    killed = four(2, pid=None, exit_status=-9)
    assert news.of(killed) == [f"Dave ended, signal 9 ({URL})"]
    assert news.of(killed) == []
    assert news.of(four(3)) == [f"Dave runs ({URL})"]


def test_one_that_does_not_answer_any_more_is_told() -> None:
    news = News()
    news.of(four(1))
    silent = status(*four(2).validators[:3], validator("Dave", None))
    assert news.of(silent) == [f"Dave does not answer ({URL})"]


def test_finality_that_stops_and_goes_on_is_told_with_how_many_must_run() -> None:
    clock = Clock()
    news = News(clock)
    news.of(four(5))
    clock.now = 15.0
    assert news.of(four(5)) == []  # still within what is normal
    clock.now = 15.1
    [stopped] = news.of(four(5))
    assert stopped == "finality has stopped at block 5: 4 of 4 validators run, 3 must"
    assert news.of(four(5)) == []
    assert news.of(four(6)) == ["finality goes on: block 6 is final"]


def test_a_disagreement_is_told() -> None:
    news = News()
    news.of(four(5))
    split = status(*four(6).validators, agree=False)
    assert news.of(split) == ["the validators DISAGREE on the state after block 6"]
    assert news.of(four(7)) == ["the validators agree again on the state after block 7"]


@pytest.mark.parametrize(("validators", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (6, 5), (7, 5)])
def test_more_than_two_thirds_must_run(validators: int, needed: int) -> None:
    assert status(*[validator("A", 1)] * validators).needed == needed


def test_the_table_says_where_to_connect_and_who_is_gone(tmp_path: Path) -> None:
    console = Console(width=100, record=True, file=(tmp_path / "out").open("w"))
    console.print(table_of(four(5, pid=None, exit_status=-9), Path("/chain"), 2.0))
    text = console.export_text()
    assert "ended, signal 9" in text
    assert "3 of 4 run, 3 must for blocks to become final" in text
    assert f"export DECENTRALML_NODE={URL}" in text


def test_for_programs_each_change_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(Path("/chain"), as_json=True) as show:
        for seen in (four(1), four(1), four(2)):
            show(seen)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["agreed_at"] for line in lines] == [1, 2]
    assert lines[0]["validators"][3]["name"] == "Dave"


def test_without_a_node_one_line_says_how_to_build_it(alone: CommandLine) -> None:
    nowhere = CommandLine({**alone.environment, "PATH": "/nonexistent"})
    refused = nowhere("chain", "network", "--tmp")
    assert refused.status == 4
    assert "`make node` builds one" in refused.err
    assert refused.out == ""
    refused = nowhere("demo", "--network", "--folder", nowhere.environment["HOME"] + "/demo")
    assert refused.status == 4
    assert "`make node` builds one" in refused.err
