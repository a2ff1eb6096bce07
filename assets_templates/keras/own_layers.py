"""Layers that stay the contributor's own from round to round (FedBN: Li and others, ICLR 2021).

The round names them by patterns as in file names, with commas between: ``*batch_norm*,bn*``. They
begin a round as they ended the contributor's last one, and lie in STATE_DIR meanwhile.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from corrections import arrays_of, names_of
from task import Place, TaskError

OWN = "own_layers.safetensors"  # in STATE_DIR


def put_back(where: Place, model: Any, patterns: str) -> None:
    """Gives the model the layers that were kept; none before the contributor's first round.

    Raises:
        TaskError: there is no STATE_DIR to keep them in, or they are of another model.
    """
    if not patterns or not _file(where).is_file():
        return
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        kept = load_file(_file(where))
    except (OSError, SafetensorError) as error:
        raise TaskError(f"{_file(where)} cannot be read: {error}") from error
    numbers = {name: number for number, name in names_of(model).items()}
    for name, array in kept.items():
        if name not in numbers or model.variables[numbers[name]].shape != array.shape:
            raise TaskError(f"the own layer {name!r} is of another model than this round's")
        model.variables[numbers[name]].assign(array)


def keep_own(where: Place, model: Any, patterns: str) -> None:
    """Keeps the layers that the patterns name."""
    if not patterns:
        return
    from safetensors.numpy import save_file

    path = _file(where)
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {number: name for number, name in names_of(model).items() if named(name, patterns)}
    partial = path.with_name(f"{OWN}.part")
    save_file(arrays_of(model, names), partial)
    partial.replace(path)


def named(layer: str, patterns: str) -> bool:
    """Whether one of the patterns names the layer; the case does not matter."""
    return any(
        fnmatchcase(layer.lower(), pattern.strip().lower()) for pattern in patterns.split(",")
    )


def _file(where: Place) -> Path:
    if where.state is None:
        raise TaskError("own layers are kept from round to round: set STATE_DIR, or --state")
    return where.state / OWN
