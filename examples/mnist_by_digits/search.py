"""Settings that were tried, judged by training images that were held out; never by test images.

    python -m examples.mnist_by_digits.search TRIED.jsonl [--seeds 1 2 3] [--only scaffold]

One change at a time from what is in ``methods.py``. A run takes half a minute of processor time,
one with more work two; what is in the file is not run again.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from platformdirs import user_cache_path

from decentralml.learning.datasets import load_digits, mnist_folder
from decentralml.learning.strategies.fedavgm import FedAvgM

from .job import held_out
from .measure import measure, table
from .methods import DEMO, METHODS, Method, MovingScaffold


def candidates() -> Mapping[str, Method]:
    """Name → method: those of ``methods.py``, and each with one choice changed."""
    found = dict(METHODS)
    for beta, rate in ((0.9, 0.5), (0.9, 0.7), (0.8, 1.0), (0.7, 1.4), (0.95, 0.3)):
        server = FedAvgM(momentum=beta, learning_rate=rate, nesterov=True)
        found[f"momentum {beta} {rate}"] = Method("", server, DEMO)
    for rate in (0.8, 1.2):
        found[f"scaffold rate={rate}"] = replace(
            METHODS["scaffold"], strategy=MovingScaffold(learning_rate=rate)
        )
    changes = {
        "scaffold": [{"control_rate": 1.0}, {"control_rate": 0.25}, {"decay": 0.93}],
        "more-work": [{"absent": 0.0}, {"absent": 1.0}, {"absent": 2.0}, {"steps": 25}],
    }
    for name, each in changes.items():
        for change in each:
            said = ", ".join(f"{setting}={value}" for setting, value in change.items())
            method = METHODS[name]
            found[f"{name} {said}"] = replace(method, settings={**method.settings, **change})
    return found


def main() -> None:
    """Parses the options, measures what was not measured yet, prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=(1,))
    parser.add_argument("--only", default="", help="those whose name begins so")
    options = parser.parse_args()
    named = mnist_folder()
    digits = load_digits(named, None if named else user_cache_path("decentralml") / "mnist")
    tried = {n: method for n, method in candidates().items() if n.startswith(options.only)}
    print("\n".join(table(measure(options.file, tried, held_out(digits), options.seeds))))


if __name__ == "__main__":
    main()
