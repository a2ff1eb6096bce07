"""Model files of the kinds we know, ``.keras`` and ``.safetensors``: arrays in, arrays out."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from decentralml.learning import weights
from decentralml.learning.errors import FrameworkMissing, MalformedModel, MissingFile
from decentralml.learning.frameworks import keras_archive
from decentralml.learning.layers import Array, Layers, LayerSpec, Template, check_like
from decentralml.learning.limits import DEFAULT_MODEL_LIMITS, ModelLimits
from decentralml.learning.updates import InFile
from decentralml.learning.writing import sound

KERAS: Final = ".keras"
SUFFIXES: Final = (KERAS, weights.SUFFIX)
_OWN: Final = ModelLimits(file_bytes=1 << 62)
"""For a file of one's own."""


def read_template(path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> dict[str, LayerSpec]:
    """What updates of this model must look like. Raises a ResultRefused if it is no sound model."""
    if _kind(path) == weights.SUFFIX:
        return weights.read_specs(path, limits)
    with keras_archive.opened(path, limits) as opened:
        specs: dict[str, LayerSpec] = _hdf5().read_specs(opened.weights, limits)
        return specs


def read_layers(
    path: Path, template: Template | None = None, limits: ModelLimits = DEFAULT_MODEL_LIMITS
) -> Layers:
    """The arrays of a model file, finite, and fitting ``template`` where one is given.

    Nothing in the file is executed: of a ``.keras`` file the structure is checked and then ignored.

    Raises:
        ResultRefused: by the name of what is wrong (see ``errors``).
    """
    if _kind(path) == weights.SUFFIX:
        return weights.read_arrays(path, limits, template)
    with keras_archive.opened(path, limits) as opened:
        layers: Layers = _hdf5().read_arrays(opened.weights, limits, template)
        return layers


def open_model(
    path: Path,
    scratch: Path,
    template: Template | None = None,
    limits: ModelLimits = DEFAULT_MODEL_LIMITS,
) -> InFile:
    """A model file to be read in pieces, fitting ``template`` where one is given.

    Everything is checked as by ``read_layers``, but that the values are finite.

    Args:
        scratch: an own folder that lives as long as the model is read: arrays that a ``.keras``
            file holds packed are written there.
    """
    if _kind(path) == weights.SUFFIX:
        return weights.open_arrays(path, limits, template)
    with keras_archive.opened(path, limits) as opened:
        within = None if opened.offset is None else (path, opened.offset)
        model: InFile = _hdf5().open_arrays(opened.weights, limits, template, within, scratch)
        return model


def write_like(
    base: Path, layers: Layers, target: Path, header: weights.WeightsHeader | None = None
) -> None:
    """Writes ``target``: the model ``base`` with other weights, whole or not at all.

    Args:
        base: gives the structure; ``target`` has the same suffix.
        header: for a ``.safetensors`` target.

    Raises:
        ResultRefused: ``layers`` do not fit ``base``.
    """
    template = read_template(base, _OWN)
    check_like(layers, template)
    write_layers(base, ((name, layers[name]) for name in template), target, header)


def write_layers(
    base: Path,
    layers: Iterable[tuple[str, Array]],
    target: Path,
    header: weights.WeightsHeader | None = None,
) -> None:
    """As ``write_like``, of layers that come one after another in the order of ``base``.

    Raises:
        StrategyFailed: they do not fit ``base``.
    """
    if _kind(base) != target.suffix:
        raise MalformedModel(f"{target.name} must end in {base.suffix} as {base.name} does")
    if base.suffix == weights.SUFFIX:
        template = weights.read_specs(base, _OWN)
        header = header or weights.WeightsHeader(examples=1)
        weights.write_weights(target, template, layers, header)
        return
    with keras_archive.opened(base, _OWN) as opened, tempfile.TemporaryDirectory() as folder:
        template = _hdf5().read_specs(opened.weights, _OWN)
        changed = Path(folder) / keras_archive.WEIGHTS
        _hdf5().replace_arrays(opened.weights, changed, sound(layers, template))
        keras_archive.rewrite(base, changed, target)


def same_structure(a: Path, b: Path) -> bool:
    """Whether the arrays of two model files have the same names, shapes and types."""
    return read_template(a) == read_template(b)


def _hdf5() -> Any:
    """Imported when asked for: h5py comes with Keras, which not everybody installs."""
    try:
        return importlib.import_module("decentralml.learning.frameworks.keras_weights")
    except ImportError as error:
        raise FrameworkMissing("keras") from error


def _kind(path: Path) -> str:
    if not path.is_file():
        raise MissingFile(path.name)
    if path.suffix not in SUFFIXES:
        raise MalformedModel(f"{path.name} is none of {', '.join(SUFFIXES)}")
    return path.suffix
