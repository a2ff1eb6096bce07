"""Each strategy passes the suite that all strategies pass."""

from __future__ import annotations

import pytest

from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.registry import NAMES, named
from tests.contracts.strategy import StrategyContract

VARIANTS: dict[str, dict[str, float | int | str | bool]] = {
    **{name: {} for name in NAMES if name != "private"},  # its noise differs each time
    "fedavgm nesterov": {"nesterov": True, "learning_rate": 0.5, "decay": 0.9},
    "scaffold of many": {"contributors": 100},
    "norm-clipping around": {"inner": "multi-krum", "norm": 0.5},
    "fedbn around": {"inner": "bulyan", "patterns": "scalar,nothing*"},
    "fedprox around": {"inner": "fedyogi"},
}


class TestEveryStrategy(StrategyContract):
    @pytest.fixture(params=VARIANTS)
    def strategy(self, request: pytest.FixtureRequest) -> Strategy:
        return named(request.param.split()[0], **VARIANTS[request.param])
