"""A ``.keras`` file as the zip that it is, opened without Keras and without trusting its sizes."""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.learning.errors import ArchiveRefused, MalformedModel, TooLarge, UnsafeModel
from decentralml.learning.frameworks.keras_config import check_config
from decentralml.learning.hostile_json import JsonRefused, read_json
from decentralml.learning.limits import MIB, ModelLimits
from decentralml.learning.pickles import refuse_pickles

CONFIG: Final = "config.json"
METADATA: Final = "metadata.json"
WEIGHTS: Final = "model.weights.h5"
_NAMES: Final = frozenset({CONFIG, METADATA, WEIGHTS})
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 1
_LENGTHS: Final = 26
"""Bytes from an entry's local header to the lengths of its name and extra field, its last part."""


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """What a checked ``.keras`` file holds."""

    config: dict[str, Any]
    """The structure: only built-in Keras classes that neither execute nor open anything."""
    weights: Path
    """The HDF5 part, in a temporary folder that lives as long as the context."""
    offset: int | None
    """Bytes from the file's start to the HDF5 part; None where the zip packs it."""


@contextmanager
def opened(path: Path, limits: ModelLimits) -> Iterator[OpenedModel]:
    """Checks the zip and the structure, and unpacks the weights into a temporary file.

    Raises:
        TooLarge, ArchiveRefused: sizes, declared or real, are not a saved model's.
        MalformedModel: not a zip, damaged, or a part is missing.
        PickleRefused, UnsafeModel: see there.
    """
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise TooLarge(f"{path.name} in bytes", size, limits.file_bytes)
    refuse_pickles(path)
    with tempfile.TemporaryDirectory(prefix="decentralml-") as folder:
        weights = Path(folder) / WEIGHTS
        try:
            with zipfile.ZipFile(path) as archive:
                entries = _checked_entries(archive, path.name, limits)
                _read_json_part(archive, entries[METADATA], limits)
                config = _read_json_part(archive, entries[CONFIG], limits)
                check_config(config)
                with archive.open(entries[WEIGHTS]) as source, weights.open("wb") as target:
                    # zipfile stops at the declared size, which was checked, and checks the CRC.
                    shutil.copyfileobj(source, target, MIB)
            offset = _offset(path, entries[WEIGHTS])
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
            raise MalformedModel(f"{path.name} is no readable .keras file: {error}") from error
        yield OpenedModel(config, weights, offset)


def rewrite(source: Path, weights: Path, target: Path) -> None:
    """Writes ``target``: the ``.keras`` file ``source`` with other weights, whole or not at all."""
    partial = target.with_name(target.name + ".part")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(partial, "w") as new:
        for name in (METADATA, CONFIG):
            new.writestr(name, old.read(name))
        new.write(weights, WEIGHTS)
    partial.replace(target)


def _checked_entries(
    archive: zipfile.ZipFile, name: str, limits: ModelLimits
) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > len(_NAMES):
        _refuse_extra(infos)
    total = sum(info.file_size for info in infos)
    if total > limits.file_bytes:
        raise ArchiveRefused(f"{name} unpacks to {total} bytes, the limit is {limits.file_bytes}")
    for info in infos:
        _check_entry(info, limits)
    entries = {info.filename: info for info in infos}
    missing = sorted(_NAMES - set(entries))
    if missing:
        raise MalformedModel(f"{name} has no {missing[0]}")
    return entries


def _refuse_extra(infos: list[zipfile.ZipInfo]) -> None:
    extra = [info.filename for info in infos if info.filename not in _NAMES]
    if not extra:
        raise ArchiveRefused("the zip has an entry twice")
    if extra[0].startswith("assets/"):
        raise UnsafeModel("layers that carry files of their own (assets/) are not taken")
    raise ArchiveRefused(f"the zip has {len(infos)} entries, a saved model has three: {extra[0]!r}")


def _check_entry(info: zipfile.ZipInfo, limits: ModelLimits) -> None:
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise ArchiveRefused(f"{info.filename} is encrypted or packed in an unusual way")
    if info.file_size > MIB and info.file_size > limits.compression * max(info.compress_size, 1):
        raise ArchiveRefused(
            f"{info.filename} unpacks {info.compress_size} bytes to {info.file_size}: no weights do"
        )


def _offset(path: Path, info: zipfile.ZipInfo) -> int | None:
    if info.compress_type != zipfile.ZIP_STORED:
        return None
    with path.open("rb") as file:
        # Its local header may have another extra field than the directory at the end, which is the
        # one that zipfile keeps.
        file.seek(info.header_offset + _LENGTHS)
        name, extra = struct.unpack("<HH", file.read(4))
    return info.header_offset + _LENGTHS + 4 + int(name) + int(extra)


def _read_json_part(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: ModelLimits) -> Any:
    if info.file_size > limits.header_bytes:
        raise TooLarge(f"{info.filename} in bytes", info.file_size, limits.header_bytes)
    with archive.open(info) as file:
        data = file.read(limits.header_bytes + 1)
    try:
        value = read_json(data, limits.header_bytes, limits.json_depth)
    except JsonRefused as error:
        raise MalformedModel(f"{info.filename}: {error}") from error
    if not isinstance(value, dict):
        raise MalformedModel(f"{info.filename} is no JSON object")
    return value
