"""What a network of real validators holds, beside the development chain in the same run.

    python -m benchmarks.network [--tasks 300] [--validators 4] [--json]

On both chains the same load (`market_load`): every call of the market, signed beforehand by people
of their own, sent to all nodes at once, until all are in blocks. Reported are

* transactions a second, and the most in one block; what one node computes for each (validators
  make their empty blocks in that time too);
* how many blocks, and seconds, the last final block is behind the best one while that goes on;
* what a task and a result add to the state (bytes of keys and values), and to the database on disk
  (a validator's ParityDB; SQLite on the development chain), of which blocks and history are part.

All validators share this machine's cores with each other and with the load.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.market_load import Load
from decentralml.chain.node import Node
from decentralml.localnet import LocalNetwork, find_binary

CREATED, ACCEPTED, SENT = 0, 1, 2  # stages
Figures = dict[str, float]


class Finality:
    """How far behind the last final block is, seen at each new one of a node."""

    def __init__(self, url: str) -> None:
        self.blocks: list[int] = []
        self.seconds: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(url,), daemon=True)

    def __enter__(self) -> Finality:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _look(self, url: str) -> None:
        with Node(url) as node:
            born: dict[int, float] = {}
            done = node.finalised().number
            while not self._over.wait(0.1):
                best, final, now = node.best().number, node.finalised().number, time.monotonic()
                if best not in born:
                    born[best] = now
                    self.blocks.append(best - final)
                for number in range(done + 1, final + 1):
                    if number in born:
                        self.seconds.append(now - born[number])
                done = max(done, final)


def state_bytes(url: str) -> int:
    """Bytes of all keys and values that the market's pallet keeps at the head."""
    with Node(url) as node:
        key, _, _ = node.runtime().storage_key("DecentralML", "BytePrice", [])
        prefix, at = key[:34], node.best().hash
        total, last = 0, prefix
        while keys := node.request("state_getKeysPaged", prefix, 1000, last, at):
            last = keys[-1]
            (found,) = node.request("state_queryStorageAt", keys, at)
            total += sum((len(k) - 2 + len(v or "0x") - 2) // 2 for k, v in found["changes"])
        return total


def disk_bytes(folder: Path) -> int:
    """What the files of a folder take on disk."""
    return sum(512 * file.stat().st_blocks for file in folder.rglob("*") if file.is_file())


def cpu_seconds(processes: Sequence[int]) -> float:
    """What these have used so far, on average; the clock also sees what else the machine does."""
    times = [psutil.Process(pid).cpu_times() for pid in processes]
    return statistics.mean(one.user + one.system for one in times)


def measure(urls: Sequence[str], database: Path, tasks: int, nodes: Sequence[int]) -> Figures:
    """The load's figures on one chain, whose nodes are these processes."""
    before = cpu_seconds(nodes)
    state = {-1: state_bytes(urls[0])}
    disk = {-1: disk_bytes(database)}

    def look(stage: int) -> None:
        state[stage], disk[stage] = state_bytes(urls[0]), disk_bytes(database)

    load = Load(urls, tasks, look)
    with Finality(urls[0]) as finality:
        load.run()
    return {
        "transactions a second": load.transactions / load.seconds,
        "transactions": load.transactions,
        "CPU ms of a node for each": 1000 * (cpu_seconds(nodes) - before) / load.transactions,
        "most in a block": max(load.per_block),
        "blocks to finality, median": statistics.median(finality.blocks),
        "blocks to finality, most": max(finality.blocks),
        "seconds to finality, median": statistics.median(finality.seconds or [0.0]),
        "seconds to finality, most": max(finality.seconds or [0.0]),
        "state bytes a task": (state[CREATED] - state[-1]) / tasks,
        "state bytes a result": (state[SENT] - state[ACCEPTED]) / tasks,
        "disk bytes a task": (disk[CREATED] - disk[-1]) / tasks,
        "disk bytes a result": (disk[SENT] - disk[ACCEPTED]) / tasks,
        "disk bytes a transaction": (max(disk.values()) - disk[-1]) / load.transactions,
    }


@contextmanager
def development_chain(folder: Path) -> Iterator[tuple[str, int]]:
    """The development chain as a process of its own; its address and number."""
    command = [sys.executable, "-m", "pallets_mock", "--port", "0", "--json-ready"]
    with subprocess.Popen(
        [*command, "--path", str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"], process.pid
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--validators", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with development_chain(folder / "dev") as (url, pid):
            figures["development chain"] = measure([url], folder / "dev", options.tasks, [pid])
        made = LocalNetwork.make(folder / "net", find_binary(), validators=options.validators)
        with made as network:
            network.wait_ready(240)
            urls = [validator.url for validator in network.validators]
            database = network.validators[0].place.data
            pids = [validator.pid for validator in network.validators if validator.pid]
            figures[f"{options.validators} validators"] = measure(
                urls, database, options.tasks, pids
            )
    if options.json:
        print(json.dumps(figures))
        return
    columns = list(figures)
    print(f"{'':32}" + "".join(f"{name:>20}" for name in columns))
    for row in figures[columns[0]]:
        print(f"{row:32}" + "".join(f"{figures[name][row]:>20,.1f}" for name in columns))


if __name__ == "__main__":
    main()
