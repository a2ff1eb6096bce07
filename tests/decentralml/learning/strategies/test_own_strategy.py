"""The how-to's own strategy works as the page says, and passes the suite of all strategies."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.registry import named
from tests.contracts.strategy import StrategyContract

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "own-strategy.md"


@pytest.fixture
def blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The page's Python, the first block saved where the page says."""
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "cautious.py").write_text(found[0])
    monkeypatch.syspath_prepend(tmp_path)
    yield found
    sys.modules.pop("cautious", None)


def test_the_page_s_python_gives_what_the_page_says(
    blocks: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)

    assert capsys.readouterr().out == "[0.7 0.7 0.7]\n"
    np.testing.assert_allclose(names["federated"]["w"], 0.7)


class TestOwnStrategy(StrategyContract):
    @pytest.fixture
    def strategy(self, blocks: list[str]) -> Strategy:
        return named("cautious:Cautious", keep=0.3)
