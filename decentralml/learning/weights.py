"""Weights as a safetensors file with a header that says whose they are; never pickle.

A safetensors file is a length, a JSON header and raw arrays: reading one executes nothing, and its
shapes are known before its bytes are read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from decentralml.learning.errors import MalformedModel, TooLarge
from decentralml.learning.hostile_json import JsonRefused, read_json
from decentralml.learning.layers import (
    Array,
    Layers,
    LayerSpec,
    Template,
    check_finite,
    check_specs,
)
from decentralml.learning.limits import DEFAULT_MODEL_LIMITS, ModelLimits
from decentralml.learning.updates import InFile, bytes_of
from decentralml.learning.writing import DTYPES, write_safetensors
from decentralml.types import Cid

SUFFIX: Final = ".safetensors"
_KEY: Final = "decentralml"
_MAX_NOTE: Final = 64 * 1024
_MAX_COUNT: Final = 10**15


@dataclass(frozen=True, slots=True)
class WeightsHeader:
    """Where a file of weights comes from."""

    examples: int
    """Training examples behind the weights; from 1 on."""
    metrics: dict[str, float] = field(default_factory=dict)
    round: int = 1
    base_model: Cid | None = None
    """The model that training began with."""
    contributor: str = ""


def save_weights(path: Path, layers: Layers, header: WeightsHeader) -> None:
    """Writes ``layers`` to ``path``, whole or not at all.

    Raises:
        NotFinite: an array holds NaN or infinity.
        ValueError: the header's numbers are out of range, or an array is not floating-point.
    """
    for name, array in layers.items():
        _check_floating(name, str(array.dtype))
    check_finite(layers)
    note = _note_of(header, path)
    partial = path.with_name(path.name + ".part")
    ordered = {name: np.asarray(array, order="C") for name, array in layers.items()}
    save_file(ordered, partial, {_KEY: note})
    partial.replace(path)


def write_weights(
    path: Path,
    template: Template,
    layers: Iterable[tuple[str, Array]],
    header: WeightsHeader,
) -> None:
    """As ``save_weights``, of layers that come one after another in the template's order.

    Raises:
        StrategyFailed: they are not the template's, or not finite.
        ValueError: the header's numbers are out of range, or a layer is not floating-point.
    """
    for name, spec in template.items():
        _check_floating(name, spec.dtype)
    write_safetensors(path, template, layers, {_KEY: _note_of(header, path)})


def read_weights(
    path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS
) -> tuple[Layers, WeightsHeader]:
    """Arrays and header of a file that anybody may have written.

    Raises:
        TooLarge, MalformedModel, NotFinite: see there.
    """
    with _opened(path, limits) as file:
        header = _parse_header(_note(file, path), path)
    return read_arrays(path, limits), header


def read_header(path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> WeightsHeader | None:
    """The header alone, or None where the file has none: other tools write safetensors too."""
    with _opened(path, limits) as file:
        if _KEY not in (file.metadata() or {}):
            return None
        return _parse_header(_note(file, path), path)


def read_arrays(
    path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS, template: Template | None = None
) -> Layers:
    """The arrays of a safetensors file, finite, and fitting ``template`` where one is given.

    Raises:
        TooLarge, MalformedModel, NotFinite, LayerMismatch, ShapeMismatch, DtypeMismatch: see there.
    """
    with _opened(path, limits) as file:
        specs = _specs(file, path, limits)
        if template is not None:
            check_specs(specs, template)
        layers = {name: file.get_tensor(name) for name in template or specs}
    check_finite(layers)
    return layers


def open_arrays(
    path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS, template: Template | None = None
) -> InFile:
    """The arrays to be read in pieces, in the template's order; their values are not checked.

    Raises:
        TooLarge, MalformedModel, LayerMismatch, ShapeMismatch, DtypeMismatch: see there.
    """
    found, _ = open_tensors(path, limits)
    if template is None:
        return found
    check_specs(found.template, template)
    return InFile(path, template, found.offsets)


def open_tensors(
    path: Path, limits: ModelLimits, dtypes: Mapping[str, str] = DTYPES
) -> tuple[InFile, dict[str, str]]:
    """Arrays of these number types (the format's name → NumPy's), and what the header says else.

    Raises:
        TooLarge, MalformedModel: see there.
    """
    with _opened(path, limits) as file:
        specs, metadata = _specs(file, path, limits, dtypes), file.metadata() or {}
    with path.open("rb") as raw:
        offset = 8 + int.from_bytes(raw.read(8), "little")
    # The library has checked that the arrays lie one after another, without a gap.
    offsets = {}
    for name, spec in specs.items():
        offsets[name] = offset
        offset += bytes_of(spec)
    return InFile(path, specs, offsets), dict(metadata)


def read_specs(path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> dict[str, LayerSpec]:
    """Names, shapes and types, without reading the arrays. Raises as ``read_arrays``."""
    with _opened(path, limits) as file:
        return _specs(file, path, limits)


@contextmanager
def _opened(path: Path, limits: ModelLimits) -> Iterator[Any]:
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise TooLarge(f"{path.name} in bytes", size, limits.file_bytes)
    with path.open("rb") as raw:
        header_size = int.from_bytes(raw.read(8), "little")
    if header_size > limits.header_bytes:
        raise TooLarge(f"the header of {path.name} in bytes", header_size, limits.header_bytes)
    try:
        file = safe_open(path, framework="np")
    except (SafetensorError, OSError) as error:
        raise MalformedModel(f"{path.name} is no safetensors file: {error}") from error
    with file:
        yield file


def _specs(
    file: Any, path: Path, limits: ModelLimits, dtypes: Mapping[str, str] = DTYPES
) -> dict[str, LayerSpec]:
    # offset_keys gives the order in the file; keys() is sorted anew by each release.
    names = list(file.offset_keys())
    if len(names) > limits.layers:
        raise TooLarge(f"the number of layers in {path.name}", len(names), limits.layers)
    specs = {}
    for name in names:
        view = file.get_slice(name)
        dtype = dtypes.get(view.get_dtype())
        if dtype is None:
            raise MalformedModel(
                f"layer {name!r} is {view.get_dtype()}; known: {', '.join(dtypes)}"
            )
        specs[name] = LayerSpec(tuple(view.get_shape()), dtype)
    return specs


def _check_floating(name: str, dtype: str) -> None:
    if dtype not in DTYPES.values():
        raise ValueError(f"layer {name!r} is {dtype}; weights are floating-point numbers")


def _note_of(header: WeightsHeader, path: Path) -> str:
    note = json.dumps(asdict(header), allow_nan=False)
    _parse_header(note, path)
    return note


def _note(file: Any, path: Path) -> str:
    note = (file.metadata() or {}).get(_KEY)
    if note is None:
        raise MalformedModel(f"{path.name} has no {_KEY!r} header; write it with save_weights")
    return str(note)


def _parse_header(note: str, path: Path) -> WeightsHeader:
    try:
        value = read_json(note.encode(), _MAX_NOTE)
    except JsonRefused as error:
        raise MalformedModel(f"the header of {path.name}: {error}") from error
    if not isinstance(value, dict) or set(value) != set(WeightsHeader.__slots__):
        raise MalformedModel(f"the header of {path.name} has other fields than {_KEY} writes")
    metrics, base = value["metrics"], value["base_model"]
    fits = (
        _is_count(value["examples"])
        and _is_count(value["round"])
        and isinstance(metrics, dict)
        and all(_is_number(metric) for metric in metrics.values())
        and (base is None or isinstance(base, str))
        and isinstance(value["contributor"], str)
    )
    if not fits:
        raise MalformedModel(f"the header of {path.name} has a value of the wrong kind")
    return WeightsHeader(
        value["examples"],
        {name: float(metric) for name, metric in metrics.items()},
        value["round"],
        None if base is None else Cid(base),
        value["contributor"],
    )


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value <= _MAX_COUNT


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
