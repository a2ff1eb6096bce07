"""Norms and scalar products of whole updates, read block by block.

All are of (update - base): so they stay exact for honest updates, which are near one another, also
where somebody sends numbers near the type's bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.updates import Readable, Update, size_of, spans

BYTES: Final = 8 << 20

Float64 = npt.NDArray[np.float64]


def norms(base: Readable, updates: Sequence[Update]) -> Float64:
    """(n,): the Euclidean norm of each (update - base), over all layers."""
    squares = np.zeros(len(updates))
    for changes in _changes(base, updates):
        squares += np.einsum("ij,ij->i", changes, changes)
    return np.sqrt(squares)


def gram(base: Readable, updates: Sequence[Update]) -> Float64:
    """(n, n): scalar products of the (update - base); n² operations for each coordinate."""
    products = np.zeros((len(updates), len(updates)))
    for changes in _changes(base, updates):
        products += changes @ changes.T
    return products


def squared_distances(products: Float64) -> Float64:
    """(n, n): squared distances between updates, from their ``gram``."""
    squares = np.diag(products)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2 * products, 0)
    np.fill_diagonal(distances, 0)
    return distances


def _changes(base: Readable, updates: Sequence[Update]) -> Iterator[Float64]:
    """(n, width) differences to the base, of one block after another, in the same memory."""
    width = max(1, min(1 << 15, BYTES // (8 * len(updates))))
    buffer = np.empty((len(updates), width))
    for name, spec in base.template.items():
        for start, stop in spans(size_of(spec), width):
            origin = base.block(name, start, stop).astype(np.float64)
            changes = buffer[:, : stop - start]
            for index, update in enumerate(updates):
                np.subtract(update.block(name, start, stop), origin, out=changes[index])
            yield changes
