"""Who holds which examples: disjoint parts of one data set, the same again for the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def split_evenly(count: int, parts: int, seed: int) -> list[Rows]:
    """``parts`` random parts of ``count`` rows, sizes differing by at most one.

    Raises:
        ValueError: fewer rows than parts, or no part.
    """
    _check(count, parts)
    shuffled = np.random.default_rng(seed).permutation(count)
    return [np.sort(part) for part in np.array_split(shuffled, parts)]


def split_by_label(labels: npt.NDArray[np.uint8], groups: Sequence[Sequence[int]]) -> list[Rows]:
    """One part for each group of labels: the rows with these labels, in order.

    Raises:
        ValueError: a label is in two groups, or a part would be empty.
    """
    named = [label for group in groups for label in group]
    if len(set(named)) != len(named):
        raise ValueError("a label is in two groups, so the parts would share examples")
    parts = [np.flatnonzero(np.isin(labels, list(group))) for group in groups]
    if not parts or not all(len(part) for part in parts):
        raise ValueError("a part would have no examples")
    return parts


def split_mostly_by_label(
    labels: npt.NDArray[np.uint8], parts: int, own: float, seed: int
) -> list[Rows]:
    """``parts`` parts of like sizes, each mostly of labels of its own.

    The labels are dealt out in turn; of the rows with a label, a share ``own`` goes to the part
    that has the label, the rest evenly to the others. ``own`` of 1 / ``parts`` makes all alike.

    Raises:
        ValueError: fewer rows than parts, no part, or ``own`` not within 0 to 1.
    """
    _check(len(labels), parts)
    if not 0 <= own <= 1:
        raise ValueError(f"the share of own labels must be within 0 to 1, not {own}")
    generator = np.random.default_rng(seed)
    pieces: list[list[Rows]] = [[] for _ in range(parts)]
    for turn, label in enumerate(np.unique(labels)):
        rows = generator.permutation(np.flatnonzero(labels == label))
        shares = np.full(parts, (1 - own) / max(1, parts - 1))
        shares[turn % parts] = own if parts > 1 else 1
        _deal(rows, shares, pieces)
    return _without_empty([np.sort(np.concatenate(own_pieces)) for own_pieces in pieces])


def split_dirichlet(
    labels: npt.NDArray[np.uint8], parts: int, concentration: float, seed: int
) -> list[Rows]:
    """``parts`` parts whose shares of each label are drawn from a Dirichlet distribution.

    After Hsu, Qi, Brown (2019), by label: a small ``concentration`` (0.1) gives each part few
    labels, a large one (100) nearly equal parts. No part is empty: one that would be takes an
    example from the largest.

    Raises:
        ValueError: fewer rows than parts, no part, or a concentration not above 0.
    """
    _check(len(labels), parts)
    if not concentration > 0:
        raise ValueError(f"the concentration must be above 0, not {concentration}")
    generator = np.random.default_rng(seed)
    pieces: list[list[Rows]] = [[] for _ in range(parts)]
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        _deal(rows, generator.dirichlet(np.full(parts, concentration)), pieces)
    return _without_empty([np.sort(np.concatenate(own_pieces)) for own_pieces in pieces])


def _deal(rows: Rows, shares: npt.NDArray[np.float64], pieces: list[list[Rows]]) -> None:
    cuts = np.round(np.cumsum(shares)[:-1] * len(rows)).astype(np.int64)
    for own_pieces, piece in zip(pieces, np.split(rows, cuts), strict=True):
        own_pieces.append(piece)


def _without_empty(joined: list[Rows]) -> list[Rows]:
    for index, part in enumerate(joined):
        if not len(part):
            largest = max(range(len(joined)), key=lambda other: len(joined[other]))
            joined[index], joined[largest] = joined[largest][:1], joined[largest][1:]
    return joined


def _check(count: int, parts: int) -> None:
    if not 1 <= parts <= count:
        raise ValueError(f"{count} examples cannot be split into {parts} parts")
