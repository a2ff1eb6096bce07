"""Runs a script, watches it, stops it at its limits and judges what it leaves."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from decentralml.errors import NoSandbox, RunnerError, TaskFailed, TaskLimitExceeded
from decentralml.runner.limits import Limits, readable
from decentralml.runner.log import Log
from decentralml.runner.outcome import BadResult, read_result
from decentralml.runner.sandbox import Sandbox
from decentralml.runner.task import SCRIPT, TaskRun
from decentralml.runner.watch import Watch

_NAP = 0.02  # seconds of waiting for output before the watch is asked
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A run that ended well: ``exit_code`` is 0 and ``result`` is its ``result.json``."""

    exit_code: int
    seconds: float
    log_path: Path
    result_dir: Path
    result: dict[str, object]


def run_task(
    run: TaskRun,
    limits: Limits,
    sandbox: Sandbox,
    on_line: Callable[[str], None] | None = None,
) -> RunOutcome:
    """Runs a task's ``start_task.sh`` to its end and checks its result.

    When this returns or raises, no process of a sandboxed task is left; when this process is
    killed, such a task ends with it. A trusted one's end as far as they stayed in its session.

    Args:
        on_line: told each line that the script prints, harmless to print.

    Raises:
        TaskFailed: no script, an exit status other than 0, or no usable result.
        TaskLimitExceeded: it was stopped at a limit.
        NoSandbox: the sandbox did not start.
        RunnerError: the result folder is not empty.
    """
    if not (run.task_dir / SCRIPT).is_file():
        raise TaskFailed(f"{run.task_dir} has no {SCRIPT}", None, "")
    run.result_dir.mkdir(parents=True, exist_ok=True)
    if any(run.result_dir.iterdir()):
        raise RunnerError(f"{run.result_dir} is not empty. Remove what an earlier run left there.")
    log = Log(run.log, limits.log_bytes, on_line)
    scratch = _scratch_beside(run.log)
    started = time.monotonic()
    try:
        exit_code = _run(run, limits, sandbox, log, scratch)
    finally:
        log.close()
        shutil.rmtree(scratch, ignore_errors=True)
    seconds = time.monotonic() - started
    if exit_code != 0:
        raise _failed(exit_code, log, sandbox, limits)
    try:
        result = read_result(run.result_dir, limits.files, limits.disk_bytes, run.state_dir)
    except BadResult as error:
        raise TaskFailed(str(error), exit_code, log.end()) from error
    return RunOutcome(exit_code, seconds, run.log, run.result_dir, result)


def _failed(exit_code: int, log: Log, sandbox: Sandbox, limits: Limits) -> RunnerError:
    end = log.end()
    if exit_code in _ended_by(signal.SIGXFSZ):
        return TaskLimitExceeded("disk for one file", readable(limits.disk_bytes), end)
    if exit_code in _ended_by(signal.SIGXCPU):
        return TaskLimitExceeded("CPU time", readable(limits.cpu_seconds, "s"), end)
    if sandbox.isolated and end.startswith("bwrap: ") and "\n" not in end:
        return NoSandbox(end, "Run `decentralml doctor` to see what is missing.")
    return TaskFailed(f"{SCRIPT} ended with status {exit_code}", exit_code, end)


def _scratch_beside(log: Path) -> Path:
    """A new private folder; always the same, so that what a killed run left does not add up."""
    scratch = log.parent / f".{log.name}-scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    return scratch


def _ended_by(number: signal.Signals) -> tuple[int, int]:
    """How a command's status tells a signal: a shell's way, and Python's."""
    return 128 + number, -number


def _run(run: TaskRun, limits: Limits, sandbox: Sandbox, log: Log, scratch: Path) -> int:
    process = subprocess.Popen(
        sandbox.command(run, limits, scratch),
        env=sandbox.environment(run, scratch),
        cwd=sandbox.folder(run),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        past = _follow(process, Watch(process.pid, run.written, limits), limits, log)
    finally:
        _end(process)
        _drain(process, log, limits)
    if past is not None:
        raise TaskLimitExceeded(*past, log.end())
    return process.wait()


def _follow(
    process: subprocess.Popen[bytes], watch: Watch, limits: Limits, log: Log
) -> tuple[str, str] | None:
    """Keeps the log until the process ends; returns the limit that it passed, if any."""
    assert process.stdout is not None  # noqa: S101  it was opened as a pipe
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while process.poll() is None:
            if selector.get_map():
                ready = bool(selector.select(_NAP))
                data = os.read(process.stdout.fileno(), _PIECE) if ready else b""
                log.write(data)
                if ready and not data:
                    selector.unregister(process.stdout)
            if not selector.get_map():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_NAP)
            if log.received > limits.output_bytes:
                return "output", readable(limits.output_bytes)
            past = watch.exceeded() if watch.due() else None
            if past is not None and process.poll() is None:
                return past
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and what it started: with bubblewrap's, all inside ends."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _drain(process: subprocess.Popen[bytes], log: Log, limits: Limits) -> None:
    """Reads what is left in the pipe, and no more than that."""
    assert process.stdout is not None  # noqa: S101
    os.set_blocking(process.stdout.fileno(), False)
    with process.stdout, suppress(BlockingIOError):
        while log.received <= limits.output_bytes and (
            data := os.read(process.stdout.fileno(), _PIECE)
        ):
            log.write(data)
