"""The notebook runs from its first cell to its last, and shows what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.mnist.run_notebook import code_cells, run_cells

NOTEBOOK = Path(__file__).parents[2] / "examples" / "mnist" / "notebook.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_cells_run_and_the_federated_model_is_better_than_each_alone(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    copy = tmp_path / "notebook.ipynb"
    copy.write_bytes(NOTEBOOK.read_bytes())
    script = NOTEBOOK.with_name("run_notebook.py")
    done = subprocess.run(
        [sys.executable, script, copy, "--write"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for number in (1, 2):
        (line,) = re.findall(rf"round {number}: federated .*", done.stdout)
        federated, *alone = [float(share) for share in re.findall(r"([0-9.]+)%", line)]
        assert len(alone) == 3
        assert federated > max(alone) + 2, line
    assert re.search(r"identities in round 2:( [0-9a-f]{8}){3}\n", done.stdout)
    assert "14,410 -> 16,154 parameters" in done.stdout
    said = [cell["outputs"] for cell in code_cells(json.loads(copy.read_text()))]
    assert all(said)
    assert "Epoch" not in copy.read_text()


def test_its_kept_outputs_are_those_of_its_code_and_small() -> None:
    notebook = json.loads(NOTEBOOK.read_text())
    cells = list(code_cells(notebook))
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert all("".join(cell["source"]).count("print") == 0 or cell["outputs"] for cell in cells)
    assert NOTEBOOK.stat().st_size < 16_000


def test_cells_share_their_variables_and_an_error_ends_the_run() -> None:
    def cell(source: str) -> dict[str, object]:
        return {"cell_type": "code", "source": source.splitlines(keepends=True)}

    notebook = {"cells": [cell("x = 2\n"), {"cell_type": "markdown"}, cell("print(x + 1)")]}
    assert run_cells(notebook)["x"] == 2
    assert notebook["cells"][2]["outputs"][0]["text"] == ["3\n"]
    with pytest.raises(ZeroDivisionError):
        run_cells({"cells": [cell("1 / 0")]})
