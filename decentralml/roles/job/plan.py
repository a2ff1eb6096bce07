"""How a creator wants a job of many rounds to go, and what became of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from decentralml.errors import RoleError
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.roles.federation import Evaluate, Figures, Part
from decentralml.roles.verdicts import Judge, by_checks
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId


class InvalidPlan(RoleError):
    """A plan that cannot be carried out. Attributes: `field`, what is wrong with it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the plan's {name} cannot be used: {why}")
        self.field = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a job goes.

    A round is closed as soon as enough is there: `min_results` sound results, and results of the
    `fraction` of those who take part; or when its time is over, with what is there, though never
    with fewer than `min_results`.

    Attributes:
        strategy: how results become the next model.
        rounds: end the job after so many, though the task has more; None for all of them.
        min_workers: the first round waits for so many to have joined, while they still can and its
            time is not over; None for all of the task's slots.
        min_results: sound results without which a round is never federated, at least 1.
        fraction: of those who take part in the round, how many are waited for: above 0, up to 1.
        deadline_blocks: blocks for a round, counted from its start; None for the task's own.
        evaluate: measures a model's file on the creator's held-out data.
        measure_each: measure every contributor's model too.
        metric: the figure by which the best model is kept and the job is stopped early.
        lower_is_better: of that figure, as with a loss.
        patience: stop after so many rounds without a better figure; None for never.
        min_delta: a figure is better when it is so by more than this.
        target: stop when the figure is at least (lower is better: at most) this.
        withdraw_rest: withdraw the task when the job ends and it is not completed by that, which
            frees the pay of rounds that will not be and of slots that nobody took. Who still works
            on the last round may deliver it, and is paid.
        release_missed: open the slots of those who let the task's whole time for a round pass.
        settle: stay until nobody can deliver any more, so that late results are validated too.
        judge: decides about a checked delivery (policy Manual).
        curves: a JSON line a round is added to this file.
        picture: the learning curve is drawn into this PNG after each round.
        tensorboard: a folder for TensorBoard's event files.
        output: the best model (the last one, where nothing is measured) is copied to this file.
    """

    strategy: Strategy = field(default_factory=FedAvg)
    rounds: int | None = None
    min_workers: int | None = None
    min_results: int = 1
    fraction: float = 1.0
    deadline_blocks: int | None = None
    evaluate: Evaluate | None = None
    measure_each: bool = False
    metric: str = "accuracy"
    lower_is_better: bool = False
    patience: int | None = None
    min_delta: float = 0.0
    target: float | None = None
    withdraw_rest: bool = True
    release_missed: bool = True
    settle: bool = True
    judge: Judge = by_checks
    curves: Path | None = None
    picture: Path | None = None
    tensorboard: Path | None = None
    output: Path | None = None

    def __post_init__(self) -> None:
        """Raises: InvalidPlan: a number is out of its range, or nothing is measured to stop by."""
        for name in ("rounds", "min_workers", "min_results", "deadline_blocks", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidPlan(name, f"{value} is less than 1")
        if not 0 < self.fraction <= 1:
            raise InvalidPlan("fraction", f"{self.fraction} is not above 0 and at most 1")
        if not self.min_delta >= 0:
            raise InvalidPlan("min_delta", f"{self.min_delta} is below 0")
        stops = self.patience is not None or self.target is not None
        if stops and self.evaluate is None:
            raise InvalidPlan("patience or target", "nothing measures the models; give evaluate")

    def figure(self, done: JobRound) -> float | None:
        """The figure that counts, the higher the better; None where it is no number."""
        value = done.figures.get(self.metric, math.nan)
        return None if math.isnan(value) else -value if self.lower_is_better else value


@dataclass(frozen=True, slots=True)
class JobRound:
    """A round that is federated.

    Attributes:
        number: the round.
        block: the newest block when it was closed.
        used: deliveries that went into the model, in the order in which they were sent.
        refused: worker → why the delivery was left out.
        missed: who took part and had not delivered when the round was closed.
        base: the figures of the round's model.
        figures: the figures of the federated model.
        cid: of the federated model, as it is (or would be) published for the next round.
        model: the federated model's file; those of old rounds, but for the best, are removed.
    """

    number: Round
    block: BlockNumber
    used: tuple[Part, ...]
    refused: Mapping[AccountId, str]
    missed: tuple[AccountId, ...]
    base: Figures
    figures: Figures
    cid: Cid
    model: Path

    @property
    def examples(self) -> int:
        """Training examples behind the federated model."""
        return sum(part.examples for part in self.used)

    @property
    def claimed(self) -> dict[str, float]:
        """The contributors' own figures: of those that all of them have, the mean by examples."""
        names = set.intersection(*(set(part.claimed) for part in self.used)) if self.used else set()
        return {
            name: sum(part.claimed[name] * part.examples for part in self.used) / self.examples
            for name in sorted(names)
        }

    def encode(self) -> str:
        """One line of JSON for the journal."""
        return json.dumps({**asdict(self), "model": self.model.name}, sort_keys=True)

    @classmethod
    def decode(cls, text: str, folder: Path) -> JobRound:
        """The inverse of `encode`, for a model that lies in ``folder``."""
        fields = json.loads(text)
        used = tuple(Part(**part) for part in fields["used"])
        missed = tuple(fields["missed"])
        return cls(**{**fields, "used": used, "missed": missed, "model": folder / fields["model"]})

    def line(self) -> dict[str, Any]:
        """The round as a line of the curves' file."""
        return {
            "round": self.number,
            "block": self.block,
            "results": len(self.used),
            "examples": self.examples,
            "refused": dict(self.refused),
            "missed": list(self.missed),
            "base": _finite(self.base),
            "federated": _finite(self.figures),
            "claimed": self.claimed,
            "measured": {p.worker: _finite(p.measured) for p in self.used if p.measured},
            "model": self.cid,
        }


def _finite(figures: Figures) -> dict[str, float | None]:
    """JSON has no infinity, and a diverged model's loss is one."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


@dataclass(frozen=True, slots=True)
class Best:
    """The best model of a job. Attributes: `round`, `value` of the metric, `model` file, `cid`."""

    round: Round
    value: float
    model: Path
    cid: Cid


@dataclass(frozen=True, slots=True)
class Earned:
    """What the chain says of one worker's results in the task.

    Attributes:
        accepted, rejected, pending: how many results; a disputed one counts as pending.
        paid: for all of them.
    """

    accepted: int
    rejected: int
    pending: int
    paid: Planck


@dataclass(frozen=True, slots=True)
class JobReport:
    """What became of a job.

    Attributes:
        task: the task.
        rounds: the rounds that were federated here, in their order.
        ended: why it ended, in words.
        best: the best model; None where nothing was measured.
        earned: worker → what the chain says; empty for a task that was cleaned up.
    """

    task: TaskId
    rounds: tuple[JobRound, ...]
    ended: str
    best: Best | None
    earned: Mapping[AccountId, Earned]

    @property
    def model(self) -> Path | None:
        """The best model's file, else the last one's; None when no round was federated."""
        if self.best is not None:
            return self.best.model
        return self.rounds[-1].model if self.rounds else None
