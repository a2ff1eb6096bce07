"""What a strategy tells contributors for a round: ``round.json`` and ``strategy.safetensors``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from decentralml.learning import models
from decentralml.learning.remembering import FileMemory
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.strategy import settings_of, told_by
from decentralml.learning.weights import WeightsHeader, save_weights

SETTINGS: Final = "round.json"
ARRAYS: Final = "strategy.safetensors"


@dataclass(frozen=True, slots=True)
class Told:
    """The files that contributors get besides the model; None where there is nothing to tell."""

    settings: Path | None = None
    arrays: Path | None = None


def tell(strategy: Strategy, base: Path, memory: Path, folder: Path) -> Told:
    """Writes what the strategy tells for the round that begins with ``base``.

    Args:
        memory: what the strategy remembers of the round before; may be missing.
        folder: made where there is something to tell.
    """
    settings = settings_of(strategy)
    template = models.read_template(base)
    with FileMemory(template, memory, None) as remembered:
        layers = told_by(strategy, remembered, template)
    if not settings and layers is None:
        return Told()
    folder.mkdir(parents=True, exist_ok=True)
    said = {"strategy": type(strategy).__name__.lower(), "settings": settings}
    note = folder / SETTINGS
    note.write_text(json.dumps(said, sort_keys=True) + "\n")
    if layers is None:
        return Told(note)
    save_weights(folder / ARRAYS, layers, WeightsHeader(examples=1))
    return Told(note, folder / ARRAYS)
