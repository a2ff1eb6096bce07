"""The demo's parts; `make demo` runs the whole of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from decentralml.chain.keys import KeyStore
from decentralml.chain.node import Node
from decentralml.cli.demo.board import Board
from decentralml.cli.demo.outcome import Outcome, bars_of, show
from decentralml.cli.demo.people import Person, join
from decentralml.cli.demo.picture import Bar, draw
from decentralml.cli.demo.run import check_worth, run
from decentralml.cli.demo.stage import ProcessFailed, Running, Stage, development_chain
from decentralml.errors import RoleError
from decentralml.types import AccountId


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return join(tmp_path / "people", "carol", "contributor")


def stage_of(tmp_path: Path, heard: list[str]) -> Stage:
    return Stage(
        "ws://127.0.0.1:1",
        lambda _who: str(tmp_path / "store"),
        lambda _who, event: heard.append(event["did"]),
    )


def running(person: Person, program: str) -> Running:
    """A process that reports what `program` prints."""
    command = (sys.executable, "-c", program)
    (person.folder / "log").write_text("the end of the log")
    return Running(person, command, subprocess.Popen(command, stdout=subprocess.PIPE, text=True))


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(RoleError, match="holds something else"):
        run(tmp_path, quick=True, as_json=False)
    assert (tmp_path / "thesis.txt").read_text() == "three years"


def test_everybody_has_a_key_that_only_the_own_password_opens(person: Person) -> None:
    store = KeyStore(person.folder / "keys")
    assert store.unlock("carol", person.password).ss58_address == person.account
    assert person.password not in "".join(
        file.read_text() for file in (person.folder / "keys").iterdir()
    )


def test_settings_of_whoever_runs_the_demo_stay_out(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DECENTRALML_KEY", "mine")
    monkeypatch.setenv("DECENTRALML_SANDBOX", "none")
    monkeypatch.setenv("DECENTRALML_MNIST_DIR", "/data/mnist")
    given = person.environment("ws://127.0.0.1:1", str(tmp_path))
    assert given["DECENTRALML_KEY"] == "carol"
    assert "DECENTRALML_SANDBOX" not in given
    assert given["DECENTRALML_MNIST_DIR"] == "/data/mnist"


def test_the_chain_of_the_demo_answers_and_ends_with_it(tmp_path: Path) -> None:
    with development_chain(tmp_path / "log") as url, Node(url) as node:
        assert node.is_development()
    with pytest.raises(Exception, match="does not answer"):
        Node(url, timeout=2)


def test_events_are_passed_on_until_they_brought_it_about(person: Person, tmp_path: Path) -> None:
    heard: list[str] = []
    stage = stage_of(tmp_path, heard)
    event = json.dumps({"did": "sent"})
    stage.watch(running(person, f"print({event!r}); print({event!r})"))
    stage.until(lambda: len(heard) == 2)
    assert heard == ["sent", "sent"]


def test_a_process_that_fails_ends_the_demo_with_the_end_of_its_log(
    person: Person, tmp_path: Path
) -> None:
    stage = stage_of(tmp_path, [])
    stage.watch(running(person, "raise SystemExit(9)"))
    with pytest.raises(ProcessFailed, match="status 9:\nthe end of the log"):
        stage.until(lambda: False)


def test_a_process_that_ends_well_is_no_longer_waited_for(person: Person, tmp_path: Path) -> None:
    stage = stage_of(tmp_path, [])
    process = running(person, "pass")
    stage.watch(process)
    assert stage.goes_on(process)
    stage.until(lambda: not stage.goes_on(process))


def test_a_command_that_fails_names_itself(person: Person, tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="`contributor frolic --json` ended with status 2"):
        stage_of(tmp_path, []).ask(person, "frolic")


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    bars = [Bar("first", 0.5, "base"), Bar("one alone", 0.6, "alone"), Bar("all", 0.9, "federated")]
    draw(bars, "Alone and federated", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def outcome() -> Outcome:
    return Outcome((), 0.5, {"b": 0.7, "a": 0.6}, (0.8, 0.9), Path("m.keras"), "MNIST")


def test_a_federated_model_that_is_only_as_good_as_one_alone_fails_the_demo(tmp_path: Path) -> None:
    equal = replace(outcome(), federated=(0.9, 0.7))
    with pytest.raises(RoleError, match=r"70.00%\) is no better than the best one alone"):
        check_worth(equal, tmp_path)


def test_a_federated_model_that_is_a_little_better_is_enough(tmp_path: Path) -> None:
    check_worth(replace(outcome(), federated=(0.1, 0.7001)), tmp_path)


def test_the_bars_go_from_the_first_model_to_the_last_federated_one() -> None:
    assert [bar.name for bar in bars_of(outcome())] == [
        "the creator's first model", "b alone", "a alone",
        "federated, round 1", "federated, round 2",
    ]  # fmt: skip


def test_the_outcome_is_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show(outcome(), bars_of(outcome()), Path("p.png"), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["accuracy"]["federated, round 2"] == 0.9
    assert said["picture"] == "p.png"


def test_an_event_is_one_line_with_addresses_shortened(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    account = AccountId("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
    event = {"did": "validated", "task": 3, "round": 1, "text": account, "block": 12}
    Board().event(person, event)
    assert "carol          task 3: validated 5Grwva…GKutQY (block 12)" in capsys.readouterr().err
