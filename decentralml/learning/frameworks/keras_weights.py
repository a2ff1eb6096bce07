"""The HDF5 part of a ``.keras`` file, read array by array without Keras.

A layer's name is its path in the file (``layers/conv2d/vars/0``): Keras loads a variable from
exactly that path, so equal paths mean the same variable of the same structure. HDF5 can point
anywhere (links to other files, virtual and external data), repeat itself in circles and declare
more than it holds; all of that is refused before an array is read.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from decentralml.learning.errors import MalformedModel, ResultRefused, TooLarge, UnsafeModel
from decentralml.learning.layers import (
    Array,
    Layers,
    LayerSpec,
    Template,
    check_finite,
    check_specs,
)
from decentralml.learning.limits import ModelLimits
from decentralml.learning.updates import InFile

h5py: Any = importlib.import_module("h5py")  # It has no types of its own.
_OPTIMIZER: Final = "optimizer/"
_MAX_DEPTH: Final = 16
_MAX_MEMBERS: Final = 100_000
_FILTERS: Final = frozenset({1, 2, 3})
"""deflate, shuffle, fletcher32: those built into HDF5. Others would load a plug-in."""


def read_specs(weights: Path, limits: ModelLimits) -> dict[str, LayerSpec]:
    """Names, shapes and types of the floating-point arrays, the optimizer's left out.

    Raises:
        MalformedModel: not HDF5.
        UnsafeModel: a link, data outside the file, an unknown filter, a type of Python objects.
        TooLarge: more layers or bytes than the limit.
    """
    with _opened(weights) as file:
        return {name: _spec(dataset) for name, dataset in _arrays(file, limits).items()}


def read_arrays(weights: Path, limits: ModelLimits, template: Template | None = None) -> Layers:
    """The arrays of ``read_specs``, finite, and fitting ``template`` where one is given.

    Raises:
        NotFinite, LayerMismatch, ShapeMismatch, DtypeMismatch: see there; and as ``read_specs``.
    """
    with _opened(weights) as file:
        arrays = _arrays(file, limits)
        if template is not None:
            check_specs({name: _spec(dataset) for name, dataset in arrays.items()}, template)
        layers = {name: _native(arrays[name]) for name in template or arrays}
    check_finite(layers)
    return layers


def open_arrays(
    weights: Path,
    limits: ModelLimits,
    template: Template | None,
    within: tuple[Path, int] | None,
    scratch: Path,
) -> InFile:
    """The arrays of ``read_specs`` to be read in pieces, their values not checked.

    Args:
        weights: the HDF5 part, needed no longer than this call.
        within: the file that holds the same bytes from an offset on, to be read from; None where
            there is none.
        scratch: an own folder. Arrays that do not lie in one piece (packed ones) are written there
            one after another.
    """
    with _opened(weights) as file:
        arrays = _arrays(file, limits)
        specs = {name: _spec(dataset) for name, dataset in arrays.items()}
        if template is not None:
            check_specs(specs, template)
        template = template or specs
        offsets = None if within is None else _offsets(file, arrays)
        if within is not None and offsets is not None:
            path, start = within
            return InFile(path, template, {name: start + at for name, at in offsets.items()})
        return _written_out(arrays, template, scratch)


def _offsets(file: Any, arrays: dict[str, Any]) -> dict[str, int] | None:
    """Where each array begins, if all lie in one piece as this machine's numbers do."""
    if file.userblock_size:
        return None
    offsets = {}
    for name, dataset in arrays.items():
        plain = dataset.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
        offset = dataset.id.get_offset() if plain else None
        if dataset.size and (offset is None or dataset.dtype.newbyteorder("<") != dataset.dtype):
            return None
        offsets[name] = int(offset or 0)
    return offsets


def _written_out(arrays: dict[str, Any], template: Template, scratch: Path) -> InFile:
    descriptor, name = tempfile.mkstemp(dir=scratch)
    offsets = {}
    with os.fdopen(descriptor, "wb") as target:
        for layer in template:
            offsets[layer] = target.tell()
            array = _native(arrays[layer])
            target.write(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return InFile(Path(name), template, offsets)


def replace_arrays(source: Path, target: Path, layers: Iterable[tuple[str, Array]]) -> None:
    """Writes a copy of ``source`` to ``target`` with these arrays; all else stays as it was."""
    shutil.copyfile(source, target)
    with h5py.File(target, "r+") as file:
        for name, array in layers:
            file[name][...] = array


@contextmanager
def _opened(weights: Path) -> Iterator[Any]:
    try:
        with h5py.File(weights, "r") as file:
            yield file
    except ResultRefused:
        raise
    except Exception as error:
        # A damaged file makes h5py raise whatever its layers raise, TypeError and SystemError too.
        raise MalformedModel(f"{weights.name} is no readable HDF5 file: {error}") from error


def _arrays(file: Any, limits: ModelLimits) -> dict[str, Any]:
    found: dict[str, Any] = {}
    total = 0
    for name, dataset in _datasets(file):
        _check_dataset(name, dataset)
        total += dataset.size * dataset.dtype.itemsize
        if total > limits.file_bytes:
            raise TooLarge(f"the weights up to {name} in bytes", total, limits.file_bytes)
        if dataset.dtype.kind == "f" and not name.startswith(_OPTIMIZER):
            found[name] = dataset
        if len(found) > limits.layers:
            raise TooLarge("the number of layers", len(found), limits.layers)
    return found


def _datasets(file: Any) -> Iterator[tuple[str, Any]]:
    """Every dataset by its path; each member once, so that a circle of links ends."""
    seen: set[Any] = {h5py.h5o.get_info(file.id).addr}
    waiting: list[tuple[str, Any, int]] = [("", file, 0)]
    while waiting:
        prefix, group, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise UnsafeModel(f"the weights nest deeper than {_MAX_DEPTH} groups")
        for key in group:
            name = prefix + key
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise UnsafeModel(f"{name!r} in the weights is a link to somewhere else")
            member = group[key]
            address = h5py.h5o.get_info(member.id).addr
            if address in seen:
                raise UnsafeModel(f"{name!r} in the weights is there twice, or holds itself")
            seen.add(address)
            if len(seen) > _MAX_MEMBERS:
                raise TooLarge("the number of members in the weights", len(seen), _MAX_MEMBERS)
            if isinstance(member, h5py.Group):
                waiting.append((name + "/", member, depth + 1))
            elif isinstance(member, h5py.Dataset):
                yield name, member
            else:
                raise UnsafeModel(f"{name!r} in the weights is neither a group nor an array")


def _check_dataset(name: str, dataset: Any) -> None:
    if dataset.is_virtual or dataset.external:
        raise UnsafeModel(f"{name!r} in the weights keeps its numbers in another file")
    if dataset.dtype.kind not in "fiub" or dataset.shape is None:
        raise UnsafeModel(f"{name!r} in the weights is {dataset.dtype}, no array of numbers")
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(index)[0] for index in range(plist.get_nfilters())}
    if filters - _FILTERS:
        raise UnsafeModel(f"{name!r} in the weights needs a plug-in to be unpacked")


def _native(dataset: Any) -> Array:
    array: Array = dataset[()]
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _spec(dataset: Any) -> LayerSpec:
    return LayerSpec(tuple(dataset.shape), str(dataset.dtype.name))
