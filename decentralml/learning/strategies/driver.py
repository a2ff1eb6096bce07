"""Runs a strategy over a round's updates, block by block; memory does not grow with them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import EmptyRound, StrategyFailed
from decentralml.learning.layers import LARGEST, Array, LayerSpec, Template, check_specs
from decentralml.learning.strategies.memory import ArrayMemory, MemoryStore
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Strategy, Weighing, skips
from decentralml.learning.updates import Readable, Update, read_layer, size_of, spans

BLOCK: Final = 1 << 16
"""Coordinates at once: fewer, and opening files would cost more than reading them."""

Float64 = npt.NDArray[np.float64]


def aggregate(
    strategy: Strategy,
    base: Readable,
    updates: Sequence[Update],
    memory: MemoryStore | None = None,
) -> Iterator[tuple[str, Array]]:
    """The next model, a layer after another, with the base's names, shapes and number types.

    The order of ``updates`` does not matter: they are taken by contributor, and those of one name
    by their numbers. Whole numbers are rounded to the nearest.

    Args:
        base: the model that the round began with.
        updates: checked against it, see ``Strategy``.
        memory: of former rounds; None where there are none and none follow.

    Raises (before the first layer):
        EmptyRound: there are no updates.
        TooFewUpdates: see the strategy.
        LayerMismatch, ShapeMismatch, DtypeMismatch: an update does not fit the base, or its
            further arrays do not.
        StrategyFailed: the strategy broke the protocol; also while the layers are made.
    """
    if not updates:
        raise EmptyRound
    for update in updates:
        _check_fits(update, base.template)
    ordered = in_order(updates)
    weighed = _checked(strategy.weigh(base, ordered), len(ordered))
    counting = [ordered[index] for index in np.flatnonzero(weighed.weights)]
    kept = weighed.weights > 0
    scales = None if weighed.scales is None else weighed.scales[kept]
    store = ArrayMemory(base.template) if memory is None else memory
    return _Round(strategy, base, counting, weighed.weights[kept], scales, store).layers()


def in_order(updates: Sequence[Update]) -> list[Update]:
    """Sorted by contributor and examples; by what they hold where these are equal."""
    named = [(update.contributor, update.examples) for update in updates]
    twice = {name for name, count in Counter(named).items() if count > 1}
    keys = [
        (*name, _digest(update) if name in twice else b"")
        for name, update in zip(named, updates, strict=True)
    ]
    return [updates[index] for index in sorted(range(len(updates)), key=keys.__getitem__)]


@dataclass(frozen=True, slots=True)
class _Round:
    strategy: Strategy
    base: Readable
    updates: Sequence[Update]
    weights: Float64
    scales: Float64 | None
    memory: MemoryStore

    def layers(self) -> Iterator[tuple[str, Array]]:
        extras = self._extras()
        for name, spec in self.base.template.items():
            if skips(self.strategy, name):
                yield name, read_layer(self.base, name)
                continue
            flat = np.empty(size_of(spec), spec.dtype)
            for start, stop in spans(flat.size, BLOCK):
                flat[start:stop] = _fitting(self._block(name, start, stop, extras), flat.dtype)
            yield name, flat.reshape(spec.shape)

    def _block(
        self, name: str, start: int, stop: int, extras: Sequence[Readable] | None
    ) -> Float64:
        base = self.base.block(name, start, stop).astype(np.float64)
        further = None if extras is None else Rows(extras, name, start, np.zeros_like(base))
        rows = Rows(self.updates, name, start, base, scales=self.scales, extras=further)
        memory = self.memory.read(name, start, stop)
        combined = self.strategy.combine(rows, self.weights)
        block = np.asarray(self.strategy.step(base, combined, memory))
        if block.shape != base.shape or not np.isfinite(block).all():
            kind = type(self.strategy).__name__
            raise StrategyFailed(
                f"{kind} made of {base.size} numbers of layer {name!r} an array of shape "
                f"{block.shape} with {np.count_nonzero(~np.isfinite(block))} that are not finite"
            )
        self.memory.write(name, start, memory)
        return block

    def _extras(self) -> list[Readable] | None:
        found = [update.extras for update in self.updates if update.extras is not None]
        return found if len(found) == len(self.updates) else None


def _check_fits(update: Update, template: Template) -> None:
    check_specs(update.template, template)
    if update.extras is not None:
        # Of one array for each layer, but in a number type of their own.
        extras = update.extras.template
        found = {name: LayerSpec(spec.shape, "") for name, spec in extras.items()}
        check_specs(found, {name: LayerSpec(spec.shape, "") for name, spec in template.items()})


def _checked(weighing: Weighing, count: int) -> Weighing:
    """The weighing with weights of sum 1."""
    weights = np.asarray(weighing.weights, np.float64)
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise StrategyFailed(f"the weights must be {count} finite numbers from 0 on")
    largest = weights.max()
    if not largest:
        raise StrategyFailed("all weights are 0: no update is left to federate")
    scales = weighing.scales
    if scales is not None and (
        scales.shape != (count,) or not ((scales >= 0) & (scales <= 1)).all()
    ):
        raise StrategyFailed(f"the scales must be {count} numbers from 0 to 1")
    weights = weights / largest  # first, so that the sum cannot overflow
    return Weighing(weights / weights.sum(), scales)


def _fitting(block: Float64, dtype: np.dtype[Any]) -> Float64:
    """Within the type's range: one that leaves it must not become infinite."""
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        return np.clip(np.rint(block), info.min, info.max)
    largest = min(LARGEST, float(np.finfo(dtype).max))
    return np.clip(block, -largest, largest)


def _digest(update: Update) -> bytes:
    digest = hashlib.blake2b()
    parts: list[Readable] = [update] if update.extras is None else [update, update.extras]
    for part in parts:
        for name, spec in part.template.items():
            for start, stop in spans(size_of(spec)):
                digest.update(part.block(name, start, stop).tobytes())
    return digest.digest()
