"""Simulating many contributors: memory of all processes and time a round, as their number grows.

    python -m benchmarks.simulate [--contributors 10 100 1000] [--parameters 1000000]

Every contributor reads the round's model, adds a random number to each layer (a trivial training)
and leaves its result; the creator's part checks, compares and federates all of them. Memory is the
proportional share (PSS: a page that two processes share counts once), summed over the simulation
and its worker processes, sampled ten times a second; the highest sum counts. The peer is the same
simulation with 10 contributors: memory must not grow with their number.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from decentralml.learning.layers import Layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.simulation.arrays import OnArrays, Trained
from decentralml.simulation.pool import ProcessPool
from decentralml.simulation.shares import numbered
from decentralml.simulation.simulate import Simulation, simulate
from decentralml.simulation.turn import Job, Turn

ROUNDS = 2
LAYERS = 4
BUDGET = 1.2
PERIOD = 0.1  # seconds
MIB = 1 << 20


def train(layers: Layers, turn: Turn) -> Trained:
    """Moves every layer by a random number."""
    moves = turn.generator().standard_normal(len(layers)).astype(np.float32)
    moved = {name: array + move for (name, array), move in zip(layers.items(), moves, strict=True)}
    return Trained(moved, 10)


@dataclass
class Memory:
    """The highest sum of the memory of this process's whole family."""

    peak: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(PERIOD):
            self.peak = max(self.peak, sum(map(shared, [psutil.Process(), *children()])))


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def shared(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def spent() -> float:
    """Processor seconds of the whole family so far."""
    times = [process.cpu_times() for process in [psutil.Process(), *children()]]
    return sum(each.user + each.system for each in times)


Measured = tuple[int, float, float]


def measure(contributors: int, parameters: int, processes: int, folder: Path) -> Measured:
    """(bytes at most, seconds a round, processor seconds a round); in a fresh process."""
    generator = np.random.default_rng(1)
    size = parameters // LAYERS
    layers = {f"l{i}": generator.standard_normal(size).astype(np.float32) for i in range(LAYERS)}
    model = folder / "model.safetensors"
    save_weights(model, layers, WeightsHeader(examples=1))
    del layers
    few = Simulation(OnArrays(train), model, numbered(processes), FedAvg(), 1)
    all_ = replace(few, contributors=numbered(contributors), rounds=ROUNDS)
    with Memory() as memory, ProcessPool(Job(few.work), processes) as pool:
        simulate(few, folder / "warm", pool=pool)
        began, before = time.monotonic(), spent()
        report = simulate(all_, folder / "simulated", pool=pool)
        took, used = time.monotonic() - began, spent() - before
    assert all(result.used == contributors for result in report.rounds), report
    return memory.peak, took / ROUNDS, used / ROUNDS


def in_a_fresh_process(*arguments: object) -> Measured:
    """Runs `measure` where nothing was loaded before."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=answer, args=(theirs, *arguments))
    process.start()
    theirs.close()
    try:
        measured: Measured = ours.recv()
    finally:
        process.join()
    return measured


def answer(pipe: multiprocessing.connection.Connection, *arguments: object) -> None:
    pipe.send(measure(*arguments))  # type: ignore[arg-type]


def main() -> None:
    """Measure and print; leaves with 1 where memory grows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contributors", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--parameters", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    peaks = []
    print(f"{'contributors':>12} {'peak MiB':>9} {'s a round':>10} {'ms of CPU a contributor':>24}")
    for count in options.contributors:
        with tempfile.TemporaryDirectory() as name:
            peak, seconds, cpu = in_a_fresh_process(
                count, options.parameters, options.processes, Path(name)
            )
        peaks.append(peak)
        each = 1000 * cpu / count
        print(f"{count:12,} {peak / MIB:9.0f} {seconds:10.2f} {each:24.1f}", flush=True)
    ratio = peaks[-1] / peaks[0]
    print(f"memory {ratio:.2f} x that of {options.contributors[0]}   budget: at most {BUDGET}")
    sys.exit(0 if ratio <= BUDGET else 1)


if __name__ == "__main__":
    main()
