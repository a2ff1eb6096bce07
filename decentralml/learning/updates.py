"""Models and updates whose arrays are read in pieces, any number of times.

A thousand updates do not fit in memory, and a strategy may need each more than once. Files are read
and not mapped: a mapped file that somebody truncates kills the process, each map keeps a descriptor
(a thousand of them exhaust the usual limit), and for blocks that fit the processor's cache reading
is the faster of the two.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from decentralml.learning.errors import FileChanged, MalformedModel
from decentralml.learning.layers import Array, Layers, LayerSpec, Template, template_of

BLOCK: Final = 1 << 16
"""Numbers read at once where nothing else decides: 256 KiB in single precision."""


class Readable(Protocol):
    """A model whose arrays are read in pieces, any number of times."""

    @property
    def template(self) -> Template:
        """Name → shape and number type, in the order of the model's file."""
        ...

    def block(self, layer: str, start: int, stop: int) -> Array:
        """Numbers ``start`` to ``stop`` (not included) of the flattened layer, in its type.

        Read-only; valid as long as it is held. 0 <= start <= stop <= the layer's size.

        Raises:
            FileChanged: the file is not the one that was checked.
        """
        ...


class Update(Readable, Protocol):
    """One contributor's update: shapes and number types are the round's model's, values finite."""

    @property
    def contributor(self) -> str:
        """The same in every round: for reports, and for state kept for each contributor."""
        ...

    @property
    def examples(self) -> int:
        """Training examples behind it; from 1 on."""
        ...

    @property
    def extras(self) -> Readable | None:
        """Further arrays that the strategy asked for (SCAFFOLD's change of the control)."""
        ...


class InMemory:
    """An update, or a model, that is in memory already.

    Args:
        layers: not copied; not to be changed while this is in use.
        examples: training examples behind it.
        contributor: see ``Update``.
        extras: see ``Update``.
    """

    def __init__(
        self,
        layers: Layers,
        examples: int = 1,
        contributor: str = "",
        extras: Readable | None = None,
    ) -> None:
        if examples < 1:
            raise ValueError(f"an update's weight must be at least 1, not {examples}")
        self.template: Template = template_of(layers)
        self.examples, self.contributor, self.extras = examples, contributor, extras
        self._flat = {name: _read_only(array.reshape(-1)) for name, array in layers.items()}

    def block(self, layer: str, start: int, stop: int) -> Array:
        """See ``Readable.block``; a view."""
        return self._flat[layer][start:stop]


@dataclass(frozen=True, slots=True)
class InFile:
    """A model in a file; holds neither its numbers nor a descriptor.

    Raises:
        MalformedModel: (when made) the file ends before the last of its arrays does.
    """

    path: Path
    template: Template
    offsets: Mapping[str, int]
    """Layer → bytes from the file's start to its numbers, which lie plain, little-endian, one
    after another."""
    _identity: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        status = self.path.stat()
        object.__setattr__(self, "_identity", _identity(status))
        for name, spec in self.template.items():
            offset, size = self.offsets[name], bytes_of(spec)
            if size and not 0 <= offset <= status.st_size - size:
                raise MalformedModel(f"{self.path.name} ends before its layer {name!r} does")

    def block(self, layer: str, start: int, stop: int) -> Array:
        """See ``Readable.block``; read anew each time."""
        numbers: Array = np.empty(stop - start, _stored(self.template[layer].dtype))
        self.read_into(numbers, layer, start)
        numbers.flags.writeable = False
        return numbers

    def read_into(self, numbers: Array, layer: str, start: int) -> None:
        """As ``block``, into an array of the layer's number type, as many as it has room for."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            whole = _fill(numbers, descriptor, self.offsets[layer] + start * numbers.itemsize)
            if not whole or _identity(os.fstat(descriptor)) != self._identity:
                raise FileChanged(self.path.name)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class FileUpdate:
    """A contributor's update whose arrays stay where they are (a file, a difference to a model)."""

    model: Readable
    examples: int
    contributor: str = ""
    extras: Readable | None = None

    @property
    def template(self) -> Template:
        """See ``Readable.template``."""
        return self.model.template

    def block(self, layer: str, start: int, stop: int) -> Array:
        """See ``Readable.block``."""
        return self.model.block(layer, start, stop)

    def read_into(self, numbers: Array, layer: str, start: int) -> None:
        """As ``InFile.read_into``."""
        if isinstance(self.model, InFile):
            self.model.read_into(numbers, layer, start)
        else:
            numbers[:] = self.model.block(layer, start, start + numbers.size)


class Scratch:
    """Memory that one block after another is read into.

    Where memory for a block comes fresh from the system, getting it takes longer than reading.
    """

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def block(self, model: Readable, layer: str, start: int, stop: int) -> Array:
        """As ``model.block``, but valid only until the next call."""
        if not isinstance(model, InFile | FileUpdate):
            return model.block(layer, start, stop)
        dtype = _stored(model.template[layer].dtype)
        size = (stop - start) * dtype.itemsize
        if self._bytes.size < size:
            self._bytes = np.empty(size, np.uint8)
        numbers: Array = self._bytes[:size].view(dtype)
        model.read_into(numbers, layer, start)
        return _read_only(numbers)


def size_of(spec: LayerSpec) -> int:
    """How many numbers a layer has: 1 where it has no dimension, 0 where one of them is 0."""
    return math.prod(spec.shape)


def bytes_of(spec: LayerSpec) -> int:
    """How many bytes a layer's numbers take."""
    return size_of(spec) * np.dtype(spec.dtype).itemsize


def parameters_of(template: Template) -> int:
    """How many numbers a model has."""
    return sum(size_of(spec) for spec in template.values())


def spans(size: int, block: int = BLOCK) -> Iterator[tuple[int, int]]:
    """(start, stop) of the blocks of a layer with so many numbers, the last one shorter."""
    for start in range(0, size, block):
        yield start, min(start + block, size)


def read_layer(model: Readable, name: str) -> Array:
    """One layer whole, in its shape; read-only."""
    spec = model.template[name]
    return model.block(name, 0, size_of(spec)).reshape(spec.shape)


def read_whole(model: Readable) -> Layers:
    """Every layer: takes the memory of the whole model."""
    return {name: read_layer(model, name) for name in model.template}


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _fill(numbers: Array, descriptor: int, offset: int) -> bool:
    """Reads the numbers from the file; whether it had all of them."""
    if not numbers.size:
        return True
    view, filled = numbers.data.cast("B"), 0
    # One call gives at most two gigabytes.
    while filled < len(view):
        read = os.preadv(descriptor, [view[filled:]], offset + filled)
        if not read:
            return False
        filled += read
    return True


@cache
def _stored(dtype: str) -> np.dtype[Any]:
    little: np.dtype[Any] = np.dtype(dtype).newbyteorder("<")
    return little


def _read_only(array: Array) -> Array:
    view: Array = array.view()
    view.flags.writeable = False
    return view
