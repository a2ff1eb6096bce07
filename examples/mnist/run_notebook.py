"""Runs a notebook's code cells one after another, without Jupyter, and can keep what they print.

    python examples/mnist/run_notebook.py examples/mnist/notebook.ipynb           # run, print
    python examples/mnist/run_notebook.py examples/mnist/notebook.ipynb --write   # and keep outputs

The cells run in the present folder, in a namespace of their own. Only what is printed is kept:
outputs stay small enough to be read in a diff.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def code_cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The notebook's code cells, in order."""
    return (cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def run_cells(notebook: dict[str, Any]) -> dict[str, Any]:
    """Runs all code cells; what each prints becomes its output. Returns their variables."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(notebook), 1):
        printed = io.StringIO()
        code = compile("".join(cell["source"]), f"cell {number}", "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)  # noqa: S102 - running a notebook is this program's purpose
        cell["execution_count"] = number
        text = printed.getvalue().splitlines(keepends=True)
        cell["outputs"] = (
            [{"name": "stdout", "output_type": "stream", "text": text}] if text else []
        )
    return namespace


def main() -> None:
    """Runs the notebook that is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--write", action="store_true", help="keep what is printed in the file")
    options = parser.parse_args()
    notebook = json.loads(options.notebook.read_text())
    run_cells(notebook)
    for cell in code_cells(notebook):
        for output in cell["outputs"]:
            print("".join(output["text"]), end="")
    if options.write:
        options.notebook.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
