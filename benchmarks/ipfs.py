"""A file into IPFS and out of it, against `ipfs add` and `ipfs get`, in the same run.

    python -m benchmarks.ipfs [MEGABYTES [ROUNDS]]     # 256 MB, 3 rounds, then memory at 2,048 MB
    python -m benchmarks.ipfs 2048 0                   # memory alone

Both use one kubo daemon on loopback with kubo's profile `unixfs-v1-2025`, and name a file alike. We
hash each block again that comes; `ipfs get` leaves that to its daemon. Each put has a file of its
own, so that no block is there before; each figure comes from a process of its own, its start
included. On a machine that others use the clock lies, so the CPU time of the process and of the
daemon meanwhile stands beside it. Memory is the most that our process had above what importing
cost it, and at 2,048 MB must not be more than the budget. `get one by one` asks for block by block,
as is done where some blocks are at hand. The program is found as `decentralml demo --store ipfs`
finds it; scripts/build_kubo.sh builds it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from decentralml.assets.ipfs.private import PrivateDaemon, find_kubo

MEMORY_BUDGET = 64  # MiB, however large the file

_OWN = """
import json, sys, time
from pathlib import Path

what, location, path, copy = sys.argv[1:]

def high_water():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

from decentralml.assets.at_hand import AtHand, Place
from decentralml.assets.cid import raw_cid
from decentralml.assets.ipfs.store import IpfsStore

store = IpfsStore(location)
list(store.list())
before = high_water()
if what == "put":
    print(store.put_file(Path(path)))
else:
    some = AtHand(Path(copy).parent, "at-hand")
    if what == "one by one":
        some.keep({raw_cid(b"x"): Place(Path(copy).parent / "x", 0, 1)})
    store.fetch(path, Path(copy), at_hand=some)
print(high_water() - before)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one process: seconds by the clock, CPU seconds of itself and of the daemon, KiB."""

    seconds: float
    own_cpu: float
    daemon_cpu: float
    memory: int
    said: str


def measured(daemon: PrivateDaemon, command: list[str]) -> Figures:
    """Runs a command to its end."""
    assert daemon.pid is not None
    process = psutil.Process(daemon.pid)
    before, began = cpu(process), time.perf_counter()
    environment = {**os.environ, "IPFS_PATH": str(daemon.repository)}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    said = running.stdout.read() if running.stdout else ""
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"{command[:3]} failed")
    lines = said.strip().splitlines()
    memory = int(lines[-1]) if lines and lines[-1].isdigit() else 0
    return Figures(
        time.perf_counter() - began,
        usage.ru_utime + usage.ru_stime,
        cpu(process) - before,
        memory,
        lines[0] if lines else "",
    )


def cpu(process: psutil.Process) -> float:
    """CPU seconds so far."""
    times = process.cpu_times()
    return times.user + times.system


def random_file(path: Path, megabytes: int) -> Path:
    """A new file that nobody has."""
    with path.open("wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(1 << 20))
    return path


def one_round(
    daemon: PrivateDaemon, folder: Path, megabytes: int, *, plain: bool
) -> dict[str, Figures]:
    """Every way in and out once; with ``plain``, kubo's own ways, too."""
    own = [sys.executable, "-c", _OWN]
    ours, theirs, copy = folder / "ours", folder / "theirs", folder / "copy"
    found: dict[str, Figures] = {}
    random_file(ours, megabytes)
    found["put"] = measured(daemon, [*own, "put", daemon.location, str(ours), "-"])
    cid = found["put"].said
    for name, what in (("get", "get"), ("get one by one", "one by one")):
        found[name] = measured(daemon, [*own, what, daemon.location, cid, str(copy)])
        copy.unlink()
        (folder / "at-hand").unlink()
    ours.unlink()
    if plain:
        random_file(theirs, megabytes)
        kubo = str(daemon.kubo)
        found["ipfs add"] = measured(daemon, [kubo, "add", "--quieter", str(theirs)])
        theirs.unlink()
        cid = found["ipfs add"].said
        getting = [kubo, "get", "--progress=false", "-o", str(copy), cid]
        found["ipfs get"] = measured(daemon, getting)
        copy.unlink()
    pins = daemon.run("pin", "ls", "--type=recursive", "--quiet").split()
    daemon.run("pin", "rm", *pins)
    daemon.run("repo", "gc", "--silent")
    return found


def main() -> None:
    """Prints the table; leaves with 1 where the memory's budget is missed."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(prefix="decentralml-ipfs-") as name:
        folder = Path(name)
        (folder / "kubo").mkdir()
        daemon = PrivateDaemon.make(folder / "kubo", find_kubo())
        daemon.start()
        try:
            all_rounds = [one_round(daemon, folder, megabytes, plain=True) for _ in range(rounds)]
            large = 2048 if len(sys.argv) <= 1 else megabytes
            last = one_round(daemon, folder, large, plain=False)
        finally:
            daemon.kill()
            shutil.rmtree(folder / "kubo", ignore_errors=True)
    if all_rounds:
        print_table(megabytes, all_rounds)
    memory = {way: figures.memory / 1024 for way, figures in last.items()}
    told = ", ".join(f"{way} {most:.1f} MiB" for way, most in memory.items())
    print(f"{large} MB: {told}   budget: at most {MEMORY_BUDGET} MiB")
    raise SystemExit(0 if max(memory.values()) <= MEMORY_BUDGET else 1)


def print_table(megabytes: int, all_rounds: list[dict[str, Figures]]) -> None:
    """A line for each way, of the median of its rounds."""
    rounds, load = len(all_rounds), os.getloadavg()[0]
    print(f"{megabytes} MB, {rounds} rounds, load average {load:.0f} on {os.cpu_count()} cores")
    print(f"{'':16}{'MB/s':>8}{'CPU s':>8}{'daemon':>8}{'memory MiB':>12}")
    for way in all_rounds[0]:
        each = [one[way] for one in all_rounds]
        print(
            f"{way:16}{megabytes / median(one.seconds for one in each):8.0f}"
            f"{median(one.own_cpu for one in each):8.2f}"
            f"{median(one.daemon_cpu for one in each):8.2f}"
            f"{max(one.memory for one in each) / 1024:12.1f}"
        )


if __name__ == "__main__":
    main()
