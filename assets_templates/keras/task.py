"""What a task's script is given: folders, round and identity, by environment or by hand.

The marketplace sets the environment; by hand each of them is an option (``--help``). Nothing here
knows of the marketplace, so the scripts run anywhere with Keras and NumPy.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

# Before the first import of Keras, or TensorFlow speaks on standard error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

SETTINGS = "settings.json"


class TaskError(Exception):
    """Something the script needs is missing or wrong; the message says what to do."""


@dataclass(frozen=True)
class Place:
    """Where the script works, for whom and in which round."""

    data: Path
    result: Path
    model: Path | None
    round: int
    contributor: str
    strategy: Path | None = None
    """Arrays that the creator's strategy tells (SCAFFOLD's control), if any."""
    state: Path | None = None
    """The contributor's own folder, kept from round to round, if any."""

    def model_path(self) -> Path:
        """The model to begin with. Raises TaskError where there is none."""
        if self.model is None:
            raise TaskError("no model is given: set MODEL_PATH, or use --model FILE")
        if not self.model.is_file():
            raise TaskError(f"there is no model at {self.model}")
        return self.model

    def seed(self, base: int) -> int:
        """Another seed for each contributor and round, the same again when run again."""
        return (base + self.round * 1009 + zlib.crc32(self.contributor.encode())) % 2**31


def settings(folder: Path | None = None) -> dict[str, Any]:
    """The creator's choices: ``settings.json`` beside the scripts, then what this round asks.

    A round's file (``ROUND_SETTINGS``) is ``{"strategy": "fedprox", "settings": {"mu": 0.1}}``; its
    ``settings`` win.
    """
    chosen = _json((folder or Path(__file__).parent) / SETTINGS)
    asked = os.environ.get("ROUND_SETTINGS")
    if asked:
        told = _json(Path(asked)).get("settings", {})
        if not isinstance(told, dict):
            raise TaskError(f"'settings' in {asked} must be a JSON object")
        chosen = {**chosen, **told}
    return chosen


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every script has; the environment gives their defaults."""
    parser = argparse.ArgumentParser(
        description=(description or "").split("\n", maxsplit=1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    given = os.environ.get
    parser.add_argument("--data", default=given("DATA_DIR", "data"), help="folder with the data")
    parser.add_argument("--result", default=given("RESULT_DIR", "result"), help="folder to fill")
    parser.add_argument("--model", default=given("MODEL_PATH"), help="the model to begin with")
    parser.add_argument("--round", type=int, default=given("ROUND", "1"), help="federated round")
    parser.add_argument(
        "--contributor",
        default=given("CONTRIBUTOR_ID"),
        help="identity in the names of files; random if not given",
    )
    parser.add_argument(
        "--strategy", default=given("STRATEGY_PATH"), help="arrays that the strategy tells"
    )
    parser.add_argument(
        "--state", default=given("STATE_DIR"), help="folder kept from round to round"
    )
    return parser


def place(options: argparse.Namespace) -> Place:
    """The options' folders; the result folder is made if it is missing."""
    result = Path(options.result)
    result.mkdir(parents=True, exist_ok=True)
    identity = re.sub(r"[^A-Za-z0-9_-]", "", options.contributor or "") or random_id()
    paths = [options.model, options.strategy, options.state]
    model, strategy, state = (Path(path) if path else None for path in paths)
    return Place(Path(options.data), result, model, options.round, identity[:64], strategy, state)


def random_id() -> str:
    """An identity that says nothing about a person."""
    return secrets.token_hex(4)


def write_note(folder: Path, examples: int, metrics: dict[str, float]) -> None:
    """Writes ``result.json``: how many examples the result rests on, and how good it is."""
    note = {"examples": examples, "metrics": metrics}
    (folder / "result.json").write_text(json.dumps(note, indent=1, allow_nan=False) + "\n")


def run(main: Callable[[], None]) -> NoReturn:
    """Runs a script; what is missing becomes one line and exit status 1, not a traceback."""
    try:
        main()
    except TaskError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise TaskError(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise TaskError(f"{path} must hold a JSON object")
    return found
