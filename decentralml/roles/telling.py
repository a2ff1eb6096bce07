"""What a strategy tells contributors for a round, and the bundle that carries it with the model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.errors import UnusableModel
from decentralml.learning import models
from decentralml.learning.layers import Layers
from decentralml.learning.remembering import FileMemory
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.strategy import told_by
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.round_bundle import SETTINGS, STRATEGY, round_files, write_settings
from decentralml.types import Round


@dataclass(frozen=True, slots=True)
class Told:
    """What goes to contributors besides the model.

    Attributes:
        strategy: the strategy's name.
        settings: what it asks of them; empty for nothing.
        arrays: what it gives them (SCAFFOLD's control); None for nothing.
    """

    strategy: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    arrays: Layers | None = None


def told_for(strategy: Strategy, number: Round, model: Path, memory: Path | None) -> Told:
    """What the strategy tells for a round.

    Args:
        strategy: its ``client_settings`` are a mapping, or a function of the round.
        number: the round that is about to be published.
        model: the round's model file.
        memory: what the strategy remembers of the round before; None before the first.
    """
    asked = getattr(strategy, "client_settings", {})
    settings = asked(int(number)) if callable(asked) else asked
    arrays = None
    if hasattr(strategy, "tell"):
        template = models.read_template(model)
        with FileMemory(template, memory, None) as remembered:
            arrays = told_by(strategy, remembered, template)
    return Told(type(strategy).__name__.lower(), dict(settings), arrays)


def write_round(folder: Path, model: Path, told: Told) -> None:
    """Fill an empty folder with what a round publishes: the same bytes for the same content.

    Raises: UnusableModel: the model's file has a name that means something else here, or the
        settings are larger than contributors take.
    """
    if model.name in {SETTINGS, STRATEGY}:
        raise UnusableModel(model)
    _link(model, folder / model.name)
    if told.settings or told.arrays is not None:
        write_settings(folder, told.strategy, told.settings)
    if told.arrays is not None:
        save_weights(folder / STRATEGY, told.arrays, WeightsHeader(examples=1))
    round_files(folder)


def _link(file: Path, place: Path) -> None:
    """The file under another name, copied only where the system cannot link it."""
    try:
        place.hardlink_to(file.resolve())
    except OSError:
        shutil.copyfile(file, place)
