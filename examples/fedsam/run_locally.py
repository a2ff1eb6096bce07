"""The whole example on one machine: pictures are drawn, a chain is started, three people meet.

    python examples/fedsam/run_locally.py

Every person is a process with a key, a workspace and pictures of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pictures import draw_dataset

HERE = Path(__file__).parent


@contextmanager
def development_chain() -> Iterator[str]:
    """A development chain on a free port; yields its address."""
    command = [sys.executable, "-m", "pallets_mock", "--tmp", "--port", "0", "--json-ready"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as chain:
        try:
            yield json.loads(chain.stdout.readline() if chain.stdout else "{}")["url"]
        finally:
            chain.terminate()


def environment(folder: Path, key: str) -> dict[str, str]:
    """What a person's process is given."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "DECENTRALML_KEY": key,
        "DECENTRALML_WORKSPACE": str(folder / "workspace"),
        "DECENTRALML_STORE": str(folder.parent / "store"),
    }


def run(folder: Path, rounds: int, pictures: int) -> dict[str, list[list[float]]]:
    """Draw, start everybody, and return the server's figures.

    Args:
        folder: empty; all files go there.
        rounds: of the job.
        pictures: that each client has.
    """
    people = {"alice": 32, "bob": pictures, "charlie": pictures}
    for seed, (name, count) in enumerate(people.items()):
        draw_dataset(folder / name / "pictures", count, seed)
    with development_chain() as address, ExitStack() as ending:
        for name in ("bob", "charlie"):
            command = [sys.executable, HERE / "client.py", "--server-address", address]
            client = subprocess.Popen(
                [*command, "--dataset-root", folder / name / "pictures"],
                env=environment(folder / name, f"//{name.capitalize()}"),
            )
            ending.callback(client.wait)
            ending.callback(client.terminate)
        command = [sys.executable, HERE / "server.py", "--server-address", address]
        server = subprocess.run(
            [*command, "--rounds", str(rounds), "--dataset-root", folder / "alice" / "pictures"],
            env=environment(folder / "alice", "//Alice"),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    figures: dict[str, list[list[float]]] = json.loads(server.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Run it and print how the overlap grew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=240, help="of each client")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), options.rounds, options.pictures)
    for number, overlap in figures["iou"]:
        print(f"round {number}: intersection over union {overlap:.3f} on held-out pictures")


if __name__ == "__main__":
    main()
