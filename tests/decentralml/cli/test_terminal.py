"""What happens at a terminal: questions, their answers, and Ctrl-C."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.decentralml.cli.conftest import CommandLine

PATIENCE = 60.0  # seconds
ITEMS = '{"question": "Mood?", "choices": ["good", "bad"], "items": ["sunny", "grey"]}'
Post = Callable[..., int]


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs, of which this test run may be one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command on a terminal of its own, its controlling one."""

    def __init__(self, cli: CommandLine, *arguments: object) -> None:
        command = [sys.executable, "-m", "decentralml.cli.main", *map(str, arguments)]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:  # pragma: no cover
            heed_interrupts()
            os.execve(command[0], command, {**os.environ, **cli.environment, "TERM": "xterm"})
        self.seen = ""

    def until(self, words: str) -> None:
        """Read on until `words` are shown, which then count as read."""
        end = time.monotonic() + PATIENCE
        while words not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{words!r} is not shown after {PATIENCE} s:\n{self.seen}"
            self.seen += self._read()
        self.seen = self.seen.split(words, 1)[1]

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def end(self) -> int:
        """Read to the end; the exit status."""
        limit = time.monotonic() + PATIENCE
        while select.select([self.fd], [], [], max(0.0, limit - time.monotonic()))[0]:
            text = self._read(closed="")
            if not text:
                break
            self.seen += text
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def stop(self) -> None:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def _read(self, closed: str | None = None) -> str:
        try:
            return os.read(self.fd, 4096).decode(errors="replace")
        except OSError:  # Linux says so when the other side is closed
            assert closed is not None, f"the command ended:\n{self.seen}"
            return closed


@pytest.fixture
def terminal(cli: CommandLine) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_one(*arguments: object) -> Terminal:
        opened.append(Terminal(cli, *arguments))
        return opened[-1]

    yield open_one
    for one in opened:
        one.stop()


def test_work_asks_before_it_runs_a_script_and_goes_on_when_allowed(
    cli: CommandLine, post: Post, terminal: Callable[..., Terminal]
) -> None:
    task = post()
    asked = terminal("contributor", "work", "--task", task, "--once", "--key", "//Bob")
    asked.until("start_task.sh")
    asked.until("Run this script? [y/N]:")
    asked.type("y\n")
    asked.until("sent")
    assert asked.end() == 0
    assert len(cli.good("tasks", "results", task, "--json").data) == 1


def test_a_script_that_is_not_allowed_is_not_run(
    cli: CommandLine, post: Post, terminal: Callable[..., Terminal]
) -> None:
    task = post()
    cli.good("contributor", "accept-task", task, "--key", "//Charlie")
    asked = terminal("contributor", "run", task, "--key", "//Charlie")
    asked.until("Run this script? [y/N]:")
    asked.type("n\n")
    assert asked.end() == 9
    assert "trained" not in asked.seen


def test_an_annotator_answers_in_sittings_and_ctrl_c_loses_nothing(
    cli: CommandLine, tmp_path: Path, terminal: Callable[..., Terminal]
) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "items.json").write_text(ITEMS)
    (folder / "start_task.sh").write_text("#!/bin/sh\nexit 1\n")
    task = cli.good(
        "creator", "create-task", folder, "--kind", "annotation-text", "--title", "moods",
        "--reward", "1", "--key", "//Alice", "--json",
    ).data["task"]  # fmt: skip
    cli.good("annotator", "accept-task", task, "--key", "//Dave")

    first = terminal("annotator", "answer", task, "--key", "//Dave")
    first.until("sunny (1 of 2)")
    first.until("[good/bad]:")
    first.type("fine\n")  # none of the choices: asked again
    first.until("[good/bad]:")
    first.type("good\n")
    first.until("grey (2 of 2)")
    first.until("[good/bad]:")
    first.type("\x03")
    assert first.end() == 130
    assert "what was done is kept" in first.seen

    second = terminal("annotator", "answer", task, "--key", "//Dave")
    second.until("grey (2 of 2)")
    second.until("[good/bad]:")
    second.type("bad\n")
    second.until(f"annotator send-task-result {task}")
    assert second.end() == 0
    third = terminal("annotator", "answer", task, "--key", "//Dave", "--json")
    third.until(f'"task": {task},')
    third.until('"folder": "/')  # nothing is left to ask
    assert third.end() == 0
    sent = cli.good("annotator", "send-task-result", task, "--key", "//Dave", "--json").data
    assert sent["status"] == "pending-validation"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_a_daemon_that_is_stopped_says_that_what_was_done_is_kept(
    cli: CommandLine, post: Post, number: int, status: int
) -> None:
    task = post()
    command = ["contributor", "work", "--task", str(task), "--yes", "--key", "//Bob"]
    process = subprocess.Popen(
        [sys.executable, "-m", "decentralml.cli.main", *command],
        env={**os.environ, **cli.environment}, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - it only sets a signal
    )  # fmt: skip
    try:
        assert process.stderr is not None
        while "waiting" not in (line := process.stderr.readline()):
            assert line, "it ended before it waited"
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == status
    assert "what was done is kept" in said


def test_a_job_shows_how_many_results_are_there_and_ctrl_c_ends_it_with_its_report(
    cli: CommandLine, post: Post, terminal: Callable[..., Terminal]
) -> None:
    task = post("--slots", "2", "--rounds", "2")
    job = terminal("creator", "federate", task, "--min-workers", "2", "--key", "//Alice")
    job.until("workers to join: 0 of 2 workers")
    cli.good("contributor", "work", "--task", task, "--once", "--yes", "--key", "//Eve")
    job.until("1/2")
    job.type("\x03")
    assert job.end() == 0
    said = " ".join(job.seen.split())
    assert "stopped, waiting for workers to join: 1 of 2 workers; the same command goes on" in said
