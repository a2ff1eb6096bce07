"""A job's rounds as Flower's history."""

from __future__ import annotations

from collections.abc import Mapping

from decentralml.compat.flower.common import Metrics, MetricsAggregationFn
from decentralml.compat.flower.history import History
from decentralml.compat.flower.server.strategy import FedAvg
from decentralml.compat.flower.work import EVALUATE, EXAMPLES, LOSS
from decentralml.roles.federation import Part
from decentralml.roles.job.plan import JobReport, JobRound

CENTRAL_LOSS = "loss"


def history_of(report: JobReport, strategy: FedAvg) -> History:
    """The figures of all rounds, with the strategy's aggregation functions applied."""
    history = History(model=report.model)
    for done in report.rounds:
        if done.number == 1:
            _central(history, 0, done.base)
        _central(history, done.number, done.figures)
        _fitted(history, done, strategy.fit_metrics_aggregation_fn)
        _evaluated(history, done, strategy)
    return history


def _central(history: History, server_round: int, figures: Mapping[str, float]) -> None:
    if CENTRAL_LOSS in figures:
        history.add_loss_centralized(server_round, figures[CENTRAL_LOSS])
    others = {name: value for name, value in figures.items() if name != CENTRAL_LOSS}
    history.add_metrics_centralized(server_round, others)


def _fitted(history: History, done: JobRound, together: MetricsAggregationFn | None) -> None:
    if together is not None:
        own = [(part.examples, _without_evaluation(part)) for part in done.used]
        history.add_metrics_distributed_fit(done.number, together(own))


def _evaluated(history: History, done: JobRound, strategy: FedAvg) -> None:
    """What clients measured in this round is the model of the one before."""
    measured = [part for part in done.used if LOSS in part.claimed and EXAMPLES in part.claimed]
    counts = [max(1, int(part.claimed[EXAMPLES])) for part in measured]
    if len(measured) < max(1, strategy.min_evaluate_clients):
        return
    losses = [count * part.claimed[LOSS] for count, part in zip(counts, measured, strict=True)]
    history.add_loss_distributed(done.number - 1, sum(losses) / sum(counts))
    together = strategy.evaluate_metrics_aggregation_fn
    if together is not None:
        own = [(c, _of_evaluation(part)) for c, part in zip(counts, measured, strict=True)]
        history.add_metrics_distributed(done.number - 1, together(own))


def _without_evaluation(part: Part) -> Metrics:
    return {name: value for name, value in part.claimed.items() if not name.startswith(EVALUATE)}


def _of_evaluation(part: Part) -> Metrics:
    return {
        name.removeprefix(EVALUATE): value
        for name, value in part.claimed.items()
        if name.startswith(EVALUATE) and name not in {LOSS, EXAMPLES}
    }
