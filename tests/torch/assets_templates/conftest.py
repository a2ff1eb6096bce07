"""A PyTorch task folder as a creator makes it, with a first model and a contributor's data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from decentralml.learning.datasets import Examples
from decentralml.roles.templates import new_task_folder


@dataclass(frozen=True)
class Job:
    """Where a test's files are."""

    task: Path
    model: Path
    data: Path

    @property
    def script(self) -> Path:
        return self.task / "start_task.sh"

    def variables(self, **more: object) -> dict[str, str]:
        """The environment that a worker's machine sets."""
        given = {"TASK_DIR": self.task, "DATA_DIR": self.data, "MODEL_PATH": self.model, **more}
        return {name: str(value) for name, value in given.items()}


@pytest.fixture
def job(tmp_path: Path, scripts: Callable[[str], Any], make_blots: Callable[..., Examples]) -> Job:
    """Five batches a round on 200 images of the labels 0 to 3."""
    settings = {"steps": 5, "batch_size": 16, "learning_rate": 0.02}
    made = Job(
        new_task_folder("pytorch", tmp_path / "task", settings),
        tmp_path / "model.safetensors",
        tmp_path / "data",
    )
    torch.manual_seed(1)
    scripts("weights").save(scripts("model").build_model(), made.model)
    make_blots(200, 1, (0, 1, 2, 3)).save(made.data / "mine.npz")
    return made
