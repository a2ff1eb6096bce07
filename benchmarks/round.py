"""What a round costs beyond training: three contributors, 1.2 million parameters.

    python -m benchmarks.round

A development chain and four people in one process, with one local store. All that they would do on
machines of their own at the same time is done here one after another, so the sum is what they
cost together, and more than anybody waits for. The training script copies weights that were made
before. Each repetition is a new task with new weights, so that the store knows none of them. A
figure is the median: by the clock and, since other load does not change that, of CPU. Each part is
with all that belongs to it (files checked, journal written, call signed, its block seen):

    publish model      bundle and model into the store, create_task
    accept             three times: bundle fetched and verified, accept_task, model fetched
    start the script   three times: process started, result checked; training itself is nothing
    upload, send       three times: delivery into the store, send_task_result
    validate           three deliveries fetched, checked and accepted
    federate           weighted mean of the three, new model written
    start_round        new model into the store, start_round
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from decentralml.learning.weights import WeightsHeader, save_weights
from pallets_mock.testing import DevChain
from tests.decentralml.roles.town import Town, an_offer

REPEATS = 5
BUDGET = 0.3
WORKERS = ("Bob", "Charlie", "Dave")
SHAPES = {"conv": (3, 3, 64, 128), "dense": (1024, 1024), "out": (1024, 77), "bias": (77,)}
SCRIPT = """#!/bin/sh
set -eu
cp "$DATA_DIR/weights.safetensors" "$DATA_DIR/result.json" "$RESULT_DIR"
"""
Parts = dict[str, tuple[float, float]]
"""Part -> seconds by the clock, and of CPU."""


@contextmanager
def timed(parts: Parts, name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), cpu_seconds()
    yield
    before = parts.get(name, (0.0, 0.0))
    parts[name] = (before[0] + time.perf_counter() - wall, before[1] + cpu_seconds() - cpu)


def cpu_seconds() -> float:
    """Of this process, the chain in it, and the scripts that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def write_weights(path: Path, seed: int) -> Path:
    generator = np.random.default_rng(seed)
    layers = {
        name: generator.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()
    }
    save_weights(path, layers, WeightsHeader(examples=10))
    return path


def one_round(town: Town, seed: int) -> Parts:
    """Seconds of each part."""
    parts: Parts = {}
    model = write_weights(town.folder / "model.safetensors", seed)
    for number, name in enumerate(WORKERS, 1):
        write_weights(town.data(name) / "weights.safetensors", seed + number)
        (town.data(name) / "result.json").write_text(json.dumps({"examples": 10, "metrics": {}}))
    bundle = town.bundle(start_task__sh=SCRIPT, README__md=f"task {seed}\n")
    creator, workers = town.creator("Alice"), [town.contributor(name) for name in WORKERS]
    with timed(parts, "publish model"):
        task = creator.create_task(bundle, an_offer(slots=3, rounds=2), model=model).task
    for worker in workers:
        with timed(parts, "accept"):
            worker.accept_task(task)
    for worker in workers:
        with timed(parts, "start the script"):
            worker.run(task)
        with timed(parts, "upload, send"):
            worker.send_task_result(task)
    with timed(parts, "validate"):
        verdicts = creator.validate_all(task)
    with timed(parts, "federate"):
        report = creator.federate(task)
    with timed(parts, "start_round"):
        after = creator.start_round(task)
    assert all(checked.refusal is None for checked, _ in verdicts)
    assert len(report.used) == len(WORKERS)
    assert after.round == 2
    return parts


def main() -> None:
    """Measure and print; leaves with 1 where the budget is missed."""
    with tempfile.TemporaryDirectory() as folder, DevChain() as chain:
        town = Town(chain.url, Path(folder))
        try:
            measured = [one_round(town, 10 * repeat) for repeat in range(REPEATS + 1)][1:]
        finally:
            town.close()
    print(f"{'median of ' + str(REPEATS):20}{'clock s':>9}{'CPU s':>9}")
    for name in measured[0]:
        wall, cpu = (median(parts[name][i] for parts in measured) for i in (0, 1))
        print(f"{name:20}{wall:9.3f}{cpu:9.3f}")
    wall, cpu = (
        median(sum(part[i] for part in parts.values()) for parts in measured) for i in (0, 1)
    )
    print(f"{'all':20}{wall:9.3f}{cpu:9.3f}")
    print(
        f"{'of the budget':20}{wall / BUDGET:8.2f}x{cpu / BUDGET:8.2f}x   {BUDGET} s by the clock"
    )
    raise SystemExit(0 if wall <= BUDGET else 1)


if __name__ == "__main__":
    main()
