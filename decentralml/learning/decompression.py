"""A compressed difference that a stranger wrote, read in pieces as the model that it leads to.

What the formats are says ``compression``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from decentralml.learning import weights
from decentralml.learning.compression import FLOAT16, INT8, KEY, METHODS, SCALED, TOPK
from decentralml.learning.errors import DtypeMismatch, LayerMismatch, MalformedUpdate, ShapeMismatch
from decentralml.learning.hostile_json import JsonRefused, read_json
from decentralml.learning.layers import Array, LayerSpec, Template, check_specs
from decentralml.learning.limits import DEFAULT_MODEL_LIMITS, ModelLimits
from decentralml.learning.updates import BLOCK, InFile, Readable, size_of, spans
from decentralml.learning.writing import PACKED

_MAX_NOTE: Final = 1024


def open_update(path: Path, base: Readable, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> Readable:
    """The model that ``base`` becomes by the difference in ``path``.

    Scales and indices are checked here; whether the numbers are finite, as for any update, when
    they are read.

    Raises:
        TooLarge, MalformedModel: as any safetensors file.
        MalformedUpdate: no known method; scales, indices or counts that no method writes.
        LayerMismatch, ShapeMismatch, DtypeMismatch: it is a difference to another model.
    """
    packed, metadata = weights.open_tensors(path, _doubled(limits), PACKED)
    method = _method(path, metadata)
    return Moved(base, _READERS[method](packed, base.template))


class Moved:
    """A model that is a base and a difference: a ``Readable``."""

    def __init__(self, base: Readable, change: _Change) -> None:
        self.template, self._base, self._change = base.template, base, change

    def block(self, layer: str, start: int, stop: int) -> Array:
        """See ``Readable.block``."""
        base = self._base.block(layer, start, stop)
        moved: Array = base.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            self._change.add(moved, layer, start, stop)
            block = moved.astype(base.dtype)
        block.flags.writeable = False
        return block


class _Change(Protocol):
    def add(self, target: Array, layer: str, start: int, stop: int) -> None:
        """Adds the difference of these numbers of the flattened layer."""
        ...


class _Halved:
    def __init__(self, packed: InFile, template: Template) -> None:
        wanted = {f"values/{name}": LayerSpec(s.shape, "float16") for name, s in template.items()}
        check_specs(packed.template, wanted)
        self._packed = packed

    def add(self, target: Array, layer: str, start: int, stop: int) -> None:
        target += self._packed.block(f"values/{layer}", start, stop)


class _Quantised:
    def __init__(self, packed: InFile, template: Template) -> None:
        wanted = {}
        for name, spec in template.items():
            wanted[f"values/{name}"] = LayerSpec(spec.shape, "int8")
            wanted[f"scales/{name}"] = LayerSpec((-(-size_of(spec) // SCALED),), "float32")
        check_specs(packed.template, wanted)
        for name in wanted:
            if name.startswith("scales/"):
                for block in _blocks(packed, name):
                    if not (np.isfinite(block) & (block >= 0)).all():
                        raise MalformedUpdate(f"{name!r} has a scale that is none")
        self._packed = packed

    def add(self, target: Array, layer: str, start: int, stop: int) -> None:
        first, last = start // SCALED, -(-stop // SCALED)
        scales = self._packed.block(f"scales/{layer}", first, last)
        each = np.repeat(scales, SCALED)[start - first * SCALED :][: stop - start]
        target += each * self._packed.block(f"values/{layer}", start, stop)


class _Sparse:
    """Keeps of each layer where the indices of every ``BLOCK`` numbers begin, not the indices."""

    def __init__(self, packed: InFile, template: Template) -> None:
        self._packed = packed
        wanted = {f"{part}/{name}" for part in ("indices", "values") for name in template}
        found = set(packed.template)
        if found != wanted:
            raise LayerMismatch(sorted(wanted - found), sorted(found - wanted))
        self._starts = {name: self._checked(name, size_of(s)) for name, s in template.items()}

    def add(self, target: Array, layer: str, start: int, stop: int) -> None:
        starts = self._starts[layer]
        first, last = starts[start // BLOCK], starts[-(-stop // BLOCK)]
        indices = self._packed.block(f"indices/{layer}", first, last)
        inside = slice(*np.searchsorted(indices, (start, stop)))
        values = self._packed.block(f"values/{layer}", first, last)
        target[indices[inside] - start] += values[inside]

    def _checked(self, layer: str, size: int) -> npt.NDArray[np.int64]:
        indices, values = (self._packed.template[f"{p}/{layer}"] for p in ("indices", "values"))
        count = _length(f"indices/{layer}", indices, "uint32")
        if _length(f"values/{layer}", values, "float32") != count or count > size:
            raise MalformedUpdate(
                f"layer {layer!r} of {size} numbers has {count} indices and {values.shape} values"
            )
        edges = np.arange(-(-size // BLOCK) + 1, dtype=np.int64) * BLOCK
        starts, before = np.zeros(len(edges), np.int64), -1
        for block in _blocks(self._packed, f"indices/{layer}"):
            if block[0] <= before or (np.diff(block.astype(np.int64)) <= 0).any():
                raise MalformedUpdate(f"the indices of layer {layer!r} do not rise")
            before = int(block[-1])
            starts += np.searchsorted(block, edges)
        if before >= size:
            raise MalformedUpdate(f"layer {layer!r} of {size} numbers has an index {before}")
        return starts


_READERS: Final[dict[str, Callable[[InFile, Template], _Change]]] = {
    FLOAT16: _Halved,
    INT8: _Quantised,
    TOPK: _Sparse,
}


def _length(name: str, spec: LayerSpec, dtype: str) -> int:
    if spec.dtype != dtype:
        raise DtypeMismatch(name, spec.dtype, dtype)
    if len(spec.shape) != 1:
        raise ShapeMismatch(name, spec.shape, (0,))
    return spec.shape[0]


def _blocks(packed: InFile, name: str) -> Iterator[Array]:
    for start, stop in spans(size_of(packed.template[name])):
        yield packed.block(name, start, stop)


def _method(path: Path, metadata: dict[str, str]) -> str:
    try:
        note = read_json(metadata.get(KEY, "").encode(), _MAX_NOTE)
    except JsonRefused as error:
        raise MalformedUpdate(f"the header of {path.name}: {error}") from error
    method = note.get("method") if isinstance(note, dict) and len(note) == 1 else None
    if not isinstance(method, str) or method not in METHODS:
        raise MalformedUpdate(f"{path.name} names none of the methods {', '.join(METHODS)}")
    return method


def _doubled(limits: ModelLimits) -> ModelLimits:
    """Two arrays stand for a layer."""
    return replace(limits, layers=2 * limits.layers)
