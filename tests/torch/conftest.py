"""Images that anybody can make, and a person's machine to run task folders on."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import assets_templates
from decentralml.learning.datasets import Examples

TEMPLATE = Path(assets_templates.__file__).parent / "pytorch"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More threads than free cores are slower, and sum in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def blots(count: int, seed: int, labels: tuple[int, ...] = tuple(range(10))) -> Examples:
    """28 x 28 images, each its label's own pattern under noise: as easy as MNIST, made at once."""
    patterns = np.random.default_rng(0).integers(0, 2, (10, 7, 7)) * 200
    generator = np.random.default_rng(seed)
    chosen = generator.choice(labels, count).astype(np.uint8)
    clean = np.kron(patterns[chosen], np.ones((1, 4, 4)))
    noisy = clean + generator.normal(scale=60, size=clean.shape)
    return Examples(noisy.clip(0, 255).astype(np.uint8), chosen)


@pytest.fixture
def start(tmp_path: Path) -> Run:
    """Runs a script with the environment of a task and nothing else of ours."""

    def run(
        *command: str | Path, stdin: str | None = None, **variables: str | Path
    ) -> subprocess.CompletedProcess[str]:
        environment: Mapping[str, str] = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "OMP_NUM_THREADS": "1",
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


@pytest.fixture
def make_blots() -> Callable[..., Examples]:
    """See ``blots``."""
    return blots


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Imports a script of the template by its name, as a notebook beside it would."""
    monkeypatch.syspath_prepend(TEMPLATE)
    names = [path.stem for path in TEMPLATE.glob("*.py")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module
