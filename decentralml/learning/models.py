"""Model files of the kinds we know, ``.keras`` and ``.safetensors``: arrays in, arrays out."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any, Final

from decentralml.learning import weights
from decentralml.learning.errors import FrameworkMissing, MalformedModel, MissingFile
from decentralml.learning.frameworks import keras_archive
from decentralml.learning.layers import Layers, LayerSpec, Template, check_like
from decentralml.learning.limits import DEFAULT_MODEL_LIMITS, ModelLimits

KERAS: Final = ".keras"
SUFFIXES: Final = (KERAS, weights.SUFFIX)


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
    if _kind(base) != target.suffix:
        raise MalformedModel(f"{target.name} must end in {base.suffix} as {base.name} does")
    if base.suffix == weights.SUFFIX:
        check_like(layers, weights.read_specs(base))
        weights.save_weights(target, layers, header or weights.WeightsHeader(examples=1))
        return
    own = ModelLimits(file_bytes=1 << 62)
    with keras_archive.opened(base, own) as opened, tempfile.TemporaryDirectory() as folder:
        check_like(layers, _hdf5().read_specs(opened.weights, own))
        changed = Path(folder) / keras_archive.WEIGHTS
        _hdf5().replace_arrays(opened.weights, changed, layers)
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
