"""A task folder to fill, and a sandbox that works or a reason to skip."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from decentralml.runner import (
    BubblewrapSandbox,
    Limits,
    RunOutcome,
    Sandbox,
    TaskRun,
    find_sandbox,
    run_task,
)

LIMITS = Limits(wall_seconds=60, memory_bytes=1 << 30, disk_bytes=64 << 20, tasks=64)


@pytest.fixture(scope="session")
def bubblewrap() -> BubblewrapSandbox:
    report = find_sandbox()
    if report.sandbox is None:
        pytest.skip(f"no bubblewrap to test with: {report.why_not}")
    return report.sandbox


@dataclass
class Job:
    """A run to be made: a script (``sh``, or Python by `python`), then `start`."""

    run: TaskRun
    sandbox: Sandbox
    limits: Limits = LIMITS
    lines: list[str] = field(default_factory=list)

    def script(self, text: str) -> Job:
        (self.run.task_dir / "start_task.sh").write_text(textwrap.dedent(text))
        return self

    def python(self, text: str) -> Job:
        (self.run.task_dir / "main.py").write_text(textwrap.dedent(text))
        return self.script("exec python main.py")

    def within(self, **limits: float) -> Job:
        self.limits = replace(self.limits, **limits)
        return self

    def start(self) -> RunOutcome:
        return run_task(self.run, self.limits, self.sandbox, self.lines.append)


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[[Sandbox], Job]:
    def make(sandbox: Sandbox) -> Job:
        for name in ("task", "data", "state"):
            (tmp_path / name).mkdir()
        (tmp_path / "data" / "digits.csv").write_text("5,0,4\n")
        (tmp_path / "model.keras").write_bytes(b"weights")
        (tmp_path / "round.json").write_text('{"mu": 1}\n')
        (tmp_path / "strategy.safetensors").write_bytes(b"control")
        run = TaskRun(
            task_dir=tmp_path / "task",
            data_dir=tmp_path / "data",
            result_dir=tmp_path / "result",
            model_path=tmp_path / "model.keras",
            round=2,
            contributor_id="5Grw",
            settings_path=tmp_path / "round.json",
            strategy_path=tmp_path / "strategy.safetensors",
            state_dir=tmp_path / "state",
        )
        return Job(run, sandbox)

    return make


@pytest.fixture
def job(make_job: Callable[[Sandbox], Job], bubblewrap: BubblewrapSandbox) -> Job:
    """A job in the real sandbox."""
    return make_job(bubblewrap)


@pytest.fixture
def python() -> str:
    return sys.executable
