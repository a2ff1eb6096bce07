"""What `start_server` returns: losses and metrics by round, as Flower's `History`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.compat.flower.common import Scalar

Curve = list[tuple[int, float]]
Curves = dict[str, list[tuple[int, Scalar]]]


@dataclass
class History:
    """Figures of a job; each entry is (round, figure).

    Attributes:
        losses_distributed: mean loss that clients measured on the round's federated model,
            weighted by their examples. They measure it when they get it, at the beginning of the
            next round, so that the last round's model has none.
        losses_centralized: of `evaluate_fn`; from round 0, the model before training.
        metrics_distributed_fit: of `fit`, as `fit_metrics_aggregation_fn` made them.
        metrics_distributed: of `evaluate`, as `evaluate_metrics_aggregation_fn` made them.
        metrics_centralized: of `evaluate_fn`.
        model: the last federated model's file; `read_arrays` gives its list. Not in Flower.
    """

    losses_distributed: Curve = field(default_factory=list)
    losses_centralized: Curve = field(default_factory=list)
    metrics_distributed_fit: Curves = field(default_factory=dict)
    metrics_distributed: Curves = field(default_factory=dict)
    metrics_centralized: Curves = field(default_factory=dict)
    model: Path | None = None

    def add_loss_distributed(self, server_round: int, loss: float) -> None:
        """Note the clients' mean loss."""
        self.losses_distributed.append((server_round, loss))

    def add_loss_centralized(self, server_round: int, loss: float) -> None:
        """Note the server's loss."""
        self.losses_centralized.append((server_round, loss))

    def add_metrics_distributed_fit(self, server_round: int, metrics: Mapping[str, Scalar]) -> None:
        """Note figures of training."""
        _add(self.metrics_distributed_fit, server_round, metrics)

    def add_metrics_distributed(self, server_round: int, metrics: Mapping[str, Scalar]) -> None:
        """Note figures of the clients' evaluation."""
        _add(self.metrics_distributed, server_round, metrics)

    def add_metrics_centralized(self, server_round: int, metrics: Mapping[str, Scalar]) -> None:
        """Note figures of the server's evaluation."""
        _add(self.metrics_centralized, server_round, metrics)


def _add(curves: Curves, server_round: int, metrics: Mapping[str, Scalar]) -> None:
    for name, figure in metrics.items():
        curves.setdefault(name, []).append((server_round, figure))
