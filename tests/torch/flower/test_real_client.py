"""Clients that were written for Flower, with the real `flwr` package's class, on the market."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("flwr")  # has no release for Python 3.10

from flwr.common import ndarrays_to_parameters as flwr_parameters
from flwr.server.strategy.aggregate import aggregate

from decentralml.compat import flower as fl
from decentralml.compat.flower.arrays import from_layers, read_arrays, to_layers
from decentralml.compat.flower.work import implements
from decentralml.learning.strategies import driver
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.updates import InMemory
from pallets_mock.testing import DevChain
from tests.torch.flower.flower_client import FlowerClient, examples

ROOT = Path(__file__).parents[3]
Join = Callable[[str, int], "subprocess.Popen[bytes]"]


@pytest.fixture
def chain() -> Iterator[DevChain]:
    with DevChain() as chain:
        yield chain


@pytest.fixture
def join(chain: DevChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Join]:
    """Starts a client with a key; this process is the server's side, and signs as Alice."""
    settings = {"STORE": tmp_path / "store", "WORKSPACE": tmp_path / "workspace", "KEY": "//Alice"}
    for name, value in settings.items():
        monkeypatch.setenv(f"DECENTRALML_{name}", str(value))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with ExitStack() as ending:

        def start(key: str, seed: int) -> subprocess.Popen[bytes]:
            environment = {**os.environ, "DECENTRALML_KEY": key, "OMP_NUM_THREADS": "1"}
            command = [sys.executable, "-m", "tests.torch.flower.flower_client"]
            client = subprocess.Popen([*command, chain.url, str(seed)], env=environment, cwd=ROOT)
            ending.callback(client.wait)
            ending.callback(client.kill)
            return client

        yield start


@pytest.mark.timeout(240)
def test_two_unchanged_clients_learn_what_neither_was_told(join: Join, chain: DevChain) -> None:
    measured: dict[int, float] = {}
    client = FlowerClient(seed=7)
    x, y = examples(seed=99)

    def evaluate(server_round: int, parameters: Any, config: Any) -> Any:
        client.set_parameters(parameters)
        client.net.eval()
        with torch.no_grad():
            measured[server_round] = torch.nn.functional.mse_loss(client.net(x), y).item()
        return measured[server_round], {}

    clients = [join("//Bob", 1), join("//Charlie", 2)]

    history = fl.server.start_server(
        server_address=chain.url,
        config=fl.server.ServerConfig(num_rounds=4),
        strategy=fl.server.strategy.FedAvg(
            min_fit_clients=2, min_available_clients=2, evaluate_fn=evaluate
        ),
    )

    assert [client.wait(60) for client in clients] == [0, 0]
    assert history.losses_centralized == sorted(measured.items())
    assert measured[4] < measured[0] / 5
    assert history.model is not None
    made = read_arrays(history.model)
    kinds = [(a.dtype.name, a.shape) for a in client.get_parameters()]
    assert [(a.dtype.name, a.shape) for a in made] == kinds
    batches = [a for a in made if a.dtype == np.int64]
    assert [(a.shape, int(a)) for a in batches] == [((), 40)]  # 10 steps in each of 4 rounds


def test_what_to_client_returns_is_a_client_too() -> None:
    from decentralml.compat.flower.client import _numpy_client
    from decentralml.types import AccountId

    client = FlowerClient(seed=1)

    assert _numpy_client(client.to_client(), None, AccountId("5Bob")) is client
    assert not implements(client, "evaluate")
    assert implements(client, "get_parameters")


def test_flowers_own_parameters_can_be_the_first() -> None:
    arrays = FlowerClient(seed=1).get_parameters()

    back = fl.parameters_to_ndarrays(flwr_parameters(arrays))

    for found, sent in zip(back, arrays, strict=True):
        np.testing.assert_array_equal(found, sent)


def test_the_mean_is_flowers_but_for_whole_numbers_which_keep_their_type() -> None:
    updates = [(FlowerClient(seed).get_parameters(), 10 * seed) for seed in (1, 2, 3)]
    for (arrays, _), batches in zip(updates, (10, 20, 31), strict=True):
        arrays[-3] = np.array(batches)
    assert updates[0][0][-3].dtype == np.int64

    ours = from_layers(
        dict(
            driver.aggregate(
                FedAvg(),
                InMemory(to_layers(updates[0][0])),
                [InMemory(to_layers(a), n, str(n)) for a, n in updates],
            )
        )
    )
    flowers = aggregate(updates)

    for index, (mine, theirs) in enumerate(zip(ours, flowers, strict=True)):
        assert mine.dtype == updates[0][0][index].dtype
        np.testing.assert_allclose(
            mine, np.rint(theirs) if mine.dtype.kind == "i" else theirs, rtol=1e-5, atol=1e-7
        )
    assert (flowers[-3].dtype.kind, ours[-3].dtype.kind) == ("f", "i")
