"""Time of `decentralml --help`, against its limit of 0.15 s and an empty Python in the same run.

python benchmarks/help.py [--runs 20]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

LIMIT = 0.15


def seconds(command: list[str]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Run the two in turn, so that both meet the same machine, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    program = [sys.executable, "-m", "decentralml.cli.main", "--help"]
    empty = [sys.executable, "-c", "pass"]
    seconds(program), seconds(empty)
    pairs = [(seconds(program), seconds(empty)) for _ in range(runs)]
    median_help = statistics.median(pair[0] for pair in pairs)
    median_empty = statistics.median(pair[1] for pair in pairs)
    print(f"decentralml --help      {median_help:.3f} s (median of {runs})")
    print(f"python -c pass          {median_empty:.3f} s")
    print(f"help / limit of {LIMIT} s  {median_help / LIMIT:.2f}")


if __name__ == "__main__":
    main()
