"""How a round's updates become the next model. A strategy sees arrays, never a framework."""

from __future__ import annotations

from decentralml.learning.strategies.memory import Memory, MemoryStore
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Strategy, Weighing

__all__ = ["Memory", "MemoryStore", "Rows", "Strategy", "Weighing"]
