"""A validator's command line and process; any program serves as its process here."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from decentralml.localnet.errors import ValidatorEnded
from decentralml.localnet.validator import Place, Validator, command_of

SLEEPS = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place("Alice", tmp_path, 9944, 30333, "12D3A")


def started(place: Place, command: list[str]) -> Validator:
    """A process that has said something: its signal handlers are there."""
    validator = Validator(place, command)
    validator.start()
    while "up" not in validator.log.read_text():
        assert validator.is_running
    return validator


def test_a_validator_listens_on_loopback_only_and_tells_nobody(place: Place) -> None:
    peers = [place, Place("Bob", place.folder, 9945, 30334, "12D3B")]
    command = command_of(Path("node"), Path("spec.json"), place, peers, ["--log", "info"])
    text = " ".join(command)
    assert "--listen-addr /ip4/127.0.0.1/tcp/30333" in text
    assert "--bootnodes /ip4/127.0.0.1/tcp/30334/p2p/12D3B" in text
    assert text.count("--bootnodes") == 1  # not itself
    assert {"--no-mdns", "--no-telemetry", "--no-prometheus", "--validator"} <= set(command)
    assert not any("external" in word for word in command)
    assert command[-2:] == ["--log", "info"]


def test_a_follower_has_no_keystore_and_does_not_validate(place: Place) -> None:
    follower = Place("Eve", place.folder, 1, 2, "12D3E", validates=False)
    assert not {"--validator", "--keystore-path"} & set(
        command_of(Path("node"), Path("spec.json"), follower, [place])
    )


def test_every_node_keeps_the_past_but_one_that_leaves_it_out(place: Place) -> None:
    whole = command_of(Path("node"), Path("spec.json"), place, [place])
    warping = command_of(Path("node"), Path("spec.json"), place, [place], ["--sync", "warp"])
    assert whole.count("archive") == 2
    assert "archive" not in warping


def test_no_secret_is_on_the_command_line(place: Place) -> None:
    command = command_of(Path("node"), Path("spec.json"), place, [place])
    assert "--node-key-file" in command
    assert "--node-key" not in command
    assert "--suri" not in command


def test_a_validator_that_was_asked_to_end_ends_in_order(place: Place) -> None:
    validator = started(place, SLEEPS)
    assert (validator.is_running, validator.exit_status) == (True, None)
    validator.stop()
    assert (validator.pid, validator.exit_status) == (None, -signal.SIGTERM)


def test_one_that_does_not_listen_is_ended_by_force(place: Place) -> None:
    validator = started(place, STUBBORN)
    validator.stop(seconds=0.1)
    assert validator.exit_status == -signal.SIGKILL


def test_a_killed_one_can_be_started_again_and_goes_on_in_the_same_log(place: Place) -> None:
    validator = started(place, SLEEPS)
    first = validator.pid
    validator.kill()
    assert validator.exit_status == -signal.SIGKILL
    validator.start()
    try:
        assert validator.pid not in (None, first)
        while validator.log.read_text().count("up") < 2:
            assert validator.is_running
    finally:
        validator.stop()


def test_starting_a_running_one_starts_no_second_process(place: Place) -> None:
    validator = started(place, SLEEPS)
    try:
        pid = validator.pid
        validator.start()
        assert validator.pid == pid
    finally:
        validator.kill()


def test_stopping_what_never_ran_does_nothing(place: Place) -> None:
    validator = Validator(place, SLEEPS)
    validator.stop()
    assert validator.exit_status is None


def test_the_error_of_one_that_ended_shows_the_end_of_its_log(place: Place) -> None:
    validator = started(place, [sys.executable, "-c", "print('up: no database')"])
    validator.stop()
    error = validator.ended("ended with status 0")
    assert isinstance(error, ValidatorEnded)
    assert "no database" in str(error)
    assert str(validator.log) in str(error)
