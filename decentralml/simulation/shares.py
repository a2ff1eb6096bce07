"""Who takes part, and with which data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from decentralml.learning.datasets import Examples
from decentralml.learning.split import Rows, split_dirichlet, split_evenly, split_mostly_by_label
from decentralml.simulation.errors import BadSimulation

SHARD: Final = "data.npz"
IID, BY_LABEL, DIRICHLET = "iid", "by-label", "dirichlet"
SPLITS: Final = (IID, BY_LABEL, DIRICHLET)


@dataclass(frozen=True, slots=True)
class Contributor:
    """One who takes part.

    Attributes:
        name: fit for a file's name; the same in every round.
        data: a folder of its own; None where the work needs none.
    """

    name: str
    data: Path | None = None


def numbered(count: int) -> list[Contributor]:
    """Contributors without data: ``00001`` and so on."""
    return [Contributor(f"{number:05}") for number in range(1, count + 1)]


def of_folders(folder: Path) -> list[Contributor]:
    """One contributor for each subfolder, named for it, in the order of names.

    Raises:
        BadSimulation: there is no subfolder, or two would have one name.
    """
    found = sorted(path for path in folder.iterdir() if path.is_dir())
    made = [Contributor(_fit(path.name), path.resolve()) for path in found]
    if not made:
        raise BadSimulation(f"{folder} has no subfolders: one for each contributor, with its data")
    if len({one.name for one in made}) < len(made):
        raise BadSimulation(f"two subfolders of {folder} get one name: use letters and digits")
    return made


@dataclass(frozen=True, slots=True)
class Split:
    """How one data set becomes many contributors'.

    Attributes:
        kind: one of `SPLITS`.
        alpha: of ``dirichlet``: small for few labels each (0.1), large for nearly equal shares
            (100); of ``by-label``: the share of a label's examples that its owner has (0.9).
        seed: the same one, the same shares.
    """

    kind: str = IID
    alpha: float = 0.5
    seed: int = 0

    def rows(self, labels: np.ndarray, parts: int) -> list[Rows]:
        """Disjoint rows for each of ``parts`` contributors.

        Raises:
            BadSimulation: fewer examples than contributors, or an ``alpha`` out of range.
        """
        ways: dict[str, Callable[[], list[Rows]]] = {
            IID: lambda: split_evenly(len(labels), parts, self.seed),
            BY_LABEL: lambda: split_mostly_by_label(labels, parts, self.alpha, self.seed),
            DIRICHLET: lambda: split_dirichlet(labels, parts, self.alpha, self.seed),
        }
        if self.kind not in ways:
            raise BadSimulation(f"{self.kind!r} is no split; known: {', '.join(SPLITS)}")
        try:
            return ways[self.kind]()
        except ValueError as error:
            raise BadSimulation(str(error)) from error


def sharing(
    examples: Examples,
    parts: int,
    folder: Path,
    split: Split,
    *,
    flipped: Sequence[str] = (),
) -> list[Contributor]:
    """Splits one data set; each part lies in ``folder/<name>/data.npz``, as ``load_data`` reads it.

    Args:
        folder: made where it is missing; the same shares are written again where it is not.
        flipped: contributors who get wrong labels (see `flip_labels`).
    """
    everybody = numbered(parts)
    made = []
    all_rows = split.rows(examples.labels, parts)
    for contributor, rows in zip(everybody, all_rows, strict=True):
        own = examples.take(rows)
        if contributor.name in flipped:
            own = flip_labels(own, int(examples.labels.max()))
        own.save(folder / contributor.name / SHARD)
        made.append(Contributor(contributor.name, (folder / contributor.name).resolve()))
    return made


def flip_labels(examples: Examples, highest: int) -> Examples:
    """The same images, label l called ``highest`` - l (Fung and others, 2020)."""
    return Examples(examples.images, (highest - examples.labels).astype(np.uint8))


def _fit(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)[:64]
