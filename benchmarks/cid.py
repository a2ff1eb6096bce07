"""How fast a file gets its CID, against `sha256sum`, in the same run.

    python -m benchmarks.cid [MEGABYTES]

`sha256sum` may come without the processor's own instructions for it, so OpenSSL's sha256 of the
same file (by Python's `hashlib`) is shown, too: the most that naming content by sha256 can reach on
one core. The three read the same file by turns, so that other load on the machine meets all; it is
read once before, so that all find it in the page cache. All times include starting the program. A
figure is the median over the rounds. Memory is what the process of the CID had at most, above what
importing cost.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROUNDS = 7
BUDGET = 0.7

_CID = """
import sys
from pathlib import Path
from decentralml.assets.cid import cid_of_path

def high_water():  # ru_maxrss would begin with the peak of the process that started this one
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

before = high_water()
cid_of_path(Path(sys.argv[1]))
print(high_water() - before)
"""

_PLAIN = """
import hashlib, sys

digest, buffer = hashlib.sha256(), memoryview(bytearray(1 << 20))
with open(sys.argv[1], "rb", buffering=0) as file:
    while length := file.readinto(buffer):
        digest.update(buffer[:length])
"""


def seconds(command: list[str]) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, done.stdout


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        with file.open("wb") as out:
            for _ in range(megabytes):
                out.write(os.urandom(1 << 20))
        peer_command = ["sha256sum", str(file)]
        plain_command = [sys.executable, "-c", _PLAIN, str(file)]
        own_command = [sys.executable, "-c", _CID, str(file)]
        seconds(peer_command)
        peer, plain, own, memory = [], [], [], []
        for _ in range(ROUNDS):
            peer.append(seconds(peer_command)[0])
            plain.append(seconds(plain_command)[0])
            took, grown = seconds(own_command)
            own.append(took)
            memory.append(int(grown))
    ratio = median(peer) / median(own)
    print(f"sha256sum   {megabytes / median(peer):7.0f} MiB/s")
    print(f"OpenSSL     {megabytes / median(plain):7.0f} MiB/s")
    print(f"cid         {megabytes / median(own):7.0f} MiB/s   memory {max(memory) / 1024:.1f} MiB")
    print(f"ratio       {ratio:7.2f} x sha256sum   budget: at least {BUDGET}")
    raise SystemExit(0 if ratio >= BUDGET else 1)


if __name__ == "__main__":
    main()
