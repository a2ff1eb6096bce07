"""Sealing a delivery and opening it again, beside plain copying and beside age, in the same run.

    python -m benchmarks.sealing [MEGABYTES [ROUNDS]]

One file of random bytes. Copying is `cp`; age is the first implementation of the format (built by
`scripts/build_age.sh` where Go is; left out else). Ours seals a folder, which also makes its
archive, hashing every block, and in opening checks every block: what age does not do. CPU seconds
are those of each program with its start, user and system, since other work on the machine does not
count in them; a figure is the median of the rounds. Memory is the most that our process had, with
this file above with one of a MiB: it must not grow with the file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from decentralml.assets.sealing.keys import Identity, write_identity

ROUNDS = 3
ALLOWED_GROWTH = 32 << 20  # bytes
HERE = Path(__file__).resolve().parents[1]

_OURS = """
import sys
from pathlib import Path
from decentralml.assets.sealing.folders import open_folder, seal_folder
from decentralml.assets.sealing.keys import read_identities
what, source, target, key = sys.argv[1], *map(Path, sys.argv[2:])
(identity,) = read_identities(key)
if what == "seal":
    seal_folder(source, target, identity.public)
else:
    open_folder(source, target, identity)
"""


def measured(command: list[object]) -> tuple[float, int]:
    """CPU seconds of a program, and the most memory it had, in bytes."""
    started = subprocess.Popen([str(part) for part in command])
    _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode != 0:
        raise SystemExit(f"{command} ended with {started.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss << 10


def ours(what: str, *paths: Path) -> list[object]:
    return [sys.executable, "-c", _OURS, what, *paths]


def age_program() -> Path | None:
    done = subprocess.run(
        ["bash", HERE / "scripts" / "build_age.sh"], capture_output=True, text=True, check=False
    )
    return Path(done.stdout.strip()) / "bin" / "age" if done.returncode == 0 else None


def fill(file: Path, megabytes: int) -> None:
    file.parent.mkdir()
    with file.open("wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(1 << 20))


def removed(path: Path) -> None:
    subprocess.run(["rm", "-rf", str(path)], check=True)


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    identity, age = Identity.new(), age_program()
    with tempfile.TemporaryDirectory(prefix="decentralml-sealing-") as folder:
        place = Path(folder)
        write_identity(place / "key", identity)
        fill(place / "small" / "file", 1)
        fill(place / "large" / "file", megabytes)
        base = max(memory for _, memory in ours_on(place, "small"))
        cases: dict[str, Callable[[], tuple[float, int]]] = {
            "cp": lambda: measured(["cp", place / "large" / "file", place / "out"]),
        }
        if age is not None:
            key, sealed = place / "key", place / "by-age"
            plain = place / "large" / "file"
            cases["age, seal"] = lambda: measured([age, "-r", identity.public, "-o", sealed, plain])
            cases["age, open"] = lambda: measured(
                [age, "-d", "-i", key, "-o", place / "out", sealed]
            )
        found: dict[str, list[float]] = {name: [] for name in (*cases, "ours, seal", "ours, open")}
        most = 0
        for _ in range(rounds):
            for name, run in cases.items():
                removed(place / "out")
                found[name].append(run()[0])
            removed(place / "by-age")
            removed(place / "out")
            for name, (took, memory) in zip(
                ("ours, seal", "ours, open"), ours_on(place, "large"), strict=True
            ):
                found[name].append(took)
                most = max(most, memory)
    for name, times in found.items():
        mine = median(times)
        print(f"{name:12} {mine:6.2f} s of CPU   {megabytes / mine:6.0f} MiB a second of CPU")
    grown = most - base
    print(f"memory      {base / 2**20:.0f} MiB with 1 MiB, {most / 2**20:.0f} with {megabytes}")
    print(f"grown by    {grown / 2**20:.1f} MiB   budget: at most {ALLOWED_GROWTH >> 20}")
    raise SystemExit(0 if grown <= ALLOWED_GROWTH else 1)


def ours_on(place: Path, name: str) -> list[tuple[float, int]]:
    """Seal and open the folder of that name."""
    sealed, out, key = place / "sealed", place / "out", place / "key"
    told = [
        measured(ours("seal", place / name, sealed, key)),
        measured(ours("open", sealed, out, key)),
    ]
    removed(sealed)
    removed(out)
    return told


if __name__ == "__main__":
    main()
