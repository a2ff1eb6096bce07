"""A creator begins with a folder that can be posted as it is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from decentralml.errors import DestinationExists, UnknownTemplate
from decentralml.roles.templates import TEMPLATES, new_task_folder


@pytest.mark.parametrize("template", sorted(set(TEMPLATES) - {"creator"}))
def test_every_template_has_a_script_that_a_shell_can_read(template: str, tmp_path: Path) -> None:
    made = new_task_folder(template, tmp_path / "task")
    subprocess.run(["sh", "-n", str(made / "start_task.sh")], check=True)


def test_two_templates_of_one_framework_differ_in_their_script(tmp_path: Path) -> None:
    first = new_task_folder("contribution", tmp_path / "a")
    second = new_task_folder("engineering", tmp_path / "b")
    assert (first / "start_task.sh").read_text() != (second / "start_task.sh").read_text()


def test_choices_are_kept_beside_the_scripts(tmp_path: Path) -> None:
    made = new_task_folder("contribution", tmp_path / "task", {"epochs": 3})
    assert json.loads((made / "settings.json").read_text()) == {"epochs": 3}


def test_without_choices_there_is_no_settings_file(tmp_path: Path) -> None:
    assert not (new_task_folder("contribution", tmp_path / "task") / "settings.json").exists()


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(DestinationExists):
        new_task_folder("contribution", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_template_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownTemplate, match="contribution, engineering, annotation"):
        new_task_folder("contributon", tmp_path / "task")
    assert not (tmp_path / "task").exists()
