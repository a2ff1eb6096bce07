"""A simulation's folder: what is done survives a kill, what is not done leaves no trace.

    simulation.json             what is simulated, to be compared on resuming
    rounds.jsonl                a line a round: a round counts once its line is there
    model-0007.keras            the federated model of the newest round
    memory-0007.safetensors     what the strategy remembers of it
    states/<contributor>/0007   what a contributor keeps for its next turn
    round/                      the running round's results, removed when it counts

A round's results are the folder's size: one model for each contributor who is asked in a round.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.learning import curves
from decentralml.simulation.errors import OtherSimulation
from decentralml.simulation.turn import STATE

NOTE: Final = "simulation.json"
ROUNDS: Final = "rounds.jsonl"
RUNNING: Final = "round"
STATES: Final = "states"


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths of a simulation; made by `begin`."""

    path: Path
    suffix: str

    @classmethod
    def begin(cls, path: Path, note: Mapping[str, Any], suffix: str, *, resume: bool) -> Folder:
        """Opens the folder, new or (to resume) with the same simulation in it.

        Args:
            note: what is simulated, as JSON can hold it.
            suffix: of the model's file.

        Raises:
            OtherSimulation: it holds something else.
        """
        folder = cls(path.resolve(), suffix)
        known = read_note(path)
        if known is not None and resume:
            differs = [name for name in {**known, **note} if known.get(name) != note.get(name)]
            if differs:
                raise OtherSimulation(path, sorted(differs))
        elif path.exists() and any(path.iterdir()):
            raise OtherSimulation(path)
        path.mkdir(parents=True, exist_ok=True)
        partial = path / f"{NOTE}.part"
        partial.write_text(json.dumps(dict(note), indent=1, sort_keys=True) + "\n")
        partial.replace(path / NOTE)
        folder._forget_after(max((line["round"] for line in folder.rounds()), default=0))
        return folder

    def rounds(self) -> list[dict[str, Any]]:
        """The lines of all rounds that count, the first round's first."""
        return curves.read(self.path / ROUNDS)

    def model(self, number: int) -> Path:
        """The federated model of a round."""
        return self.path / f"model-{number:04}{self.suffix}"

    def memory(self, number: int) -> Path:
        """What the strategy remembers after a round."""
        return self.path / f"memory-{number:04}.safetensors"

    def turn(self, number: int, contributor: str) -> Path:
        """The running round's folder of one contributor."""
        return self.path / RUNNING / f"{number:04}" / contributor

    def told(self, number: int) -> Path:
        """Where the running round's ``round.json`` and ``strategy.safetensors`` lie."""
        return self.path / RUNNING / f"{number:04}.told"

    def former_state(self, contributor: str) -> Path | None:
        """What the contributor's last successful turn left, if anything."""
        return max(self._states(contributor), default=None)

    def commit(self, number: int, line: Mapping[str, Any]) -> None:
        """Makes a round count: its model, memory and the contributors' states.

        Everything else of the round, and of the rounds before, goes.
        """
        for turn in self._turns(number):
            # An empty state is kept where it takes the place of another.
            if any((turn / STATE).iterdir()) or self._states(turn.name):
                kept = self.path / STATES / turn.name / f"{number:04}"
                shutil.rmtree(kept, ignore_errors=True)
                kept.parent.mkdir(parents=True, exist_ok=True)
                (turn / STATE).rename(kept)
        curves.append(self.path / ROUNDS, line)
        self._forget_before(number)

    def _turns(self, number: int) -> list[Path]:
        turns = sorted(self.turn(number, "").glob("*"))
        return [path for path in turns if path.is_dir() and not path.name.endswith(".part")]

    def _states(self, contributor: str) -> list[Path]:
        folder = self.path / STATES / contributor
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def _forget_before(self, number: int) -> None:
        """Removes what a round that counts has made superfluous."""
        shutil.rmtree(self.path / RUNNING, ignore_errors=True)
        for found, path in self._numbered():
            if found < number:
                path.unlink()
        for contributor in self._with_states():
            for old in self._states(contributor)[:-1]:
                shutil.rmtree(old)

    def _forget_after(self, last: int) -> None:
        """Removes what a killed process left of a round that does not count."""
        for found, path in self._numbered():
            if found > last:
                path.unlink()
        for contributor in self._with_states():
            for state in self._states(contributor):
                if int(state.name) > last:
                    # Its turn counts for nothing without the state, and is taken again.
                    shutil.rmtree(self.turn(int(state.name), contributor), ignore_errors=True)
                    shutil.rmtree(state)

    def _with_states(self) -> list[str]:
        folder = self.path / STATES
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def _numbered(self) -> Iterator[tuple[int, Path]]:
        for path in [*self.path.glob("model-*"), *self.path.glob("memory-*")]:
            number = path.name.split("-", 1)[1].split(".", 1)[0]
            if number.isdigit():
                yield int(number), path


def read_note(path: Path) -> dict[str, Any] | None:
    """What the folder's ``simulation.json`` says; None where there is none.

    Raises:
        OtherSimulation: it is not one that a simulation wrote.
    """
    file = path / NOTE
    if not file.is_file():
        return None
    try:
        note = json.loads(file.read_text())
    except ValueError as error:
        raise OtherSimulation(path) from error
    if not isinstance(note, dict):
        raise OtherSimulation(path)
    return note
