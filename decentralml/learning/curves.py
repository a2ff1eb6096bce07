"""Learning curves: a JSON line a round while a job goes on, and a picture of them."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from decentralml.learning.errors import FrameworkMissing

Curve = Sequence[tuple[int, float]]
"""(round, value), in the order of rounds."""


def append(path: Path, line: Mapping[str, object]) -> None:
    """Adds one line to a file of JSON lines; it is on the disk when this returns.

    What a killed writer left of a last line is cut off first, so no line is ever half another.

    Raises:
        ValueError: a value is no JSON, or a number is not finite.
    """
    text = json.dumps(dict(line), allow_nan=False, ensure_ascii=False)
    with path.open("ab+") as file:
        file.truncate(_whole(file.seek(0, os.SEEK_END), path))
        file.write(text.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """The file's whole lines, none where there is no file; a torn last line is left out.

    Raises:
        ValueError: a line is no JSON object: somebody else wrote it.
    """
    if not path.is_file():
        return []
    text = path.read_bytes()[: _whole(path.stat().st_size, path)].decode()
    lines = [json.loads(line) for line in text.splitlines()]
    if not all(isinstance(line, dict) for line in lines):
        raise ValueError(f"{path} holds lines that are no JSON objects")
    return lines


def draw(
    path: Path,
    curves: Mapping[str, Curve],
    *,
    title: str = "",
    label: str = "accuracy",
    percent: bool = True,
) -> None:
    """Writes a PNG with one line for each name.

    Args:
        curves: name → (round, value); several names get a legend.
        label: of the upright axis.
        percent: the values are shares from 0 to 1, shown as percentages.

    Raises:
        FrameworkMissing: matplotlib is not installed.
    """
    try:
        mpl: Any = importlib.import_module("matplotlib")
        mpl.use("Agg")
        pyplot: Any = importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise FrameworkMissing("keras") from error
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for name, curve in curves.items():
        values = [100 * value if percent else value for _, value in curve]
        axes.plot([number for number, _ in curve], values, marker=".", label=name)
    axes.set_xlabel("round")
    axes.set_ylabel(f"{label}, %" if percent else label)
    axes.set_title(title, loc="left")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _whole(size: int, path: Path) -> int:
    """Bytes up to and with the last line's end."""
    with path.open("rb") as file:
        end = size
        while end:
            start = max(0, end - 4096)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0
