"""Learning curves for TensorBoard, written without TensorFlow."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from decentralml.learning.errors import FrameworkMissing


class Board:
    """A folder of event files that TensorBoard reads.

    Args:
        folder: made if missing.
        first: values of this step and later ones that are there already are replaced.

    Raises:
        FrameworkMissing: tensorboardX is not installed.
    """

    def __init__(self, folder: Path, *, first: int = 0) -> None:
        try:
            library: Any = importlib.import_module("tensorboardX")
        except ImportError as error:
            raise FrameworkMissing("tensorboard") from error
        self._writer: Any = library.SummaryWriter(str(folder), purge_step=first)

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Values of one step, on the disk when this returns."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
