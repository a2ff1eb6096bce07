"""Many contributors on one machine, without a chain: the same strategies, checks and task folders.

from decentralml.simulation.arrays import OnArrays, Trained
from decentralml.simulation.shares import numbered
from decentralml.simulation.simulate import Simulation, simulate

def train(layers, turn):                # in a module of its own: other processes import it
    return Trained(layers, examples=10)

if __name__ == "__main__":
    simulation = Simulation(OnArrays(train), Path("model.safetensors"), numbered(1000), FedAvg())
    report = simulate(simulation, Path("simulated"), rounds=10)
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from decentralml.learning.federate import FederationReport, federate
from decentralml.learning.strategies import Strategy
from decentralml.simulation import plan
from decentralml.simulation.byzantine import Attack
from decentralml.simulation.errors import BadSimulation, NoResults
from decentralml.simulation.folder import Folder
from decentralml.simulation.pool import Pool, ProcessPool
from decentralml.simulation.shares import Contributor
from decentralml.simulation.telling import tell
from decentralml.simulation.turn import RESULT, Job, Measure, Outcome, Turn, Work


@dataclass(frozen=True, slots=True)
class Simulation:
    """What is simulated; the same one gives the same models, however it is interrupted.

    Attributes:
        work: what a contributor does in a round: a `TaskFolder`, an `OnArrays`, or any module's
            function that fills ``turn.result``.
        model: the first round's model, ``.keras`` or ``.safetensors``.
        contributors: everybody who can be asked.
        strategy: how a round's results become the next model.
        rounds: in all; a resumed simulation may be given more than it was begun with.
        per_round: how many are asked in a round; None for all.
        measure: run on the first model and on each federated one; None for no figures.
        drop_out: probability that one who was asked leaves no result, from 0 to below 1.
        hostile: names of contributors, and what they do to their results.
        seed: decides who is asked and who drops out; also each turn's random numbers.
    """

    work: Work
    model: Path
    contributors: Sequence[Contributor]
    strategy: Strategy
    rounds: int
    per_round: int | None = None
    measure: Measure | None = None
    drop_out: float = 0.0
    hostile: Mapping[str, Attack] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        names = [each.name for each in self.contributors]
        if not names or len(set(names)) < len(names):
            raise BadSimulation("contributors need names, each its own, and there must be one")
        if not 1 <= self.asked <= len(names):
            raise BadSimulation(f"{self.asked} of {len(names)} contributors cannot be asked")
        if not 0 <= self.drop_out < 1:
            raise BadSimulation(f"drop-out is a probability below 1, not {self.drop_out}")
        if self.seed < 0:
            raise BadSimulation(f"the seed is a whole number from 0, not {self.seed}")
        unknown = sorted(set(self.hostile or {}) - set(names))
        if unknown:
            raise BadSimulation(f"{unknown[0]!r} is hostile and no contributor")

    @property
    def asked(self) -> int:
        """How many are asked in a round."""
        return len(self.contributors) if self.per_round is None else self.per_round

    def note(self) -> dict[str, Any]:
        """What two simulations with the same outcome have in common."""
        names = [each.name for each in self.contributors]
        return {
            "work": _identity(self.work),
            "model": hashlib.sha256(self.model.read_bytes()).hexdigest(),
            "contributors": hashlib.sha256("\n".join(names).encode()).hexdigest(),
            "strategy": _described(self.strategy),
            "per_round": self.asked,
            "measure": None if self.measure is None else _identity(self.measure),
            "drop_out": self.drop_out,
            "hostile": {name: attack.kind for name, attack in (self.hostile or {}).items()},
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What one round came to.

    Attributes:
        round: from 1; 0 stands for the model at the beginning.
        asked: contributors who were asked.
        dropped: how many of them dropped out.
        failed: contributor → why it left no result.
        refused: contributor → why its result was not federated.
        examples: behind the federated model.
        measured: of the federated model.
        seconds: from choosing contributors to the new model, evaluation included.
        training_seconds: of processor time, all contributors together.
    """

    round: int
    asked: int
    dropped: int
    failed: Mapping[str, str]
    refused: Mapping[str, str]
    examples: int
    measured: Mapping[str, float]
    seconds: float
    training_seconds: float

    @property
    def used(self) -> int:
        """Results behind the federated model."""
        return self.asked - self.dropped - len(self.failed) - len(self.refused)


@dataclass(frozen=True, slots=True)
class Report:
    """A simulation's outcome.

    Attributes:
        model: the last round's federated model.
        rounds: all of them, also those of earlier runs that this one resumed; round 0 first where
            there is a measure.
    """

    model: Path
    rounds: tuple[RoundResult, ...]

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """(round, value) of a metric, where it was measured."""
        return [(r.round, r.measured[metric]) for r in self.rounds if metric in r.measured]


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how a simulation goes on.

    Attributes:
        turn: called with (round, turns that ended, turns of the round).
        round: called with every round, as it counts.
    """

    turn: Callable[[int, int, int], None] = lambda _number, _done, _of: None
    round: Callable[[RoundResult], None] = lambda _result: None


NOBODY: Final = Watch()


def simulate(
    simulation: Simulation,
    folder: Path,
    *,
    pool: Pool | None = None,
    resume: bool = False,
    watch: Watch = NOBODY,
) -> Report:
    """Runs the rounds that are not done yet; memory does not grow with contributors.

    Killed at any instruction and resumed, it goes on, and the outcome is what it would have been.

    Args:
        folder: new or empty; or the same simulation's, to resume. Holds one round's results at
            most, and the newest model.
        pool: where turns are taken; None for as many processes as there are processors. One that
            is given is not closed.
        resume: go on with what is in the folder.

    Raises:
        OtherSimulation, NoResults, NotMeasured, WorkersDied: see there.
        EmptyRound: every result of a round was refused.
        TooFewUpdates: the strategy needs more results than a round had.
    """
    kept = Folder.begin(folder, simulation.note(), simulation.model.suffix, resume=resume)
    mine = pool or ProcessPool(Job(simulation.work, simulation.measure))
    running = _Running(simulation, kept, mine, watch)
    try:
        done = [_of_line(line) for line in kept.rounds()]
        if simulation.measure is not None and not done:
            done.append(running.beginning())
            watch.round(done[-1])
        for number in range(_last(done) + 1, simulation.rounds + 1):
            done.append(running.round(number))
            watch.round(done[-1])
    finally:
        if pool is None:
            mine.close()
    return Report(running.base(_last(done) + 1), tuple(done))


def _last(done: Sequence[RoundResult]) -> int:
    return done[-1].round if done else 0


@dataclass(frozen=True, slots=True)
class _Running:
    simulation: Simulation
    folder: Folder
    pool: Pool
    watch: Watch

    def base(self, number: int) -> Path:
        """The model that a round begins with."""
        return self.folder.model(number - 1) if number > 1 else self.simulation.model

    def beginning(self) -> RoundResult:
        """Round 0: what the first model is worth."""
        began = time.monotonic()
        measured = self.pool.measure(self.simulation.model)
        result = RoundResult(0, 0, 0, {}, {}, 0, measured, time.monotonic() - began, 0.0)
        self.folder.commit(0, _line(result))
        return result

    def round(self, number: int) -> RoundResult:
        """One round, from choosing contributors to the committed model."""
        began = time.monotonic()
        simulation = self.simulation
        names = [each.name for each in simulation.contributors]
        chosen = plan.round_of(
            names, number, simulation.asked, simulation.drop_out, simulation.seed
        )
        outcomes = self._train(number, chosen.working)
        failed = {o.contributor: o.failure for o in outcomes if o.failure is not None}
        useful = [name for name in chosen.working if name not in failed]
        if failed and not useful:
            raise NoResults(number, failed)
        report = self._federate(number, useful) if useful else self._carry(number)
        result = RoundResult(
            number,
            len(chosen.asked),
            len(chosen.dropped),
            dict(sorted(failed.items())),
            {_contributor_of(refusal.folder): refusal.reason for refusal in report.refused},
            report.examples,
            self.pool.measure(report.model) if simulation.measure is not None else {},
            time.monotonic() - began,
            sum(outcome.seconds for outcome in outcomes),
        )
        self.folder.commit(number, _line(result))
        return result

    def _train(self, number: int, names: Sequence[str]) -> list[Outcome]:
        turns = self._turns(number, names)
        outcomes = []
        self.watch.turn(number, 0, len(turns))
        for outcome in self.pool.take(turns):
            outcomes.append(outcome)
            self.watch.turn(number, len(outcomes), len(turns))
        return outcomes

    def _turns(self, number: int, names: Sequence[str]) -> list[Turn]:
        simulation, folder = self.simulation, self.folder
        base = self.base(number)
        said = tell(simulation.strategy, base, folder.memory(number - 1), folder.told(number))
        data = {each.name: each.data for each in simulation.contributors}
        return [
            Turn(
                contributor=name,
                round=number,
                model=base.resolve(),
                folder=folder.turn(number, name),
                data=data[name],
                settings=said.settings,
                strategy=said.arrays,
                former=folder.former_state(name),
                seed=simulation.seed,
                attack=(simulation.hostile or {}).get(name),
            )
            for name in names
        ]

    def _federate(self, number: int, names: Sequence[str]) -> FederationReport:
        folder, former = self.folder, self.folder.memory(number - 1)
        return federate(
            self.base(number),
            [folder.turn(number, name) / RESULT for name in names],
            self.simulation.strategy,
            folder.model(number),
            memory=former if former.is_file() else None,
            new_memory=folder.memory(number),
            contributor=_contributor_of,
        )

    def _carry(self, number: int) -> FederationReport:
        """Everybody dropped out: the next round begins with the same model."""
        model, former = self.folder.model(number), self.folder.memory(number - 1)
        shutil.copyfile(self.base(number), model)
        if former.is_file():
            shutil.copyfile(former, self.folder.memory(number))
        return FederationReport(model, (), ())


def _contributor_of(result: Path) -> str:
    return result.parent.name


def _line(result: RoundResult) -> dict[str, Any]:
    values = {name: getattr(result, name) for name in RoundResult.__slots__}
    return {**values, "failed": dict(result.failed), "refused": dict(result.refused)}


def _of_line(line: Mapping[str, Any]) -> RoundResult:
    return RoundResult(**{name: line[name] for name in RoundResult.__slots__})


def _identity(function: object) -> str:
    """What tells one function (or callable object) from another, in every process the same."""
    known = getattr(function, "identity", None)
    if isinstance(known, str):
        return known
    inner = getattr(function, "train", None)  # OnArrays
    named = inner if inner is not None else function
    kind = named if hasattr(named, "__qualname__") else type(named)
    return f"{kind.__module__}.{kind.__qualname__}"


def _described(strategy: Strategy) -> str:
    """The strategy's class and its choices."""
    choices = {name: repr(value) for name, value in getattr(strategy, "__dict__", {}).items()}
    shown = repr(strategy) if type(strategy).__repr__ is not object.__repr__ else ""
    return json.dumps([type(strategy).__qualname__, shown, sorted(choices.items())])
