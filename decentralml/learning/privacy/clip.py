"""How long an update is, and the factor that makes it no longer than a bound."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from decentralml.learning.updates import Readable, size_of, spans

_ROUNDING = 1e-9
"""Clipped updates are this much shorter than the bound, so that rounding does not cross it."""


def distance(
    base: Readable, update: Readable, skips: Callable[[str], bool] = lambda layer: False
) -> float:
    """The L2 length of ``update - base`` over all layers together, in double precision.

    Args:
        skips: layers that do not count, because they are never published.
    """
    total = 0.0
    for name, spec in base.template.items():
        if skips(name):
            continue
        for start, stop in spans(size_of(spec)):
            before = base.block(name, start, stop).astype(np.float64)
            change = update.block(name, start, stop) - before
            total += float(np.dot(change, change))
    return math.sqrt(total)


def clip_factor(length: float, bound: float) -> float:
    """What an update of this length is multiplied with: 1 if it is short enough already.

    Raises:
        ValueError: the bound is not above 0.
    """
    if not (bound > 0 and math.isfinite(bound)):
        raise ValueError(f"the clip bound is {bound}; it is above 0")
    return 1.0 if length <= bound * (1 - _ROUNDING) else bound / length * (1 - _ROUNDING)
