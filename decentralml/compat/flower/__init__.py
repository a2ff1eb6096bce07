"""Flower's clients and servers on the market, by a changed import.

    from decentralml.compat import flower as fl

    fl.client.start_numpy_client(server_address="ws://127.0.0.1:9944", client=FlowerClient())
    fl.server.start_server(
        server_address="ws://127.0.0.1:9944",
        config=fl.server.ServerConfig(num_rounds=10),
        strategy=fl.server.strategy.FedAvg(min_fit_clients=2, min_available_clients=2),
    )

A client's class may be that of `flwr` or this package's own. See docs/how-to/flower.md.
"""

from decentralml.compat.flower import client, common, server
from decentralml.compat.flower.client import NumPyClient, start_client, start_numpy_client
from decentralml.compat.flower.common import ndarrays_to_parameters, parameters_to_ndarrays
from decentralml.compat.flower.history import History
from decentralml.compat.flower.server import OnMarket, ServerConfig, start_server
from decentralml.compat.flower.server.strategy import FedAvg

__all__ = [
    "FedAvg", "History", "NumPyClient", "OnMarket", "ServerConfig", "client", "common",
    "ndarrays_to_parameters", "parameters_to_ndarrays", "server", "start_client",
    "start_numpy_client", "start_server",
]  # fmt: skip
