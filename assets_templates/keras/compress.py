"""Sends what training changed instead of the whole model: fewer bytes, and a little less exact.

``update.safetensors`` in place of a model, by one of three methods:

float16   half precision: half the bytes
int8      whole numbers of -127 to 127 and a scale for each 256 of them: a quarter
topk      only the largest changes (``fraction`` of each layer) and where they are

What is lost is kept in STATE_DIR and added to the next round's change (error feedback). Without a
STATE_DIR it is lost for ever, which ``topk`` does not bear well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from task import Place, TaskError

Arrays = dict[str, np.ndarray]
Packed = tuple[Arrays, np.ndarray]
"""A layer's arrays by their kind, and the change that a reader makes of them."""

UPDATE = "update.safetensors"  # in RESULT_DIR
REST = "rest.safetensors"  # in STATE_DIR: what was lost
SCALED = 256
LEVELS = 127
KEY = "decentralml_update"


def save_update(where: Place, before: Arrays, after: Arrays, method: str, fraction: float) -> Path:
    """Writes by how much ``after`` differs from ``before``, and keeps what that loses.

    Raises:
        TaskError: there is no such method, or a change is too large for it.
    """
    from safetensors.numpy import save_file

    if method not in METHODS:
        raise TaskError(f"compression is {method!r}; it may be {', '.join(METHODS)}, or empty")
    if not 0 < fraction <= 1:
        raise TaskError(f"fraction is {fraction}; it must be above 0 and at most 1")
    kept = _kept(where, before)
    tensors, rest = {}, {}
    for name, start in before.items():
        change = after[name] - start + kept.get(name, np.float32(0))
        arrays, sent = METHODS[method](change.reshape(-1).astype(np.float32), fraction)
        if not np.isfinite(sent).all():
            raise TaskError(f"{name} changed by more than {method} can hold: compress otherwise")
        rest[name] = np.asarray(change - sent.reshape(start.shape))
        for kind, array in arrays.items():
            shaped = method != TOPK and kind == "values"
            tensors[f"{kind}/{name}"] = array.reshape(start.shape) if shaped else array
    path = where.result / UPDATE
    save_file(tensors, path, {KEY: json.dumps({"method": method})})
    _keep(where, rest)
    return path


def _halved(change: np.ndarray, _: float) -> Packed:
    with np.errstate(over="ignore"):  # infinite then, which is refused
        values = change.astype(np.float16)
    return {"values": values}, values.astype(np.float32)


def _quantised(change: np.ndarray, _: float) -> Packed:
    rows = np.zeros((-(-change.size // SCALED), SCALED), np.float32)
    rows.reshape(-1)[: change.size] = change
    scales = np.abs(rows).max(axis=1) / np.float32(LEVELS)
    levels = np.divide(rows, scales[:, None], out=np.zeros_like(rows), where=scales[:, None] > 0)
    values = np.clip(np.rint(levels), -LEVELS, LEVELS).astype(np.int8)
    sent = (values * scales[:, None]).reshape(-1)[: change.size]
    return {"scales": scales, "values": values.reshape(-1)[: change.size]}, sent


def _largest(change: np.ndarray, fraction: float) -> Packed:
    count = min(change.size, math.ceil(change.size * fraction))
    largest = np.argpartition(np.abs(change), change.size - count)[change.size - count :]
    indices = np.sort(largest)
    sent = np.zeros_like(change)
    sent[indices] = change[indices]
    return {"indices": indices.astype(np.uint32), "values": change[indices]}, sent


TOPK = "topk"
METHODS: dict[str, Callable[[np.ndarray, float], Packed]] = {
    "float16": _halved,
    "int8": _quantised,
    TOPK: _largest,
}


def _kept(where: Place, model: Arrays) -> Arrays:
    """What the rounds before lost; nothing where it is of another model."""
    from safetensors.numpy import load_file

    path = where.state / REST if where.state else None
    if path is None or not path.is_file():
        return {}
    found: Arrays = load_file(path)
    shapes = {name: array.shape for name, array in found.items()}
    return found if shapes == {name: array.shape for name, array in model.items()} else {}


def _keep(where: Place, rest: Arrays) -> None:
    from safetensors.numpy import save_file

    if where.state is not None:
        where.state.mkdir(parents=True, exist_ok=True)
        partial = where.state / f"{REST}.part"
        save_file(rest, partial)
        partial.replace(where.state / REST)
