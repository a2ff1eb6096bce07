"""A round's deliveries into the next model, with figures on what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from decentralml.chain.records import Task
from decentralml.errors import NothingToFederate
from decentralml.learning.errors import EmptyRound
from decentralml.learning.federate import federate
from decentralml.learning.strategies import Strategy
from decentralml.roles.verdicts import Checked
from decentralml.roles.workspace import RoundFolder, put_in_place
from decentralml.types import AccountId, Round, TaskId

Figures: TypeAlias = Mapping[str, float]
Evaluate: TypeAlias = Callable[[Path], Figures]
"""Measures a model's file, for example its accuracy on the creator's own test data."""


@dataclass(frozen=True, slots=True)
class Part:
    """A delivery that went into the federated model.

    Attributes:
        worker: who made it.
        examples: its weight.
        claimed: the worker's own figures.
        measured: the creator's figures on it; empty when nothing measures.
    """

    worker: AccountId
    examples: int
    claimed: Figures
    measured: Figures


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What became of a round.

    Attributes:
        task: the task.
        round: the round.
        model: the federated model's file.
        used: deliveries that went into it, in the order in which they were sent.
        refused: worker → why the delivery was left out, as a rejection's reason.
        base: the creator's figures on the round's model.
        federated: the creator's figures on the federated model.
    """

    task: TaskId
    round: Round
    model: Path
    used: tuple[Part, ...]
    refused: Mapping[AccountId, str]
    base: Figures
    federated: Figures


@dataclass(frozen=True, slots=True)
class Measuring:
    """What of a round is measured.

    Attributes:
        evaluate: measures a model's file; None measures nothing.
        base: whether the round's model is measured.
        each: whether every delivery is.
        result: whether the federated model is.
    """

    evaluate: Evaluate | None = None
    base: bool = True
    each: bool = True
    result: bool = True

    def on(self, model: Path | None, *, wanted: bool = True) -> Figures:
        """The figures of a model; empty when it is not to be measured."""
        return self.evaluate(model) if wanted and model and self.evaluate else {}


def federate_round(  # noqa: PLR0913, PLR0917 - each is another room's word
    task: Task,
    number: Round,
    base: Path,
    deliveries: Sequence[Checked],
    folder: RoundFolder,
    strategy: Strategy,
    measuring: Measuring,
    memory: Path | None = None,
) -> RoundReport:
    """Federate checked deliveries into ``folder.federated``.

    Args:
        task: the task.
        number: the round.
        base: the model's file that the round started from.
        deliveries: checked, the earliest sent first.
        folder: where the new model goes, and what the strategy remembers; what an earlier call put
            there is replaced.
        strategy: how to combine.
        measuring: what to measure.
        memory: what the strategy remembers of the round before; may be missing.

    Raises:
        NothingToFederate: no delivery could be used.
        TooFewUpdates, StrategyFailed: by the strategy.
    """
    good = {c.folder: c for c in deliveries if c.refusal is None and c.folder is not None}
    refused = {c.result.worker: c.reason for c in deliveries if c.refusal is not None}
    if not good:
        raise _nothing(task, number, refused)
    being_made = folder.fresh(folder.folder / "federated.tmp")
    being_made.mkdir()
    try:
        report = federate(
            base,
            good,
            strategy,
            being_made / base.name,
            memory=memory,
            new_memory=folder.memory,
            contributor=lambda result: good[result].result.worker,
        )
    except EmptyRound as empty:
        refused |= {good[folder].result.worker: why for folder, why in empty.refused.items()}
        raise _nothing(task, number, refused) from empty
    refused |= {good[r.folder].result.worker: r.reason for r in report.refused}
    put_in_place(being_made, folder.fresh(folder.federated))
    model = folder.federated / base.name
    parts = tuple(
        Part(
            good[a.folder].result.worker,
            a.examples,
            a.metrics,
            measuring.on(a.model, wanted=measuring.each),
        )
        for a in report.accepted
    )
    before = measuring.on(base, wanted=measuring.base)
    after = measuring.on(model, wanted=measuring.result)
    return RoundReport(task.id, number, model, parts, refused, before, after)


def counted(results: int) -> str:
    """So many results, in words."""
    return f"{results} result{'' if results == 1 else 's'}"


def _nothing(task: Task, number: Round, refused: Mapping[AccountId, str]) -> NothingToFederate:
    return NothingToFederate(task.id, number, {str(worker): why for worker, why in refused.items()})
