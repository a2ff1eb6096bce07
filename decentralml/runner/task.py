"""What a run consists of: the folders it sees, the variables it gets, and both in words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.runner.limits import Limits, readable

SCRIPT = "start_task.sh"

# Passed on from the person's environment when they are set: they only tune the libraries.
PASSED_ON = (
    "KERAS_BACKEND",
    "OMP_NUM_THREADS",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One run of a task's ``start_task.sh``.

    Attributes:
        task_dir: the bundle's folder, never written.
        data_dir: the person's data, never written; None for a task without data.
        result_dir: made if missing, empty before; what the script leaves here is the result.
        model_path: this round's model (a file or folder), never written; None without one.
        round: the federated round, from 1.
        contributor_id: who runs it, for the result's own use.
        env: more variables for the script; the fixed ones win.
        log_path: where the log goes; beside the result folder, as ``log``, unless given.
        settings_path: what the round's strategy asks (a JSON file), never written; None without.
        strategy_path: arrays of the round's strategy (a file), never written; None without.
        state_dir: the worker's own folder for this task, written by the script and counted with
            the result; None for a run that keeps nothing.
    """

    task_dir: Path
    data_dir: Path | None
    result_dir: Path
    model_path: Path | None
    round: int
    contributor_id: str
    env: Mapping[str, str] = field(default_factory=dict)
    log_path: Path | None = None
    settings_path: Path | None = None
    strategy_path: Path | None = None
    state_dir: Path | None = None

    @property
    def written(self) -> tuple[Path, ...]:
        """The folders that the script may fill."""
        return (self.result_dir,) if self.state_dir is None else (self.result_dir, self.state_dir)

    @property
    def log(self) -> Path:
        """Where the log is."""
        return self.log_path or self.result_dir.parent / "log"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the script finds a run's folders: the same ones, or those inside the sandbox."""

    task: str
    data: str | None
    result: str
    model: str | None
    scratch: str
    settings: str | None = None
    strategy: str | None = None
    state: str | None = None


def variables(run: TaskRun, places: Places, path: str) -> dict[str, str]:
    """The whole environment of the script: nothing else of the person's is in it.

    Args:
        path: the PATH, on which ``python`` is the interpreter that runs this package.
    """
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    fixed = {
        "PATH": path,
        "HOME": places.scratch,
        "TMPDIR": places.scratch,
        "USER": "task",
        "LOGNAME": "task",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "TASK_DIR": places.task,
        "RESULT_DIR": places.result,
        "ROUND": str(run.round),
        "CONTRIBUTOR_ID": run.contributor_id,
    }
    given = {
        "DATA_DIR": places.data,
        "MODEL_PATH": places.model,
        "ROUND_SETTINGS": places.settings,
        "STRATEGY_PATH": places.strategy,
        "STATE_DIR": places.state,
    }
    fixed |= {name: place for name, place in given.items() if place is not None}
    return {**passed_on, **run.env, **fixed}


@dataclass(frozen=True, slots=True)
class Description:
    """What a person is shown before a script runs; ``str()`` gives it in words."""

    script: str
    isolated: bool
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    network: bool
    limits: tuple[str, ...]

    def __str__(self) -> str:
        """A few lines for the terminal."""
        network = "as you have" if self.network else "none"
        alone = "in a sandbox" if self.isolated else "WITHOUT a sandbox, with all your rights"
        return "\n".join(
            (
                f"Runs {self.script} {alone}.",
                f"  reads    {', '.join(self.reads)}",
                f"  writes   {', '.join(self.writes)}",
                f"  network  {network}",
                f"  at most  {', '.join(self.limits)}",
            )
        )


def describe(run: TaskRun, limits: Limits, isolated: bool) -> Description:
    """What a run may touch and use.

    Args:
        isolated: `Sandbox.isolated` of the sandbox that will run it.
    """
    readable_paths = (
        run.task_dir, run.data_dir, run.model_path, run.settings_path, run.strategy_path,
    )  # fmt: skip
    given = [str(path) for path in readable_paths if path is not None]
    filled = tuple(map(str, run.written))
    beyond = "this machine's programs and Python packages" if isolated else "all that you can read"
    return Description(
        script=str(run.task_dir / SCRIPT),
        isolated=isolated,
        reads=(*given, beyond),
        writes=filled if isolated else (*filled, "all that you can"),
        network=not isolated,
        limits=(
            readable(limits.wall_seconds, "s"),
            readable(limits.cpu_seconds, "s of CPU"),
            f"{readable(limits.memory_bytes)} of memory",
            f"{readable(limits.disk_bytes)} of results",
            readable(limits.tasks, "processes and threads"),
        ),
    )
