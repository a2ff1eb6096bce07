"""Real numbers as whole numbers modulo 2**64, so that sums are exact and masks are uniform."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.secagg.errors import OutOfRange

Ring = npt.NDArray[np.uint64]

_ROOM: Final = 62  # of 63 bits and a sign: the last one is room for rounding
_MOST_BITS: Final = 40
_LEAST_BITS: Final = 8


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a session writes ``examples * number`` as a whole number; one for all members.

    No sum of ``members`` updates within ``bound`` and ``max_examples`` can wrap around. One
    update's rounding error is at most half of ``2**-bits``, of its weighted sum; what that means
    for the mean is ``error(total)``.

    Args:
        members: how many updates are summed at most.
        max_examples: largest weight of one update.
        bound: largest magnitude of a number of an update.

    Raises:
        ValueError: the three together leave fewer than 8 binary places.
    """

    members: int
    max_examples: int
    bound: float

    def __post_init__(self) -> None:
        sound = (
            self.members >= 1
            and self.max_examples >= 1
            and math.isfinite(self.bound)
            and self.bound > 0
        )
        if not sound or self.bits < _LEAST_BITS:
            raise ValueError(
                f"{self.members} members with {self.max_examples} examples and numbers up to "
                f"{self.bound:g} do not fit into 64 bits; lower one of the limits"
            )

    @property
    def bits(self) -> int:
        """Binary places after the point."""
        size = math.log2(self.members) + math.log2(self.max_examples) + math.log2(self.bound)
        return min(_MOST_BITS, math.floor(_ROOM - size))

    def error(self, examples: int) -> float:
        """Largest difference between the decoded mean and the exact one.

        Args:
            examples: the total behind the mean.
        """
        rounding = self.members * 0.5 * 2.0**-self.bits / examples
        return rounding + self.bound * 2.0**-50

    def check_examples(self, examples: int) -> int:
        """The weight, from 1 to ``max_examples``. Raises OutOfRange."""
        if not 1 <= examples <= self.max_examples:
            raise OutOfRange("the count of examples", examples, self.max_examples)
        return examples

    def encode(self, numbers: npt.NDArray[Any], examples: int) -> Ring:
        """``examples * numbers``, rounded.

        Raises:
            OutOfRange: a number is larger than ``bound`` or not finite, or the count is.
        """
        weight = float(self.check_examples(examples)) * 2.0**self.bits
        values = numbers.astype(np.float64)
        if values.size:
            largest = float(np.max(np.abs(values)))
            if not largest <= self.bound:  # also NaN
                raise OutOfRange("a number of the update", largest, self.bound)
        values *= weight
        return np.rint(values, out=values).astype(np.int64).view(np.uint64)

    def decode(self, total: Ring, examples: int) -> npt.NDArray[np.float64]:
        """The weighted mean whose encoded sum is ``total``; ``examples`` is the sum of weights.

        Raises:
            OutOfRange: no mean of updates within the bound gives this: somebody's was not.
        """
        mean = total.view(np.int64).astype(np.float64)
        mean /= float(examples) * 2.0**self.bits
        if mean.size:
            largest = float(np.max(np.abs(mean)))
            if largest > self.bound + self.error(examples):
                raise OutOfRange("a number of the mean", largest, self.bound)
        return mean
