"""`decentralml privacy`, as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from decentralml.roles.secure.settings import SecureSettings, read_secure


def privacy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decentralml.cli.main", "privacy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=110)


def test_which_noise_for_epsilon_3_in_40_rounds() -> None:
    said = privacy("noise", "--epsilon", "3", "--rounds", "40")
    assert said.returncode == 0
    assert "8.795 times the clip bound" in said.stdout


def test_the_epsilon_of_that_noise_is_3() -> None:
    said = privacy("epsilon", "--noise", "8.795", "--rounds", "40", "--json")
    assert json.loads(said.stdout)["epsilon"] == pytest.approx(3, abs=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [("noise", "--epsilon", "0", "--rounds", "1"),
     ("noise", "--epsilon", "1", "--rounds", "1", "--delta", "1"),
     ("epsilon", "--noise", "-1", "--rounds", "1"),
     ("epsilon", "--noise", "1", "--rounds", "1", "--sampling", "2"),
     ("secure", ".", "--threshold", "0.5")],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused_in_words(arguments: tuple[str, ...]) -> None:
    said = privacy(*arguments)
    assert said.returncode == 2
    assert "Invalid value" in said.stderr


def test_a_folder_becomes_a_secure_task(tmp_path: Path) -> None:
    said = privacy("secure", str(tmp_path), "--trainings", "40", "--min-members", "5")
    assert said.returncode == 0
    assert "post it with --rounds 82" in said.stdout
    assert read_secure(tmp_path) == SecureSettings(threshold=0.67, min_members=5)
