"""What a strategy remembers from round to round, in a file: a ``strategies.MemoryStore``.

A safetensors file with an array for each slot and layer, ``momentum/layers/dense/vars/0``, flat and
in single precision, and the number of rounds in its header.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

from typing_extensions import Self

from decentralml.learning import weights
from decentralml.learning.errors import MalformedModel
from decentralml.learning.hostile_json import JsonRefused, read_json
from decentralml.learning.layers import LayerSpec, Template, check_specs
from decentralml.learning.limits import ModelLimits
from decentralml.learning.strategies.memory import Memory, check_slots, storable
from decentralml.learning.updates import InFile, bytes_of, size_of
from decentralml.learning.writing import header_of

_KEY: Final = "decentralml_memory"
_OWN: Final = ModelLimits(file_bytes=1 << 62)
_MAX_ROUNDS: Final = 1 << 32
_MAX_NOTE: Final = 1024


class FileMemory:
    """Reads one file and writes another, block by block.

    Leaving the context without ``commit`` leaves no trace.

    Args:
        template: the round's model's.
        old: what the former round left; None, or a file that is not there, before the first.
        new: where ``commit`` puts what this round leaves; None where nobody wants it.

    Raises:
        MalformedModel, LayerMismatch, ShapeMismatch: ``old`` was not written for this model.
    """

    def __init__(self, template: Template, old: Path | None, new: Path | None) -> None:
        self._template, self._new = template, new
        self._old, self.round = _opened(template, old)
        found = () if self._old is None else self._old.template
        self._old_slots = sorted({name.partition("/")[0] for name in found})
        self._slots: dict[str, None] | None = None
        self._offsets: dict[str, int] = {}
        self._partial = None if new is None else new.with_name(new.name + ".part")
        self._file = None if self._partial is None else self._partial.open("wb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None and self._partial is not None:
            self._file.close()
            self._partial.unlink(missing_ok=True)

    def read(self, layer: str, start: int, stop: int) -> Memory:
        """See ``MemoryStore.read``."""
        if self._old is None:
            return Memory(self.round)
        found = {slot: self._old.block(f"{slot}/{layer}", start, stop) for slot in self._old_slots}
        return Memory(self.round, found)

    def write(self, layer: str, start: int, memory: Memory) -> None:
        """See ``MemoryStore.write``."""
        if self._slots is None:
            self._begin(memory)
        check_slots(memory, self._slots or {})
        for slot, numbers in memory.items():
            block = storable(slot, numbers)
            if self._file is not None:
                offset = self._offsets[f"{slot}/{layer}"] + start * block.itemsize
                os.pwrite(self._file.fileno(), block.astype("<f4", copy=False).data, offset)

    def commit(self) -> None:
        """Puts the new file in its place; blocks that were not written are zeros."""
        if self._file is None or self._partial is None or self._new is None:
            return
        if self._slots is None:
            self._begin(Memory())
        os.fsync(self._file.fileno())
        self._partial.replace(self._new)

    def _begin(self, memory: Memory) -> None:
        """Lays the new file out, for the slots of the first block."""
        self._slots = dict.fromkeys(memory)
        if self._file is None:
            return
        specs = {
            f"{slot}/{layer}": LayerSpec((size_of(spec),), "float32")
            for slot in memory
            for layer, spec in self._template.items()
        }
        head = header_of(specs, {_KEY: json.dumps({"rounds": self.round + 1})})
        end = self._file.write(head)
        for name, spec in specs.items():
            self._offsets[name] = end
            end += bytes_of(spec)
        self._file.truncate(end)


def _opened(template: Template, old: Path | None) -> tuple[InFile | None, int]:
    if old is None or not old.exists():
        return None, 0
    found, metadata = weights.open_tensors(old, _OWN)
    slots = {name.partition("/")[0] for name in found.template}
    expected = {
        f"{slot}/{layer}": LayerSpec((size_of(spec),), "float32")
        for slot in slots
        for layer, spec in template.items()
    }
    check_specs(found.template, expected)
    return found, _rounds(old, metadata)


def _rounds(old: Path, metadata: Mapping[str, str]) -> int:
    try:
        note = read_json(metadata.get(_KEY, "").encode(), _MAX_NOTE)
    except JsonRefused as error:
        raise MalformedModel(f"the header of {old.name}: {error}") from error
    rounds = note.get("rounds") if isinstance(note, dict) else None
    if type(rounds) is not int or not 1 <= rounds <= _MAX_ROUNDS:
        raise MalformedModel(f"{old.name} does not say of how many rounds it is the memory")
    return rounds
