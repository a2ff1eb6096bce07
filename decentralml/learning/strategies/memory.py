"""What a strategy remembers from round to round: momentum, second moments, controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import StrategyFailed
from decentralml.learning.layers import Array, Layers, Template
from decentralml.learning.updates import size_of

_LARGEST: Final = float(np.finfo(np.float32).max)

Float32 = npt.NDArray[np.float32]


class Memory(dict[str, Array]):
    """What is remembered of one block: slot (``momentum``) → (k,) numbers, kept as float32.

    A slot is missing until a step sets it: ``memory.get("momentum", 0.0)``.

    Attributes:
        round: rounds that were federated before this one; 0 in the first.
    """

    def __init__(self, round: int = 0, slots: Mapping[str, Array] | None = None) -> None:  # noqa: A002
        super().__init__(slots or {})
        self.round = round


class MemoryStore(Protocol):
    """All blocks' memory: what the former round left is read, what this one leaves is written.

    The two are apart, so a round that is federated again reads the same.
    """

    @property
    def round(self) -> int:
        """Rounds that were federated before."""
        ...

    def read(self, layer: str, start: int, stop: int) -> Memory:
        """What is remembered of this block of the flattened layer."""
        ...

    def write(self, layer: str, start: int, memory: Memory) -> None:
        """Keeps what a step left for the block that begins at ``start``.

        Raises:
            StrategyFailed: other slots than in the first block, or a slot of another length.
        """
        ...


class ArrayMemory:
    """A ``MemoryStore`` of arrays in memory.

    Args:
        template: the round's model's.
        slots: slot → layer → flat array, as ``next`` left it.
        round: rounds that were federated before.
    """

    def __init__(
        self,
        template: Template,
        slots: Mapping[str, Layers] | None = None,
        round: int = 0,  # noqa: A002
    ) -> None:
        self.round = round
        self.slots: Mapping[str, Layers] = slots or {}
        self._template = template
        self._new: dict[str, Layers] = {}

    def read(self, layer: str, start: int, stop: int) -> Memory:
        """See ``MemoryStore.read``."""
        found = {slot: layers[layer][start:stop] for slot, layers in self.slots.items()}
        return Memory(self.round, found)

    def write(self, layer: str, start: int, memory: Memory) -> None:
        """See ``MemoryStore.write``."""
        if not self._new:
            self._new = {slot: self._zeros() for slot in memory}
        check_slots(memory, self._new)
        for slot, numbers in memory.items():
            block = storable(slot, numbers)
            self._new[slot][layer][start : start + block.size] = block

    def next(self) -> ArrayMemory:
        """What the next round reads."""
        return ArrayMemory(self._template, self._new, self.round + 1)

    def _zeros(self) -> Layers:
        return {name: np.zeros(size_of(spec), np.float32) for name, spec in self._template.items()}


def check_slots(memory: Memory, expected: Mapping[str, object]) -> None:
    """Raises StrategyFailed unless the block's slots are those of the first block."""
    if memory.keys() != expected.keys():
        raise StrategyFailed(
            f"a step remembers {sorted(memory)}, another one {sorted(expected)}; "
            "set the same slots in every block"
        )


def storable(slot: str, numbers: Array) -> Float32:
    """A slot's numbers as they are kept: in single precision, the too large ones at its bounds."""
    if "/" in slot or not slot:
        raise StrategyFailed(f"{slot!r} cannot be a slot's name: it is empty or has a slash")
    clipped = np.clip(np.asarray(numbers, np.float64), -_LARGEST, _LARGEST)
    if np.isnan(clipped).any():
        raise StrategyFailed(f"the memory {slot!r} has values that are no numbers")
    return clipped.astype(np.float32)
