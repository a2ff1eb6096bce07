"""Joins the rooms: one chain, one pool, one clock, and one writer at a time."""

from pallets_mock.node.history import History
from pallets_mock.node.node import Node
from pallets_mock.node.sealer import Sealer

__all__ = ["History", "Node", "Sealer"]
