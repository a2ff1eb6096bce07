"""Gaussian noise from a cipher's stream: without its key nobody can predict it or take it off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decentralml.learning.secagg.keys import new_secret
from decentralml.learning.secagg.masks import BLOCK, MaskStream

_PAIRS = BLOCK // 2


class Noise:
    """Independent standard normal numbers.

    Args:
        key: 32 bytes, for tests; None for the system's randomness, kept nowhere.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._stream = MaskStream(new_secret() if key is None else key)

    def normal(self, count: int) -> npt.NDArray[np.float64]:
        """The next ``count`` numbers, each drawn once (Box and Muller 1958)."""
        result = np.empty(count, np.float64)
        for start in range(0, count, 2 * _PAIRS):
            part = result[start : start + 2 * _PAIRS]
            pairs = (part.size + 1) // 2
            uniform = self._uniform(2 * pairs)
            radius = np.sqrt(-2 * np.log(uniform[:pairs]))
            angle = 2 * np.pi * uniform[pairs:]
            part[:pairs] = radius * np.cos(angle)
            part[pairs:] = (radius * np.sin(angle))[: part.size - pairs]
        return result

    def _uniform(self, count: int) -> npt.NDArray[np.float64]:
        """Of the 2**53 numbers evenly spaced above 0, up to 1."""
        numbers = self._stream.read(count) >> np.uint64(11)
        uniform: npt.NDArray[np.float64] = (numbers.astype(np.float64) + 1.0) * 2.0**-53
        return uniform
