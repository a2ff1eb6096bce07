"""Flower clients and a Flower server meet on the market: a real chain, a store, real payments."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.chain.records import ResultStatus
from decentralml.compat.flower.arrays import read_arrays
from decentralml.compat.flower.client import NumPyClient, take_part
from decentralml.compat.flower.common import ndarrays_to_parameters
from decentralml.compat.flower.history import History
from decentralml.compat.flower.server import OnMarket, ServerConfig, serve
from decentralml.compat.flower.server.strategy import FedAvg, FedProx
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.participant import Participant, Training
from decentralml.types import BlockNumber, Planck, Round, TaskId
from pallets_mock.testing import DevChain
from tests.decentralml.roles.town import Town

REWARD = Planck(10**12)
BLOCK = BlockNumber(1)
FIRST = [np.zeros(2, np.float32), np.array(0), np.float64(0.5)]


class Adder(NumPyClient):
    """Adds its own number to everything and counts its rounds."""

    def __init__(self, step: int, examples: int) -> None:
        self.step, self.examples = step, examples
        self.configs: list[dict[str, Any]] = []

    def get_parameters(self, config: dict[str, Any]) -> list[np.ndarray]:
        return [np.asarray(array) for array in FIRST]

    def fit(self, parameters: list[np.ndarray], config: dict[str, Any]) -> Any:
        self.configs.append(config)
        added = [np.asarray(array + array.dtype.type(self.step)) for array in parameters]
        return added, self.examples, {"step": self.step}


class Measuring(Adder):
    def evaluate(self, parameters: list[np.ndarray], config: dict[str, Any]) -> Any:
        return float(parameters[0][0]), self.examples, {"half": float(parameters[0][0]) / 2}


class Stage:
    """A server and clients, each a thread with its own connection, ended with the test."""

    def __init__(self, folder: Path) -> None:
        self.chain = DevChain().start()
        self.folder = folder
        self.over = threading.Event()
        self.pool = ThreadPoolExecutor(8)

    def town(self) -> Town:
        return Town(self.chain.url, self.folder)

    def joins(self, name: str, client: Any) -> Future[TaskId | None]:
        return self.acts(lambda town: take_part(town.rooms(name), client, stop=self.over.is_set))

    def serves(self, strategy: FedAvg, rounds: int = 3, **terms: Any) -> Future[History]:
        return self.acts(
            lambda town: serve(
                town.rooms("Alice"),
                ServerConfig(num_rounds=rounds),
                strategy,
                OnMarket(reward=REWARD, **terms),
                stop=self.over.is_set,
            )
        )

    def acts(self, act: Callable[[Town], Any]) -> Future[Any]:
        def run() -> Any:
            town = self.town()
            try:
                return act(town)
            finally:
                town.close()

        return self.pool.submit(run)

    def close(self) -> None:
        self.over.set()
        self.pool.shutdown()
        self.chain.stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def test_unchanged_clients_train_a_model_together_and_are_paid(stage: Stage) -> None:
    clients = [Adder(1, 10), Adder(4, 20)]
    joined = [stage.joins(name, c) for name, c in zip(("Bob", "Charlie"), clients, strict=True)]

    history = stage.serves(FedAvg()).result(60)

    task = joined[0].result(30)
    assert joined[1].result(30) == task
    assert task is not None
    assert history.model is not None
    floats, count, half = read_arrays(history.model)
    # Each round adds (10 * 1 + 20 * 4) / 30 = 3.
    assert floats.dtype == np.float32
    assert floats.tolist() == [9, 9]
    assert (str(count.dtype), int(count)) == ("int64", 9)
    assert (str(half.dtype), float(half)) == ("float64", 9.5)
    town = stage.town()
    results = town.market("Alice").results_of(task)
    assert [(r.status, r.paid) for r in results] == [(ResultStatus.ACCEPTED, REWARD)] * 6
    town.close()


def test_the_servers_functions_are_called_as_flower_calls_them(stage: Stage) -> None:
    asked = []

    def evaluate_fn(server_round: int, parameters: Any, config: Any) -> Any:
        asked.append(server_round)
        return float(parameters[0][0]), {"doubled": 2 * float(parameters[0][0])}

    strategy = FedProx(
        proximal_mu=0.5,
        initial_parameters=ndarrays_to_parameters(FIRST),
        evaluate_fn=evaluate_fn,
        on_fit_config_fn=lambda server_round: {"round": server_round, "name": "fit"},
        fit_metrics_aggregation_fn=lambda each: {"steps": sum(m["step"] for _, m in each)},  # type: ignore[misc]
        evaluate_metrics_aggregation_fn=lambda each: {"most": max(m["half"] for _, m in each)},
    )
    client = Measuring(1, 10)
    stage.joins("Bob", client)
    stage.joins("Charlie", Measuring(4, 20))

    history = stage.serves(strategy).result(60)

    assert sorted(set(asked)) == [0, 1, 2, 3]
    assert history.losses_centralized == [(0, 0), (1, 3), (2, 6), (3, 9)]
    assert history.metrics_centralized == {"doubled": [(0, 0), (1, 6), (2, 12), (3, 18)]}
    assert history.metrics_distributed_fit == {"steps": [(1, 5), (2, 5), (3, 5)]}
    assert history.losses_distributed == [(1, 3), (2, 6)]
    assert history.metrics_distributed == {"most": [(1, 1.5), (2, 3)]}
    assert client.configs == [{"round": n, "name": "fit", "proximal_mu": 0.5} for n in (1, 2, 3)]


def test_a_server_that_is_started_again_goes_on_with_the_same_job(stage: Stage) -> None:
    strategy = FedAvg(initial_parameters=ndarrays_to_parameters(FIRST))
    stage.joins("Bob", Adder(1, 10))
    joined = stage.joins("Charlie", Adder(4, 20))
    once = stage.serves(strategy, job="the sum").result(60)

    again = stage.serves(strategy, job="the sum").result(60)

    assert joined.result(30) == 0
    assert again.model == once.model
    town = stage.town()
    assert town.market("Alice").task_count() == 1
    town.close()


def test_parameters_that_cannot_be_used_are_rejected_and_another_client_is_asked(
    stage: Stage,
) -> None:
    def foreign(training: Training) -> None:
        layers = {"dense/kernel": np.zeros(2, np.float32)}
        save_weights(training.result / "weights.safetensors", layers, WeightsHeader(examples=1))
        (training.result / "result.json").write_text('{"examples": 1, "metrics": {}}')

    def answer_first(town: Town) -> list[tuple[TaskId, Round]]:
        participant = Participant(town.rooms("Dave"), foreign)
        participant.market.wait_for(lambda event: event.name == "TaskCreated", from_block=BLOCK)
        return participant.take_part(TaskId(0), once=True).sent

    served = stage.serves(FedAvg(), rounds=1)
    assert stage.acts(answer_first).result(30) == [(TaskId(0), Round(1))]
    stage.joins("Bob", Adder(1, 10))
    stage.joins("Charlie", Adder(4, 20))

    history = served.result(60)

    assert history.model is not None
    assert read_arrays(history.model)[0].tolist() == [3, 3]
    town = stage.town()
    (first,) = town.market("Alice").results_of(TaskId(0))
    assert first.status is ResultStatus.REJECTED
    assert first.reason is not None
    assert "no parameters of a Flower client" in first.reason
    town.close()
