"""`decentralml privacy`, as it is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from decentralml.roles.secure.settings import SecureSettings, read_secure
from tests.decentralml.cli.conftest import CommandLine


def test_which_noise_for_epsilon_3_in_40_rounds(alone: CommandLine) -> None:
    said = alone("privacy", "noise", "--epsilon", "3", "--rounds", "40")
    assert said.status == 0
    assert "8.795 times the clip bound" in said.out


def test_the_epsilon_of_that_noise_is_3(alone: CommandLine) -> None:
    said = alone("privacy", "epsilon", "--noise", "8.795", "--rounds", "40", "--json")
    assert said.data["epsilon"] == pytest.approx(3, abs=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [("noise", "--epsilon", "0", "--rounds", "1"),
     ("noise", "--epsilon", "1", "--rounds", "1", "--delta", "1"),
     ("epsilon", "--noise", "-1", "--rounds", "1"),
     ("epsilon", "--noise", "1", "--rounds", "1", "--sampling", "2"),
     ("secure", ".", "--threshold", "0.5")],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused_in_words(
    alone: CommandLine, arguments: tuple[str, ...]
) -> None:
    said = alone("privacy", *arguments)
    assert said.status == 2
    assert "Invalid value" in said.err


def test_a_folder_becomes_a_secure_task(alone: CommandLine, tmp_path: Path) -> None:
    said = alone("privacy", "secure", tmp_path, "--trainings", "40", "--min-members", "5")
    assert said.status == 0
    assert "post it with --rounds 82" in said.out
    assert read_secure(tmp_path) == SecureSettings(threshold=0.67, min_members=5)


@pytest.mark.slow
def test_a_secure_job_by_commands_alone_each_person_a_process(
    cli: CommandLine, post: Callable[..., int], job: Path, tmp_path: Path
) -> None:
    cli.good("privacy", "secure", job, "--bound", "200")
    task = post("--slots", 3, "--rounds", 4)
    output = tmp_path / "model.safetensors"
    start = "from decentralml.cli.main import main; main()"
    work = [sys.executable, "-c", start, "contributor", "work", "--task", str(task), "--yes"]
    environment = {**os.environ, **cli.environment}
    people = [
        subprocess.Popen([*work, "--key", key], env=environment, stderr=subprocess.DEVNULL)
        for key in ("//Bob", "//Charlie", "//Dave")
    ]
    try:
        command = ["creator", "federate", task, "--output", output, "--key", "//Alice", "--json"]
        report = cli.good(*command).lines[-1]["report"]
        assert [person.wait(60) for person in people] == [0, 0, 0]
    finally:
        for person in people:
            person.kill()
            person.wait()

    assert report["ended"] == "every round is done"
    assert report["rounds"][-1]["figures"]["examples"] > 0
    assert len(report["earned"]) == 3
    assert {each["accepted"] for each in report["earned"].values()} == {4}
    assert output.is_file()
