r"""A bundle of 2 GB into a bucket and out of it, against fsspec's own copying, in the same run.

    bash scripts/test_cloud.sh --run \
      .venv-cloud/bin/python -m benchmarks.buckets [MEGABYTES [ROUNDS]]

The bucket is versitygw's, over a folder of this machine, by loopback and with real signatures. The
peer is `fs.put_file` and `fs.get_file` of s3fs, told to use parts of 8 MiB, two at once when
putting (its default takes half a gigabyte of memory): it neither names, verifies nor resumes. Each
figure comes from a process of its own. On a machine that others use the clock lies, so the CPU time
of the process is given beside it; the server's is not in it. Memory is the most that the process
had above what importing and connecting cost it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from tests.cloud.servers import Service, versitygw

ROUNDS = 3
MEMORY_BUDGET = 128  # MiB, however large the bundle

_STEP = """
import json, os, sys, time
from pathlib import Path

what, url, path, copy = sys.argv[1:]

def high_water():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

import fsspec, s3fs
from decentralml.assets.cloud.store import CloudStore

key = url.removeprefix("s3://") + "/plain"
if what.startswith("own"):
    store = CloudStore(url)
    known = list(store.list())
else:
    fs = fsspec.filesystem("s3", use_listings_cache=False)
    fs.exists(key)
before, began, cpu = high_water(), time.perf_counter(), time.process_time()
if what == "own put":
    store.put_file(Path(path))
elif what == "own get":
    store.fetch(known[0], Path(copy))
elif what == "own put again":
    store.put_file(Path(path))
elif what == "peer put":
    fs.put_file(path, key, chunksize=8 << 20, max_concurrency=2)
else:
    fs.get_file(key, copy)
print(json.dumps([
    time.perf_counter() - began, time.process_time() - cpu, high_water() - before,
]))
"""
STEPS = ("peer put", "own put", "own put again", "peer get", "own get")


def measure(service: Service, what: str, url: str, path: Path, copy: Path) -> list[float]:
    """Seconds, CPU seconds and KiB of memory of one step."""
    copy.unlink(missing_ok=True)
    command = [sys.executable, "-c", _STEP, what, url, str(path), str(copy)]
    environment = {**os.environ, **service.environment}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    figures: list[float] = json.loads(done.stdout)
    return figures


def main() -> None:
    if find_spec("s3fs") is None:
        print("s3fs is not here: run it by scripts/test_cloud.sh --run, as this file's top says")
        return
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
    times = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    figures: dict[str, list[list[float]]] = {step: [] for step in STEPS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, copy = folder / "file", folder / "copy"
        with path.open("wb") as out:
            for _ in range(megabytes):
                out.write(os.urandom(1 << 20))
        with versitygw(folder) as service:
            for number in range(times):
                bucket = f"round-{number}"
                service.make_bucket(bucket)
                url = f"s3://{bucket}"
                for step in STEPS:
                    figures[step].append(measure(service, step, url, path, copy))
                subprocess.run(["rm", "-rf", folder / "objects" / bucket], check=True)
    print(f"{megabytes} MiB, {times} rounds, medians (memory: the most)")
    for step, rounds in figures.items():
        seconds, cpu, _ = (median(column) for column in zip(*rounds, strict=True))
        memory = max(one[2] for one in rounds) / 1024
        print(
            f"{step:14} {megabytes / seconds:7.0f} MiB/s {seconds:7.1f} s {cpu:7.1f} s of CPU "
            f"{memory:7.0f} MiB of memory"
        )
    most = max(one[2] for step in STEPS if step.startswith("own") for one in figures[step]) / 1024
    print(f"memory of ours {most:.0f} MiB   budget: at most {MEMORY_BUDGET}")
    raise SystemExit(0 if most <= MEMORY_BUDGET else 1)


if __name__ == "__main__":
    main()
