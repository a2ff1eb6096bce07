"""Flower's strategies by Flower's names and arguments; each becomes one of `learning.strategies`.

    strategy = fl.server.strategy.FedAvg(min_fit_clients=2, min_available_clients=2)

What differs: who trains is not drawn by the server. Every contributor with a slot may deliver, and
a round ends when `fraction_fit` of them have (at least `min_fit_clients`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from decentralml.compat.flower.common import (
    ConfigFn,
    EvaluateFn,
    MetricsAggregationFn,
    Parameters,
    Scalar,
)
from decentralml.compat.flower.errors import NotSupported
from decentralml.learning.strategies.registry import named
from decentralml.learning.strategies.strategy import Setting, Strategy

__all__ = [
    "Bulyan", "FedAdagrad", "FedAdam", "FedAvg", "FedAvgM", "FedMedian", "FedProx",
    "FedTrimmedAvg", "FedYogi", "Krum",
]  # fmt: skip


@dataclass(kw_only=True)
class FedAvg:
    """The mean of the clients' parameters, weighted by their examples (McMahan et al. 2017).

    Attributes:
        fraction_fit: of the contributors that hold a slot, how many results a round waits for.
        fraction_evaluate: 0 for no evaluation by clients; otherwise every client that has
            `evaluate` measures each round's model before it trains on.
        min_fit_clients: a round needs so many results.
        min_evaluate_clients: fewer measurements of a round are no entry in the history.
        min_available_clients: the first round needs so many contributors, and so many slots are
            paid for unless the offer says otherwise.
        evaluate_fn: measures each round's parameters on the server's data; called for round 0 too.
        on_fit_config_fn: round → config for `fit`; texts, numbers and truth values.
        on_evaluate_config_fn: round → config for `evaluate`.
        accept_failures: only True: a missing result cannot undo the payment of the others.
        initial_parameters: the first model; without it one client's `get_parameters` is asked for.
        fit_metrics_aggregation_fn: [(examples, metrics)] of a round's clients → figures.
        evaluate_metrics_aggregation_fn: the same for `evaluate`.
        inplace: ignored: sums are always made in bounded memory, in double precision.
    """

    fraction_fit: float = 1.0
    fraction_evaluate: float = 1.0
    min_fit_clients: int = 2
    min_evaluate_clients: int = 2
    min_available_clients: int = 2
    evaluate_fn: EvaluateFn | None = None
    on_fit_config_fn: ConfigFn | None = None
    on_evaluate_config_fn: ConfigFn | None = None
    accept_failures: bool = True
    initial_parameters: Parameters | None = None
    fit_metrics_aggregation_fn: MetricsAggregationFn | None = None
    evaluate_metrics_aggregation_fn: MetricsAggregationFn | None = None
    inplace: bool = True

    known_as: ClassVar[str] = "fedavg"

    def __post_init__(self) -> None:
        if not self.accept_failures:
            raise NotSupported(
                "accept_failures=False",
                "leave it out: a round ends with the results that it needs (min_fit_clients)",
            )
        if not 0 < self.fraction_fit <= 1:
            raise NotSupported(f"fraction_fit={self.fraction_fit}", "give more than 0, at most 1")

    def options(self) -> dict[str, Setting]:
        """Options of the strategy that this becomes."""
        return {}

    def rule(self) -> Strategy:
        """The strategy that this becomes."""
        return named(self.known_as, **self.options())

    def fit_config(self, server_round: int) -> dict[str, Scalar]:
        """The config of a round's `fit`."""
        return dict(self.on_fit_config_fn(server_round)) if self.on_fit_config_fn else {}

    def evaluate_config(self, server_round: int) -> dict[str, Scalar] | None:
        """The config of `evaluate`, or None where clients are not asked."""
        if self.fraction_evaluate == 0:
            return None
        return dict(self.on_evaluate_config_fn(server_round)) if self.on_evaluate_config_fn else {}


@dataclass(kw_only=True)
class FedAvgM(FedAvg):
    """FedAvg with momentum on the server (Hsu et al. 2019)."""

    server_learning_rate: float = 1.0
    server_momentum: float = 0.0

    known_as: ClassVar[str] = "fedavgm"

    def options(self) -> dict[str, Setting]:
        """See `FedAvg.options`."""
        return {"learning_rate": self.server_learning_rate, "momentum": self.server_momentum}


@dataclass(kw_only=True)
class FedAdam(FedAvg):
    """Adam on the server (Reddi et al. 2021). `eta_l` is the clients' own rate, and unused."""

    eta: float = 1e-1
    eta_l: float = 1e-1
    beta_1: float = 0.9
    beta_2: float = 0.99
    tau: float = 1e-9

    known_as: ClassVar[str] = "fedadam"

    def options(self) -> dict[str, Setting]:
        """See `FedAvg.options`."""
        return {
            "learning_rate": self.eta, "beta1": self.beta_1, "beta2": self.beta_2, "tau": self.tau
        }  # fmt: skip


@dataclass(kw_only=True)
class FedYogi(FedAdam):
    """Yogi on the server (Reddi et al. 2021)."""

    eta: float = 1e-2
    eta_l: float = 0.0316
    tau: float = 1e-3

    known_as: ClassVar[str] = "fedyogi"


@dataclass(kw_only=True)
class FedAdagrad(FedAvg):
    """Adagrad on the server (Reddi et al. 2021)."""

    eta: float = 1e-1
    eta_l: float = 1e-1
    tau: float = 1e-9

    known_as: ClassVar[str] = "fedadagrad"

    def options(self) -> dict[str, Setting]:
        """See `FedAvg.options`."""
        return {"learning_rate": self.eta, "tau": self.tau}


@dataclass(kw_only=True)
class FedProx(FedAvg):
    """FedAvg whose clients stay near the round's model (Li et al. 2020).

    The client's half is the client's: `fit` reads `config["proximal_mu"]`.
    """

    proximal_mu: float

    def fit_config(self, server_round: int) -> dict[str, Scalar]:
        """See `FedAvg.fit_config`."""
        return {**super().fit_config(server_round), "proximal_mu": self.proximal_mu}


@dataclass(kw_only=True)
class FedMedian(FedAvg):
    """The median of each parameter (Yin et al. 2018)."""

    known_as: ClassVar[str] = "median"


@dataclass(kw_only=True)
class FedTrimmedAvg(FedAvg):
    """The mean of each parameter without the outermost `beta` on both sides (Yin et al. 2018).

    The number left out is rounded up, where Flower rounds it down.
    """

    beta: float = 0.2

    known_as: ClassVar[str] = "trimmed-mean"

    def options(self) -> dict[str, Setting]:
        """See `FedAvg.options`."""
        return {"trim": self.beta}


@dataclass(kw_only=True)
class Krum(FedAvg):
    """The parameters nearest to the others', or the mean of some such (Blanchard et al. 2017)."""

    num_malicious_clients: int = 0
    num_clients_to_keep: int = 0

    def rule(self) -> Strategy:
        """See `FedAvg.rule`."""
        if self.num_clients_to_keep:
            return named("multi-krum", f=self.num_malicious_clients, m=self.num_clients_to_keep)
        return named("krum", f=self.num_malicious_clients)


@dataclass(kw_only=True)
class Bulyan(FedAvg):
    """Trimmed mean of what Krum selects (El Mhamdi et al. 2018)."""

    num_malicious_clients: int = 0

    known_as: ClassVar[str] = "bulyan"

    def options(self) -> dict[str, Setting]:
        """See `FedAvg.options`."""
        return {"f": self.num_malicious_clients}
