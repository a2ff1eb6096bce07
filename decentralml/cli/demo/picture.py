"""The demo's picture: accuracy alone against federated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bar:
    """One model's accuracy (0 to 1) on the held-out images."""

    name: str
    accuracy: float
    kind: str  # base, alone or federated


COLOURS = {"base": "#9aa5b1", "alone": "#4c8bf5", "federated": "#0b8f5a"}


def draw(bars: Sequence[Bar], title: str, path: Path) -> None:
    """Writes a PNG of horizontal bars, the best at the bottom, with each figure beside its bar."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 0.9 + 0.55 * len(bars)), layout="constrained")
    places = range(len(bars), 0, -1)
    shown = axes.barh(
        list(places),
        [100 * bar.accuracy for bar in bars],
        color=[COLOURS[bar.kind] for bar in bars],
        tick_label=[bar.name for bar in bars],
    )
    axes.bar_label(shown, fmt="%.1f %%", padding=4)
    axes.set_xlim(0, 108)
    axes.set_xlabel("accuracy on held-out images, %")
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
