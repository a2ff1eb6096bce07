"""Federating many models: CPU time against reading their files, and peak memory.

    python -m benchmarks.federating [--quick]

Four cases: three models of 1.2 million parameters, 100 of them, 1,000 of one million, and 30 of 25
million (one gigabyte at a time: 30 files of 100 MB). Every model is a safetensors file of its own.
Three ways take turns on the same files, in CPU time, which other load does not change:

    bytes      every byte of the files into a buffer, from the page cache
    read       the files as the program reads what strangers send: folder, note and header checked,
               every number looked at (finite, and whether another result has the same)
    federate   all that a creator does: read, then the strategy (weighted mean), the new model
               written

The budgets: federating takes at most 1.3 times what reading does, or of 1,000 x 1 M at most 0.6 s
beyond reading. Memory is the most that a process of its own had resident while federating (VmHWM:
`ru_maxrss` would begin with its parent's), above the same before: at most 3 models and 100 MB; of
1,000 x 1 M at most 150 MB. Nothing is mapped, so what is resident is the process's own; the page
cache is not counted, as it is not the process's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from decentralml.learning.federate import federate
from decentralml.learning.intake import Intake
from decentralml.learning.models import open_model
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.weights import WeightsHeader, save_weights

REPEATS = 3
RATIO_BUDGET = 1.3
BEYOND_BUDGET = 0.6
MANY_BUDGET = 150e6


@dataclass(frozen=True)
class Case:
    """So many models of this many numbers."""

    models: int
    parameters: int

    @property
    def model_bytes(self) -> int:
        return 4 * self.parameters

    @property
    def budget(self) -> float:
        """Bytes of memory."""
        return MANY_BUDGET if self.models == 1000 else 3 * self.model_bytes + 100e6

    def __str__(self) -> str:
        return f"{self.models:,} x {self.parameters / 1e6:g} M"


CASES = (Case(3, 1_200_000), Case(100, 1_200_000), Case(1000, 1_000_000), Case(30, 25_000_000))


def layers_of(case: Case, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """A large layer, a middle one and small ones."""
    sizes = {"dense": case.parameters * 3 // 4, "conv": case.parameters // 5, "bias": 77}
    sizes["out"] = case.parameters - sum(sizes.values())
    return {
        name: generator.standard_normal(size, np.float32).astype(np.float32)
        for name, size in sizes.items()
    }


def make_results(folder: Path, case: Case) -> None:
    """The round's model and the results' folders."""
    generator = np.random.default_rng(1)
    layers = layers_of(case, generator)
    save_weights(folder / "base.safetensors", layers, WeightsHeader(examples=1))
    for number in range(case.models):
        result = folder / f"result-{number:04}"
        result.mkdir()
        layers["bias"] = generator.standard_normal(77).astype(np.float32)
        header = WeightsHeader(examples=10 + number)
        save_weights(result / "weights.safetensors", layers, header)
        note = {"examples": header.examples, "metrics": {}}
        (result / "result.json").write_text(json.dumps(note))


def read_bytes(folder: Path) -> None:
    buffer = memoryview(bytearray(1 << 20))
    for result in folder.glob("result-*"):
        with (result / "weights.safetensors").open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def read_results(folder: Path) -> None:
    base = open_model(folder / "base.safetensors", folder)
    intake = Intake(base, folder)
    for result in sorted(folder.glob("result-*")):
        intake.take(result, result.name)


def federate_results(folder: Path) -> None:
    results = sorted(folder.glob("result-*"))
    report = federate(folder / "base.safetensors", results, FedAvg(), folder / "new.safetensors")
    assert len(report.accepted) == len(results), report.refused


WAYS = {"bytes": read_bytes, "read": read_results, "federate": federate_results}


def times(folder: Path) -> dict[str, float]:
    """CPU seconds of each way."""
    took = {}
    for name, way in WAYS.items():
        before = time.process_time()
        way(folder)
        took[name] = time.process_time() - before
    return took


def peak(folder: Path) -> int:
    """Bytes of memory at most, of a process that only federates."""
    command = [sys.executable, "-m", "benchmarks.federating", "--held", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout)


def held(folder: Path) -> int:
    before = high_water()
    federate_results(folder)
    return high_water() - before


def high_water() -> int:
    """Bytes that this process had resident at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not tell VmHWM")


def measure(case: Case) -> bool:
    """Measures a case and prints it; whether its budgets are met."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_results(folder, case)
        times(folder)
        measured = [times(folder) for _ in range(REPEATS)]
        memory = peak(folder)
    took = {way: median(one[way] for one in measured) for way in WAYS}
    ratio, beyond = took["federate"] / took["read"], took["federate"] - took["read"]
    print(
        f"{case!s:14}{took['bytes']:9.3f}{took['read']:9.3f}{took['federate']:9.3f}"
        f"{ratio:9.2f}{beyond:9.3f}{memory / 1e6:9.1f}{case.budget / 1e6:9.0f}"
    )
    in_time = beyond <= BEYOND_BUDGET if case.models == 1000 else ratio <= RATIO_BUDGET
    return in_time and memory <= case.budget


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; leaves with 1 where a budget is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the largest case")
    parser.add_argument("--held", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.held:
        print(held(options.held))
        return
    print(
        f"{'CPU seconds':14}{'bytes':>9}{'read':>9}{'federate':>9}{'ratio':>9}{'beyond':>9}", end=""
    )
    print(f"{'peak MB':>9}{'budget':>9}")
    met = [measure(case) for case in CASES[: 3 if options.quick else 4]]
    raise SystemExit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
