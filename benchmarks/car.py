"""A content into a CAR file, out of one, and through a gateway, against kubo in the same run.

    python -m benchmarks.car [MEGABYTES]

Ours are `exporting.export_content` and `importing.import_car` between two local stores, and
`gateway.GatewayStore.fetch`; kubo's are `ipfs dag export` and `ipfs dag import` on a repository
without a daemon, and `requests` reading the gateway's stream without looking at it. Import is
judged whole before it is kept, so it reads its file twice. Each figure comes from a process of its
own, its start included; on a machine that others use the clock lies, so CPU seconds are given.
Memory is the most that our process had above what importing cost it, and must not grow with the
content. scripts/build_kubo.sh builds kubo.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from decentralml.assets.ipfs.private import PrivateDaemon, find_kubo
from decentralml.assets.local import LocalStore

MEMORY_BUDGET = 64  # MiB, however large the content

_OWN = """
import sys
from pathlib import Path
from decentralml.assets.exporting import export_content
from decentralml.assets.gateway import GatewayStore
from decentralml.assets.importing import import_car
from decentralml.assets.local import LocalStore

def high_water():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

what, store, cid, file = sys.argv[1:]
before = high_water()
if what == "export":
    export_content(LocalStore(Path(store)), cid, Path(file))
elif what == "import":
    import_car(LocalStore(Path(store)), Path(file))
else:
    GatewayStore(store).fetch(cid, Path(file))
print(high_water() - before)
"""
_PLAIN = """
import sys, requests
answer = requests.get(sys.argv[1], stream=True)
with open(sys.argv[2], "wb") as file:
    for chunk in answer.iter_content(1 << 20):
        file.write(chunk)
print(0)
"""


def cpu_of(command: list[str], output: Path | None = None, **environment: str) -> tuple[float, str]:
    """CPU seconds of a command that must succeed, and what it printed."""
    with (output or Path(os.devnull)).open("wb") as file:
        running = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=file if output else subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        said = running.stdout.read().decode() if running.stdout else ""
        _, status, usage = os.wait4(running.pid, 0)
    assert status == 0, command
    return usage.ru_utime + usage.ru_stime, said


def main(megabytes: int = 512) -> int:
    """Prints the table; 1 when the memory's budget is missed."""
    with tempfile.TemporaryDirectory(prefix="decentralml-car-") as folder:
        return measure(Path(folder), megabytes)


def measure(folder: Path, megabytes: int) -> int:
    """All of it, in a folder that has room for six times the content."""
    source = folder / "content"
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    cid = LocalStore(folder / "ours").put_file(source)
    kubo = find_kubo()
    for made in ("kubo", "other"):
        (folder / made).mkdir()
    daemon = PrivateDaemon.make(folder / "kubo", kubo, gateway=True)
    daemon.run("add", "-Q", str(source))
    other = PrivateDaemon.make(folder / "other", kubo)
    source.unlink()

    def own(what: str, *words: object) -> tuple[float, str]:
        return cpu_of([sys.executable, "-c", _OWN, what, *map(str, words)])

    def theirs(repository: Path, *words: str, output: Path | None = None) -> float:
        return cpu_of([str(kubo), *words], output, IPFS_PATH=str(repository))[0]

    ours, peers = {}, {}
    ours["export"] = own("export", folder / "ours", cid, folder / "ours.car")
    peers["export"] = theirs(
        daemon.repository, "dag", "export", "--progress=false", cid, output=folder / "kubo.car"
    )
    ours["import"] = own("import", folder / "fresh", cid, folder / "ours.car")
    peers["import"] = theirs(other.repository, "dag", "import", str(folder / "kubo.car"))
    for spent in ("ours.car", "kubo.car"):
        (folder / spent).unlink()
    daemon.start()
    try:
        gateway = f"http://127.0.0.1:{daemon.gateway}"
        ours["gateway"] = own("gateway", gateway, cid, folder / "copy")
        url = f"{gateway}/ipfs/{cid}?format=car"
        peers["gateway"] = cpu_of([sys.executable, "-c", _PLAIN, url, str(folder / "plain")])[0]
    finally:
        daemon.kill()
    missed = 0
    print(
        f"| {megabytes} MB | ours, CPU s | peer, CPU s | memory, MiB |\n| --- | --- | --- | --- |"
    )
    for what, (seconds, said) in ours.items():
        memory = int(said) / 1024
        missed += memory > MEMORY_BUDGET
        print(f"| {what} | {seconds:.2f} | {peers[what]:.2f} | {memory:.0f} |")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
