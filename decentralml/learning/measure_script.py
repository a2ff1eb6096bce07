"""A model measured by the creator's own ``evaluate_model.py``: any framework, any figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from decentralml.learning.errors import MeasureFailed

EVALUATE: Final = "evaluate_model.py"
_TAIL: Final = 500  # characters of what the script said
_COUNT: Final = "examples"


def measuring_by_script(folder: Path) -> Callable[[Path], dict[str, float]]:
    """A function from a model's file to what the folder's script prints of it.

    The script is run as the templates' is, with ``DATA_DIR`` (the folder) and ``MODEL_PATH`` (the
    file), by this Python and without a sandbox: it is the code of whoever measures. The last line
    that it prints is a JSON object of numbers, for example
    ``{"examples": 10000, "accuracy": 0.98, "loss": 0.06}``; the count of examples is no figure, and
    a diverged model's loss may be NaN.

    Raises (the function):
        MeasureFailed: it ended with an error, or printed no such line.
    """
    script = (folder / EVALUATE).resolve()

    def measure(model: Path) -> dict[str, float]:
        places = {"DATA_DIR": str(script.parent), "MODEL_PATH": str(model.resolve())}
        done = subprocess.run(
            [sys.executable, str(script)],
            cwd=script.parent,
            env={**os.environ, **places},
            capture_output=True,
            check=False,
        )
        figures = _figures(done.stdout) if done.returncode == 0 else None
        if figures is None:
            said = (done.stderr or done.stdout).decode(errors="replace")
            raise MeasureFailed(script, model, " ".join(said.split())[-_TAIL:])
        return figures

    return measure


def _figures(printed: bytes) -> dict[str, float] | None:
    lines = printed.strip().splitlines()
    try:
        found: Any = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    figures = {name: value for name, value in found.items() if name != _COUNT}
    if not figures or not all(type(value) in (int, float) for value in figures.values()):
        return None
    return {name: float(value) for name, value in figures.items()}
