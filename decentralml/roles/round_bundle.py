"""What a round publishes: the model, and what the creator's strategy tells the contributors.

::

    model.keras              or whatever the creator's file is called: exactly one
    round.json               optional: {"strategy": "fedprox", "settings": {"mu": 0.1}}
    strategy.safetensors     optional: arrays of the strategy (SCAFFOLD's control)

A contributor reads a stranger's bundle, so all of it is hostile: kinds and sizes of the files are
checked here, what the arrays and settings say is for the script in its sandbox.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.errors import UnusableModel
from decentralml.learning.hostile_json import JsonRefused, read_json

SETTINGS: Final = "round.json"
STRATEGY: Final = "strategy.safetensors"
MAX_SETTINGS_BYTES: Final = 64 << 10
_RESERVED: Final = frozenset({SETTINGS, STRATEGY})


@dataclass(frozen=True, slots=True)
class RoundFiles:
    """The files of a round's bundle.

    Attributes:
        model: the model's file, whose name (and so whose suffix) is the creator's.
        settings: what the strategy asks of contributors, a JSON object; None when it asks nothing.
        strategy: the strategy's arrays for contributors; None when there are none.
    """

    model: Path
    settings: Path | None = None
    strategy: Path | None = None


def round_files(bundle: Path) -> RoundFiles:
    """The files of a downloaded round bundle.

    Raises: UnusableModel: there is not exactly one model, a file is none, or the settings are no
        small JSON object.
    """
    found = {path.name: path for path in bundle.iterdir()} if bundle.is_dir() else {}
    models = [path for name, path in found.items() if name not in _RESERVED]
    if len(models) != 1 or not all(_is_file(path) for path in found.values()):
        raise UnusableModel(bundle)
    settings = found.get(SETTINGS)
    if settings is not None:
        read_settings(settings)
    return RoundFiles(models[0], settings, found.get(STRATEGY))


def read_settings(path: Path) -> dict[str, Any]:
    """What a round's ``round.json`` says.

    Raises: UnusableModel: it is larger than `MAX_SETTINGS_BYTES`, or no JSON object.
    """
    with path.open("rb") as file:
        data = file.read(MAX_SETTINGS_BYTES + 1)
    try:
        settings = read_json(data, MAX_SETTINGS_BYTES, max_depth=8)
    except JsonRefused as error:
        raise UnusableModel(path.parent) from error
    if not isinstance(settings, dict):
        raise UnusableModel(path.parent)
    return settings


def write_settings(folder: Path, strategy: str, settings: Mapping[str, object]) -> Path:
    """Write ``round.json`` into a bundle that is being made; the same bytes for the same content.

    Args:
        strategy: the strategy's name.
        settings: what it asks of contributors, as JSON can hold it.
    """
    path = folder / SETTINGS
    said = {"strategy": strategy, "settings": dict(settings)}
    path.write_text(json.dumps(said, sort_keys=True) + "\n")
    return path


def _is_file(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)
