"""One contributor's work in one round: what it is given, and what becomes of it."""

from __future__ import annotations

import random
import shutil
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from decentralml.simulation.byzantine import Attack
from decentralml.simulation.errors import NotMeasured

RESULT: Final = "result"
STATE: Final = "state"
_REASON: Final = 300  # characters


@dataclass(frozen=True, slots=True)
class Turn:
    """What a contributor is given for a round: as on the market, in folders and files.

    Attributes:
        contributor: who; fit for a file's name.
        round: from 1.
        model: the round's model.
        folder: this turn's own; `result` and `state` are in it.
        data: the contributor's own; None where the work needs none.
        settings: ``round.json``, what the strategy asks for; None where it asks nothing.
        strategy: arrays that the strategy tells, ``.safetensors``; None where there are none.
        former: the state that the contributor's last successful turn left, if there is one.
        seed: of the simulation; `seeds` makes one for this turn of it.
        attack: what a hostile contributor makes of its result.
    """

    contributor: str
    round: int
    model: Path
    folder: Path
    data: Path | None = None
    settings: Path | None = None
    strategy: Path | None = None
    former: Path | None = None
    seed: int = 0
    attack: Attack | None = None

    @property
    def result(self) -> Path:
        """The folder to fill, empty at first: ``result.json`` and a model."""
        return self.folder / RESULT

    @property
    def state(self) -> Path:
        """What is left here is there again in the contributor's next turn."""
        return self.folder / STATE

    def generator(self) -> np.random.Generator:
        """Random numbers of this turn's own: the same however turns are spread over processes."""
        return np.random.default_rng(self.seeds())

    def seeds(self) -> list[int]:
        """Numbers that belong to this simulation's seed, contributor and round alone."""
        return [self.seed, self.round, zlib.crc32(self.contributor.encode())]


Work = Callable[[Turn], None]
"""Does a turn: reads its files, fills ``turn.result``. Pickled by name for another process."""
Measure = Callable[[Path], Mapping[str, float]]
"""Measures a model's file: ``{"accuracy": 0.93, "loss": 0.2}``. Pickled as `Work` is."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker process knows: sent to it once."""

    work: Work
    measure: Measure | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended.

    Attributes:
        contributor: whose.
        seconds: of processor time, in the process that did it.
        failure: why there is no result; None when there is one.
    """

    contributor: str
    seconds: float
    failure: str | None = None


def take_turn(job: Job, turn: Turn) -> Outcome:
    """Does the work of a turn; ``turn.folder`` is there when it ended well, and only then.

    What the work raises is the turn's failure, not this function's: other contributors go on.
    """
    began = time.process_time()
    if turn.folder.exists():
        return Outcome(turn.contributor, 0.0)
    partial = _in_folder(turn, turn.folder.with_name(f"{turn.folder.name}.part"))
    shutil.rmtree(partial.folder, ignore_errors=True)
    try:
        _prepare(partial)
        job.work(partial)
        if partial.attack is not None:
            partial.attack.change(partial.result, partial.model, partial.generator())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a contributor's code may raise anything
        shutil.rmtree(partial.folder, ignore_errors=True)
        return Outcome(turn.contributor, time.process_time() - began, in_a_line(error))
    partial.folder.rename(turn.folder)
    return Outcome(turn.contributor, time.process_time() - began)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a measure said of a model, or why it failed: errors of a script's own do not travel."""

    figures: Mapping[str, float] = field(default_factory=dict)
    failure: str | None = None

    def figures_of(self, model: Path) -> Mapping[str, float]:
        """The figures. Raises NotMeasured where there are none because the measure failed."""
        if self.failure is not None:
            raise NotMeasured(model, self.failure)
        return self.figures


def measure_model(job: Job, model: Path) -> Measured:
    """Runs the job's measure on a model's file."""
    if job.measure is None:
        return Measured()
    try:
        return Measured(dict(job.measure(model)))
    except NotMeasured as error:
        return Measured(failure=error.why)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a script of any kind
        return Measured(failure=in_a_line(error))


def in_a_line(error: BaseException) -> str:
    """What went wrong, short enough for a table."""
    said = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {said}"[:_REASON]


def _in_folder(turn: Turn, folder: Path) -> Turn:
    values = {name: getattr(turn, name) for name in Turn.__slots__}
    return Turn(**{**values, "folder": folder})


def _prepare(turn: Turn) -> None:
    turn.result.mkdir(parents=True)
    if turn.former is None:
        turn.state.mkdir()
    else:
        shutil.copytree(turn.former, turn.state)
    # For work that draws from the global generators, as much training code does.
    first = zlib.crc32(repr(turn.seeds()).encode())
    random.seed(first)
    np.random.seed(first)
