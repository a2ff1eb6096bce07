"""A worker's process: says which digits it has, then takes part until the job is over.

    python -m examples.mnist_by_digits.worker DATA --trust CREATOR

It is ``decentralml contributor work`` with a look at the data before it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from decentralml.cli.main import main as command_line
from decentralml.learning.datasets import load_shards

from .job import counts


def main() -> None:
    """Parses the options; what is not known here goes to the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    options, rest = parser.parse_known_args()
    print(f"has {counts(load_shards(options.data).labels)}", flush=True)
    sys.argv = ["decentralml", "contributor", "work", "--tasks", "1"]
    sys.argv += ["--data", str(options.data), *rest]
    command_line()


if __name__ == "__main__":
    main()
