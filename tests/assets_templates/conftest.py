"""Task folders made from the templates, and a person's machine to run them on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import pytest

from assets_templates.mnist.job import Job, Plan, make_job
from decentralml.learning.datasets import load_sklearn_digits

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The main job, small, on the handwritten digits that scikit-learn ships."""
    pytest.importorskip("keras")
    plan = Plan(contributor_examples=200, engineer_examples=60, items=4, epochs=2)
    return make_job(tmp_path_factory.mktemp("job"), load_sklearn_digits("a test needs few"), plan)


@pytest.fixture
def start(tmp_path: Path) -> Run:
    """Runs a script with the environment of a task and nothing else of ours."""

    def run(
        *command: str | Path, stdin: str | None = None, **variables: str | Path
    ) -> subprocess.CompletedProcess[str]:
        environment: Mapping[str, str] = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "RESULT_DIR": str(tmp_path / "result"),
            **{name: str(value) for name, value in variables.items()},
        }
        return subprocess.run(
            [str(part) for part in command],
            env=environment,
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    return run
