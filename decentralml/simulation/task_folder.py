"""Work given as a task folder: the very scripts that contributors' machines run.

A worker process imports the folder's ``train_model`` once, with its framework, and calls its
``main`` for every turn with the environment that ``start_task.sh`` would have. There is no sandbox:
simulate folders whose scripts you wrote or read.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from decentralml.simulation.errors import BadSimulation, NotMeasured
from decentralml.simulation.turn import Turn

TRAIN: Final = "train_model"
EVALUATE: Final = "evaluate_model"
_TAIL: Final = 200  # characters of what a script printed last


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """A task folder as `decentralml creator new-task` makes it, with ``train_model.py`` in it.

    ``train_model.main()`` takes what it needs from the environment (``DATA_DIR``, ``MODEL_PATH``,
    ``RESULT_DIR``, …) and raises where it cannot go on.
    """

    folder: Path

    def __call__(self, turn: Turn) -> None:
        given = {
            "TASK_DIR": self.folder,
            "DATA_DIR": turn.data,
            "MODEL_PATH": turn.model,
            "RESULT_DIR": turn.result,
            "STATE_DIR": turn.state,
            "ROUND_SETTINGS": turn.settings,
            "STRATEGY_PATH": turn.strategy,
            "ROUND": turn.round,
            "CONTRIBUTOR_ID": turn.contributor,
        }
        _main(self.folder, TRAIN, given)

    @property
    def identity(self) -> str:
        """SHA-256 of the folder's files: another one is another simulation."""
        digest = hashlib.sha256()
        for file in sorted(path for path in self.folder.iterdir() if path.is_file()):
            digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class FolderMeasure:
    """Measures a model by the folder's ``evaluate_model.main()``, which prints a JSON object.

    Args:
        folder: the task folder.
        data: what ``DATA_DIR`` names: images and labels that nobody trains on.
    """

    folder: Path
    data: Path

    def __call__(self, model: Path) -> dict[str, float]:
        printed = _main(self.folder, EVALUATE, {"DATA_DIR": self.data, "MODEL_PATH": model})
        lines = printed.strip().splitlines()
        try:
            found: Any = json.loads(lines[-1])
            return {str(name): float(found[name]) for name in found if name != "examples"}
        except (IndexError, ValueError, TypeError) as error:
            raise NotMeasured(model, f"{EVALUATE}.py printed no JSON object") from error


def check_folder(folder: Path, *, evaluate: bool) -> None:
    """Raises BadSimulation where a script that is needed is missing."""
    for name in (TRAIN, *([EVALUATE] if evaluate else [])):
        if not (folder / f"{name}.py").is_file():
            raise BadSimulation(
                f"{folder} has no {name}.py; `decentralml creator new-task` makes a task folder"
            )


def _main(folder: Path, name: str, given: dict[str, Any]) -> str:
    """What a script's ``main`` printed."""
    printed = io.StringIO()
    script = str(folder / f"{name}.py")
    with _environment(given), _working_in(folder):
        arguments, sys.argv = sys.argv, [script]
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                _imported(folder, name).main()
        except SystemExit as ended:
            if ended.code not in (None, 0):
                last = " ".join(printed.getvalue()[-_TAIL:].split())
                raise RuntimeError(f"{name}.py ended with {ended.code}: {last}") from ended
        finally:
            sys.argv = arguments
            _forget_graphs()
    return printed.getvalue()


def _imported(folder: Path, name: str) -> ModuleType:
    if sys.path[0] != str(folder):
        sys.path.insert(0, str(folder))
    module = importlib.import_module(name)
    if Path(module.__file__ or "").parent.resolve() != folder.resolve():
        raise BadSimulation(f"{name} was imported from {module.__file__}, not from {folder}")
    return module


@contextlib.contextmanager
def _environment(given: dict[str, Any]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in given}
    _set(given)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = str(value)


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _forget_graphs() -> None:
    """Keras keeps every model's graph for the process's life: a thousand turns would fill it."""
    backend = sys.modules.get("keras.utils")
    if backend is not None:
        backend.clear_session()
