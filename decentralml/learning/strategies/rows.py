"""One block of all updates that count: read when asked for, within a fixed memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.layers import Array
from decentralml.learning.mean import GROUP, weighted_sum
from decentralml.learning.updates import Readable, Scratch, spans

Float64 = npt.NDArray[np.float64]

MATRIX_BYTES: Final = 8 << 20
"""Of the largest matrix that ``apply`` hands out; a function may well make two more like it."""


class Rows:
    """n updates' numbers ``start`` to ``stop`` of a layer, each a row; already clipped.

    Args:
        updates: those that count.
        base: (k,), the same numbers of the round's model.
        scales: (n,), see ``Weighing.scales``.
        extras: the same block of the updates' further arrays, where the strategy asked for some.

    Attributes:
        layer: its name.
    """

    def __init__(  # noqa: PLR0913 - the two last are rare
        self,
        updates: Sequence[Readable],
        layer: str,
        start: int,
        base: Float64,
        *,
        scales: Float64 | None = None,
        extras: Rows | None = None,
    ) -> None:
        self._updates, self.layer, self._start = updates, layer, start
        self.base, self._scales, self._extras = base, scales, extras

    def __len__(self) -> int:
        return len(self._updates)

    @property
    def extras(self) -> Rows | None:
        """See the class."""
        return self._extras

    def __iter__(self) -> Iterator[Array]:
        """The rows one after another, (k,) each; not to be changed."""
        return self._read(0, self.base.size)

    def mean(self, weights: Float64) -> Float64:
        """The rows' sum, each times its weight: (k,); at the speed of memory."""
        if self._scales is None:
            return weighted_sum(self._passing(), weights, self.base.size)
        # The mean of base + scale * (row - base), without making the clipped rows.
        scaled = weights * self._scales
        total = weighted_sum(self._passing(), scaled, self.base.size)
        rest: Float64 = (weights.sum() - scaled.sum()) * self.base
        return total + rest

    def apply(self, function: Callable[[Array], Array]) -> Float64:
        """What ``function`` makes of the rows, for rules that need all at once (a median).

        Args:
            function: (n, m) numbers → (m,); called for a few coordinates at a time, so that memory
                stays the same whatever n is. The matrix is its own to change.

        Returns: (k,).
        """
        result = np.empty(self.base.size, np.float64)
        width = max(1, MATRIX_BYTES // (8 * len(self)))
        for start, stop in spans(self.base.size, width):
            result[start:stop] = function(self._matrix(start, stop))
        return result

    def _matrix(self, start: int, stop: int) -> Array:
        rows = self._read(start, stop)
        first = next(rows)
        # Clipping is done in double precision; the rows that it leaves alone are not.
        kind = _wide(first.dtype) if self._scales is None else np.float64
        matrix = np.empty((len(self), stop - start), kind)
        matrix[0] = first
        for index, row in enumerate(rows, start=1):
            matrix[index] = row
        return matrix

    def _read(self, start: int, stop: int) -> Iterator[Array]:
        base = self.base[start:stop]
        for index, row in enumerate(self._raw(start, stop)):
            scale = 1.0 if self._scales is None else self._scales[index]
            yield row if scale == 1 else base + scale * (row - base)

    def _passing(self) -> Iterator[Array]:
        """The rows as they were sent, each valid until ``GROUP`` more have come."""
        places = [Scratch() for _ in range(min(GROUP, len(self)))]
        stop = self._start + self.base.size
        for place, update in zip(cycle(places), self._updates, strict=False):
            yield place.block(update, self.layer, self._start, stop)

    def _raw(self, start: int, stop: int) -> Iterator[Array]:
        for update in self._updates:
            yield update.block(self.layer, self._start + start, self._start + stop)


def _wide(dtype: np.dtype[Any]) -> type[np.floating]:
    """Single precision holds half precision's numbers; all others need double."""
    return np.float32 if dtype in (np.float16, np.float32) else np.float64
