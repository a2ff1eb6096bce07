"""A model's file written layer by layer, so that no more than one layer is in memory.

The safetensors library writes whole models only; its format is a length, a JSON header and the
arrays one after another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from decentralml.learning.errors import StrategyFailed
from decentralml.learning.layers import Array, LayerSpec, Template, count_not_finite
from decentralml.learning.updates import bytes_of

DTYPES: Final = {"F16": "float16", "F32": "float32", "F64": "float64"}
PACKED: Final = {**DTYPES, "I8": "int8", "U32": "uint32"}
"""What compressed updates hold besides."""
_CODES: Final = {dtype: code for code, dtype in PACKED.items()}
_ALIGNMENT: Final = 8


def write_safetensors(
    path: Path,
    template: Template,
    layers: Iterable[tuple[str, Array]],
    metadata: Mapping[str, str],
) -> None:
    """Writes a model's layers, which come as the template names them, whole or not at all.

    Raises:
        StrategyFailed: see ``sound``.
    """
    write_tensors(path, template, sound(layers, template), metadata)


def write_tensors(
    path: Path,
    specs: Template,
    tensors: Iterable[tuple[str, Array]],
    metadata: Mapping[str, str],
) -> None:
    """As ``write_safetensors``, unchecked: arrays of ``specs``' sizes and types, in their order."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            file.write(header_of(specs, metadata))
            for _, array in tensors:
                file.write(np.asarray(array, _stored(array.dtype), order="C").data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def header_of(template: Template, metadata: Mapping[str, str]) -> bytes:
    """What stands before the arrays, which then follow in the template's order without a gap."""
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, spec in template.items():
        begin, end = end, end + bytes_of(spec)
        entries[name] = {
            "dtype": _CODES[spec.dtype],
            "shape": list(spec.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def sound(layers: Iterable[tuple[str, Array]], template: Template) -> Iterator[tuple[str, Array]]:
    """The layers as they come, if they are a model that the template describes.

    Raises:
        StrategyFailed: a layer is not the template's next one, has another shape or number type, or
            a value that is not finite.
    """
    waiting = iter(template.items())
    for name, array in layers:
        expected, spec = next(waiting, (None, None))
        found = LayerSpec(array.shape, array.dtype.name)
        if name != expected or found != spec:
            raise StrategyFailed(f"{name!r} {found} came in place of {expected!r} {spec}")
        wrong = count_not_finite(array.reshape(-1))
        if wrong:
            raise StrategyFailed(f"layer {name!r} has {wrong} values that are not finite")
        yield name, array
    missing = next(waiting, None)
    if missing is not None:
        raise StrategyFailed(f"layer {missing[0]!r} did not come")


def _stored(dtype: np.dtype[Any]) -> np.dtype[Any]:
    little: np.dtype[Any] = dtype.newbyteorder("<")
    return little
