"""Federating many models: time against reading their files, and peak memory against one model.

    python -m benchmarks.federating [--models 100] [--many 1000]

Every model has 1.2 million parameters, as safetensors files. Eight files stand for all of them:
before a file is given out again, one of its numbers is changed, because of two equal results the
later one would be refused as a copy. Three ways take turns on the same files, in CPU time, which
other load does not change:

    bytes      the files' bytes into a buffer, from the page cache
    read       the files as the program reads what strangers send: header, note and every number
               checked
    federate   all that a creator does: read, look for copies, sum, write the new model

Memory is the most that a process of its own had resident (VmHWM: `ru_maxrss` would begin with its
parent's) while federating `--many` models, above the same before, in models of this size.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

import numpy as np

from decentralml.learning.federate import federate
from decentralml.learning.layers import Layers
from decentralml.learning.models import read_layers, read_template
from decentralml.learning.results import read_result
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.weights import WeightsHeader, save_weights

ROUNDS = 5
FILES = 8
TIME_BUDGET = 1.3
MEMORY_BUDGET = 3.0
SHAPES = {"conv": (3, 3, 64, 128), "dense": (1024, 1024), "out": (1024, 77), "bias": (77,)}
MODEL_BYTES = 4 * sum(int(np.prod(shape)) for shape in SHAPES.values())


def make_results(folder: Path) -> tuple[Path, list[Path]]:
    """A base model and the folders of a few results."""
    generator = np.random.default_rng(1)

    def layers() -> Layers:
        return {
            name: generator.standard_normal(shape).astype(np.float32)
            for name, shape in SHAPES.items()
        }

    base = folder / "base.safetensors"
    save_weights(base, layers(), WeightsHeader(examples=1))
    results = []
    for number in range(FILES):
        result = folder / f"result-{number}"
        result.mkdir()
        save_weights(result / "weights.safetensors", layers(), WeightsHeader(examples=10 + number))
        (result / "result.json").write_text(json.dumps({"examples": 10 + number, "metrics": {}}))
        results.append(result)
    return base, results


def distinct(results: list[Path], count: int) -> Iterator[Path]:
    """The folders by turns, each with weights that were not given out before."""
    for number in range(count):
        result = results[number % len(results)]
        with (result / "weights.safetensors").open("r+b") as file:
            file.seek(-4, 2)
            file.write(np.float32(number).tobytes())
        yield result


def read_bytes(results: Iterable[Path]) -> None:
    buffer = memoryview(bytearray(2 * MODEL_BYTES))
    for result in results:
        with (result / "weights.safetensors").open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def read_models(base: Path, results: Iterable[Path]) -> None:
    template = read_template(base)
    for result in results:
        found = read_result(result)
        assert found.model is not None
        read_layers(found.model, template)


def federate_all(base: Path, results: Iterable[Path], count: int) -> None:
    report = federate(base, results, FedAvg(), base.with_name("out.safetensors"))
    assert len(report.accepted) == count, report.refused


def times(base: Path, results: list[Path], count: int) -> dict[str, float]:
    marks = [time.process_time()]
    read_bytes(distinct(results, count))
    marks.append(time.process_time())
    read_models(base, distinct(results, count))
    marks.append(time.process_time())
    federate_all(base, distinct(results, count), count)
    marks.append(time.process_time())
    names = ("bytes", "read", "federate")
    return {name: marks[i + 1] - marks[i] for i, name in enumerate(names)}


def peak(folder: Path, count: int) -> float:
    """Models held at most, by a process that only federates."""
    command = [sys.executable, "-m", "benchmarks.federating", "--held", str(folder)]
    done = subprocess.run(
        [*command, "--many", str(count)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def held(folder: Path, count: int) -> float:
    base, results = folder / "base.safetensors", sorted(folder.glob("result-*"))
    before = high_water()
    federate_all(base, distinct(results, count), count)
    return (high_water() - before) / MODEL_BYTES


def high_water() -> int:
    """Bytes that this process had resident at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not tell VmHWM")


def main() -> None:
    """Measure and print; leaves with 1 where a budget is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=int, default=100, help="models to take the time of")
    parser.add_argument("--many", type=int, default=1000, help="models to take the memory of")
    parser.add_argument("--held", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.held:
        print(held(options.held, options.many))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base, results = make_results(folder)
        times(base, results, FILES)
        measured = [times(base, results, options.models) for _ in range(ROUNDS)]
        took = {way: median(one[way] for one in measured) for way in measured[0]}
        few, many = peak(folder, 10), peak(folder, options.many)
    for way, seconds in took.items():
        ratio = took["federate"] / seconds
        each = 1000 * seconds / options.models
        print(f"{way:9} {each:8.2f} ms a model   federate/{way} {ratio:.2f}")
    ratio = took["federate"] / took["read"]
    print(f"time      {ratio:8.2f} x reading   budget: at most {TIME_BUDGET}")
    print(f"memory    {few:8.2f} models held for 10 results")
    print(
        f"memory    {many:8.2f} models held for {options.many:,}   budget: at most {MEMORY_BUDGET}"
    )
    raise SystemExit(0 if ratio <= TIME_BUDGET and many <= MEMORY_BUDGET else 1)


if __name__ == "__main__":
    main()
