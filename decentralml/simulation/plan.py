"""Who does what in a round: decided by the seed alone, so that a resumed simulation repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

_CHOOSE, _DROP, _HOSTILE = 1, 2, 3
LEAST: Final = 1


@dataclass(frozen=True, slots=True)
class Round:
    """Who is asked in a round, and who of them drops out."""

    asked: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def working(self) -> tuple[str, ...]:
        """Those who train, in the order of `asked`."""
        out = set(self.dropped)
        return tuple(name for name in self.asked if name not in out)


def round_of(
    names: Sequence[str], number: int, per_round: int, drop_out: float, seed: int
) -> Round:
    """The round's participants: ``per_round`` of ``names``, each dropping out by chance.

    Args:
        names: everybody, always in one order.
        number: the round, from 1.
        drop_out: probability, from 0 to below 1.
    """
    choose = np.random.default_rng([seed, _CHOOSE, number])
    rows = np.sort(choose.choice(len(names), size=per_round, replace=False))
    asked = tuple(names[row] for row in rows)
    drop = np.random.default_rng([seed, _DROP, number]).random(per_round) < drop_out
    return Round(asked, tuple(name for name, gone in zip(asked, drop, strict=True) if gone))


def hostile(names: Sequence[str], count: int, seed: int) -> tuple[str, ...]:
    """The contributors who are hostile, in every round the same."""
    rows = np.random.default_rng([seed, _HOSTILE]).choice(len(names), size=count, replace=False)
    return tuple(names[row] for row in np.sort(rows))


def share_of(count: int, fraction: float) -> int:
    """How many are asked in a round when a fraction of ``count`` is: rounded, at least one."""
    return max(LEAST, round(fraction * count))
