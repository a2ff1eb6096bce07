"""Flower's strategies become the market's, and what has no meaning there is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from decentralml.compat.flower.errors import NotSupported
from decentralml.compat.flower.server import OnMarket, ServerConfig, start_server, strategy
from decentralml.compat.flower.server.app import serve
from decentralml.compat.flower.server.rule import Flower
from decentralml.compat.flower.work import config_in, settings_for
from decentralml.learning.strategies import driver, fedadam, fedavgm, krum, trimmed_mean
from decentralml.learning.updates import InMemory
from decentralml.types import Planck


def test_arguments_keep_their_meaning() -> None:
    momentum = strategy.FedAvgM(server_learning_rate=0.5, server_momentum=0.9).rule()
    adam = strategy.FedAdam(eta=0.3, beta_1=0.8, beta_2=0.95, tau=1e-4).rule()

    assert momentum == fedavgm.FedAvgM(momentum=0.9, learning_rate=0.5)
    assert adam == fedadam.FedAdam(learning_rate=0.3, beta1=0.8, beta2=0.95, tau=1e-4)
    assert strategy.FedTrimmedAvg(beta=0.1).rule() == trimmed_mean.TrimmedMean(trim=0.1)
    assert strategy.Krum(num_malicious_clients=2).rule() == krum.Krum(f=2)
    kept = strategy.Krum(num_malicious_clients=2, num_clients_to_keep=3).rule()
    assert kept == krum.MultiKrum(f=2, m=3)


@pytest.mark.parametrize(
    "made",
    [
        strategy.FedAvg(), strategy.FedAvgM(), strategy.FedAdam(), strategy.FedYogi(),
        strategy.FedAdagrad(), strategy.FedProx(proximal_mu=0.1), strategy.FedMedian(),
        strategy.FedTrimmedAvg(), strategy.Krum(), strategy.Bulyan(),
    ],
    ids=lambda made: type(made).__name__,
)  # fmt: skip
def test_each_strategy_federates_equal_updates_into_what_they_agree_on(
    made: strategy.FedAvg,
) -> None:
    agreed = {"00000.float32": np.float32([1, 2, 3])}
    updates = [InMemory(agreed, 10, str(n)) for n in range(5)]

    found = dict(driver.aggregate(Flower(made), InMemory(agreed), updates))

    np.testing.assert_allclose(found["00000.float32"], agreed["00000.float32"], rtol=1e-6)


def test_fedprox_tells_clients_its_mu() -> None:
    told = Flower(
        strategy.FedProx(proximal_mu=0.25, on_fit_config_fn=lambda n: {"lr": 1 / n})
    ).client_settings(2)

    assert config_in(told, "fit/") == {"lr": 0.5, "proximal_mu": 0.25}


def test_a_config_is_for_the_model_that_is_evaluated() -> None:
    rule = Flower(strategy.FedAvg(on_evaluate_config_fn=lambda server_round: {"n": server_round}))

    assert config_in(rule.client_settings(3), "evaluate/") == {"n": 2}
    assert rule.client_settings(3)["evaluate"] is True


def test_no_client_evaluates_where_none_is_drawn_for_it() -> None:
    assert Flower(strategy.FedAvg(fraction_evaluate=0.0)).client_settings(2) == {"evaluate": False}


def test_bytes_in_a_config_are_refused() -> None:
    with pytest.raises(NotSupported, match="the config key=b'x'"):
        settings_for({"key": b"x"}, None)


@pytest.mark.parametrize("option", ["server", "client_manager", "certificates"])
def test_what_the_market_replaces_is_refused_by_name(option: str) -> None:
    with pytest.raises(NotSupported, match=f"the option {option}"):
        start_server(**{option: object()})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"accept_failures": False}, "accept_failures"),
        ({"fraction_fit": 0.0}, "fraction_fit=0.0"),
        ({"fraction_fit": 1.01}, "fraction_fit=1.01"),
    ],
)
def test_arguments_without_meaning_are_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(NotSupported, match=why):
        strategy.FedAvg(**options)


def test_a_timeout_in_seconds_is_refused_before_anything_is_posted() -> None:
    with pytest.raises(NotSupported, match="round_timeout"):
        serve(None, ServerConfig(1, round_timeout=5.0), strategy.FedAvg())  # type: ignore[arg-type]


def test_slots_are_as_many_as_must_be_available_unless_said_otherwise() -> None:
    assert OnMarket().offer(slots=3, rounds=2).slots == 3
    offer = OnMarket(slots=5, reward=Planck(7)).offer(slots=3, rounds=2)
    assert (offer.slots, offer.rounds, offer.reward) == (5, 2, 7)
    first = OnMarket(reward=Planck(7), title="x" * 128).first_offer()
    assert (first.slots, first.rounds, first.reward, len(first.title)) == (1, 1, 7, 128)
