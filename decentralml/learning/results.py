"""A result folder that somebody sent, read as hostile: what does not fit is refused by name.

    result.json            {"examples": 600, "metrics": {"accuracy": 0.93}}
    model.keras            or <name>.keras, weights.safetensors: at most one model
    update.safetensors     in place of a model: what changed, compressed (see ``compression``)
    strategy.safetensors   further arrays that the round's strategy asks for (SCAFFOLD)
    answers.jsonl          an annotator's, one JSON object a line

A name may carry the contributor's identity (``model-3f2a….keras``).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.learning import weights
from decentralml.learning.errors import (
    BadExampleCount,
    MalformedResult,
    MetricNotFinite,
    MissingFile,
    TooLarge,
    UnexpectedFile,
)
from decentralml.learning.hostile_json import JsonRefused, read_json
from decentralml.learning.limits import DEFAULT_RESULT_LIMITS, ResultLimits
from decentralml.learning.models import SUFFIXES
from decentralml.learning.pickles import refuse_pickles

NOTE: Final = "result.json"
ANSWERS: Final = "answers.jsonl"
UPDATE: Final = "update.safetensors"
EXTRAS: Final = "strategy.safetensors"
_NOTE_KEYS: Final = frozenset({"examples", "metrics"})
_MAX_METRIC_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class ContributorResult:
    """A result folder whose files, note and sizes were checked; the model's arrays not yet."""

    folder: Path
    examples: int
    """Training examples that the worker says it used: the weight in the mean."""
    metrics: dict[str, float]
    model: Path | None
    """``.keras`` or ``.safetensors``."""
    answers: Path | None
    """``answers.jsonl``, lines not yet read: see ``answers.read_answers``."""
    update: Path | None = None
    """``update.safetensors``, where it stands in place of a model."""
    extras: Path | None = None
    """``strategy.safetensors``."""


def read_result(folder: Path, limits: ResultLimits = DEFAULT_RESULT_LIMITS) -> ContributorResult:
    """Checks a result folder: its files, its note, and that no pickle is among them.

    Raises:
        MissingFile, UnexpectedFile, TooLarge, PickleRefused: by its files.
        MalformedResult, BadExampleCount, MetricNotFinite: by ``result.json``.
        MalformedModel: the header of a ``.safetensors`` is damaged.
    """
    files = list(_files(folder, limits))
    for file in files:
        refuse_pickles(file, str(file.relative_to(folder)))
    examples, metrics = read_note(folder / NOTE, limits)
    top = {file.name: file for file in files if file.parent == folder}
    update, extras = top.pop(UPDATE, None), top.pop(EXTRAS, None)
    models = [file for file in top.values() if file.suffix in SUFFIXES]
    if len(models) + (update is not None) > 1:
        raise UnexpectedFile(f"{len(models)} models in one result; send one, or {UPDATE}")
    model = models[0] if models else None
    if model is not None and model.suffix == weights.SUFFIX:
        header = weights.read_header(model, limits.model)
        if header is not None and header.examples != examples:
            raise MalformedResult(f"{NOTE} and the header of {model.name} count different examples")
    return ContributorResult(folder, examples, metrics, model, top.get(ANSWERS), update, extras)


def read_note(
    path: Path, limits: ResultLimits = DEFAULT_RESULT_LIMITS
) -> tuple[int, dict[str, float]]:
    """Examples and metrics of a ``result.json``. Raises as ``read_result``."""
    if not path.is_file():
        raise MissingFile(path.name)
    with path.open("rb") as file:
        data = file.read(limits.note_bytes + 1)
    try:
        note = read_json(data, limits.note_bytes, max_depth=8)
    except JsonRefused as error:
        raise MalformedResult(f"{path.name}: {error}") from error
    if not isinstance(note, dict) or not set(note) <= _NOTE_KEYS:
        raise MalformedResult(f'{path.name} must be {{"examples": …, "metrics": {{…}}}}')
    return _examples(note.get("examples"), limits), _metrics(note.get("metrics", {}), limits)


def _files(folder: Path, limits: ResultLimits) -> Iterator[Path]:
    """The regular files, sorted; refuses links and devices without following them."""
    if not folder.is_dir() or folder.is_symlink():
        raise MissingFile(folder.name)
    count = total = 0
    waiting = [(folder, 1)]
    while waiting:
        current, depth = waiting.pop()
        for entry in sorted(os.scandir(current), key=lambda entry: entry.name):
            count += 1
            if count > limits.files:
                raise TooLarge("the number of files", count, limits.files)
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                if depth >= limits.depth:
                    raise UnexpectedFile(f"folders nest deeper than {limits.depth}")
                waiting.append((Path(entry.path), depth + 1))
                continue
            if not stat.S_ISREG(info.st_mode):
                raise UnexpectedFile(f"{entry.name} is a link or a device, no regular file")
            total += info.st_size
            if total > limits.total_bytes:
                raise TooLarge("the result in bytes", total, limits.total_bytes)
            yield Path(entry.path)


def _examples(value: Any, limits: ResultLimits) -> int:
    if type(value) is not int or not 1 <= value <= limits.examples:
        raise BadExampleCount(
            f"the count of examples is {str(value)[:40]}; "
            f"it must be a whole number from 1 to {limits.examples}"
        )
    return value


def _metrics(value: Any, limits: ResultLimits) -> dict[str, float]:
    if not isinstance(value, dict):
        raise MalformedResult("metrics must be an object of numbers")
    if len(value) > limits.metrics:
        raise TooLarge("the number of metrics", len(value), limits.metrics)
    for name, number in value.items():
        if len(name) > _MAX_METRIC_NAME:
            raise MalformedResult(f"the name of a metric is {len(name)} characters long")
        if type(number) not in (int, float):  # read_json took finite ones only
            raise MetricNotFinite(f"the metric {name!r} is {str(number)[:40]}, no finite number")
    return {name: float(number) for name, number in value.items()}
