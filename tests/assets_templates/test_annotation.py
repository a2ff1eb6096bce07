"""The annotation folder: pictures shown in a terminal, answers kept as they are given."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assets_templates.mnist.job import Job
from assets_templates.mnist.model import template_function
from decentralml.learning.answers import read_answers, read_questionnaire
from decentralml.learning.results import read_result

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_answers_made_beforehand_become_a_result(job: Job, start: Run, tmp_path: Path) -> None:
    task = job.task("annotation")
    script = task / "start_task.sh"
    done = start("sh", script, TASK_DIR=task, DATA_DIR=job.data("annotator", 1))
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "result")
    assert result.examples == 4
    assert result.answers is not None
    answers = read_answers(result.answers, read_questionnaire(task / "items.json"))
    known = [json.loads(line) for line in job.known_answers.read_text().splitlines()]
    assert all(answers[entry["item"]] == entry["answer"] for entry in known)


def test_without_a_terminal_and_answers_it_says_what_to_do(job: Job, start: Run) -> None:
    task = job.task("annotation")
    done = start("sh", task / "start_task.sh", TASK_DIR=task)
    assert done.returncode == 1
    assert "no terminal to ask in" in done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"item": "items/000.png", "answer": "x"}\n', "'x' is none of 0, 1"),
        ("", "there is no answer for items/000.png"),
        ("{\n", "line 1"),
    ],
)
def test_answers_that_do_not_fit_are_one_line(
    job: Job, start: Run, tmp_path: Path, line: str, words: str
) -> None:
    (tmp_path / "own.jsonl").write_text(line)
    script = job.task("annotation") / "annotate.py"
    done = start(sys.executable, script, "--answers", tmp_path / "own.jsonl")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_in_a_terminal_it_shows_the_picture_asks_again_and_goes_on_after_a_break(
    job: Job, tmp_path: Path
) -> None:
    first = sit(job, tmp_path, "7\nseven\n3\n\x04")
    assert "Which digit is this? [0/1/2" in first
    assert "please answer with one of the choices" in first
    assert "@@" in first
    assert len((tmp_path / "result" / "answers.jsonl").read_text().splitlines()) == 2
    second = sit(job, tmp_path, "1\n2\n")
    assert "items/000.png" not in second
    assert "4 items answered" in second
    answers = read_answers(
        tmp_path / "result" / "answers.jsonl",
        read_questionnaire(job.task("annotation") / "items.json"),
    )
    assert list(answers.values()) == ["7", "3", "1", "2"]


def sit(job: Job, tmp_path: Path, typed: str) -> str:
    """An annotator's sitting at a real pseudo-terminal."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    done = subprocess.run(
        [sys.executable, job.task("annotation") / "annotate.py", "--result", tmp_path / "result"],
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    return done.stdout + done.stderr


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (3, 50)])
def test_a_picture_is_read_as_it_was_written(tmp_path: Path, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    template_function("picture", "write_png")(tmp_path / "a.png", image)
    assert (template_function("picture", "read_png")(tmp_path / "a.png") == image).all()


def test_another_writer_s_picture_with_all_line_filters_is_read(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    image = np.add.outer(np.arange(40) * 5, np.arange(30) ** 2 // 7).astype(np.uint8)
    pillow.fromarray(image).save(tmp_path / "a.png")
    assert (template_function("picture", "read_png")(tmp_path / "a.png") == image).all()


@pytest.mark.parametrize("cut", [0, 20, 40, -60])
def test_a_damaged_picture_is_an_error_of_its_own(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.png"
    template_function("picture", "write_png")(path, np.arange(400).reshape(20, 20) % 251)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"a\.png"):
        template_function("picture", "read_png")(path)


def test_a_picture_as_text_is_as_wide_as_asked(tmp_path: Path) -> None:
    as_text = template_function("picture", "as_text")
    white = np.full((28, 28), 255, np.uint8)
    assert [len(line) for line in as_text(white).splitlines()] == [56] * 28
    assert max(len(line) for line in as_text(white, 20).splitlines()) <= 20


def test_an_item_outside_the_bundle_is_not_opened(tmp_path: Path) -> None:
    shown = template_function("annotate", "shown")
    (tmp_path / "task").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "task" / "note.txt").write_text("a note")
    assert shown(tmp_path / "task", "../secret.txt") == "../secret.txt"
    assert shown(tmp_path / "task", "note.txt") == "a note"
    assert shown(tmp_path / "task", "just a sentence") == "just a sentence"
