"""Flower's server side, as `flwr.server`: `start_server`, `ServerConfig`, `History`, `strategy`."""

from decentralml.compat.flower.history import History
from decentralml.compat.flower.server import strategy
from decentralml.compat.flower.server.app import ServerConfig, serve, start_server
from decentralml.compat.flower.server.market import OnMarket

__all__ = ["History", "OnMarket", "ServerConfig", "serve", "start_server", "strategy"]
