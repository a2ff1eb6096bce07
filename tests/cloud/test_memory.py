"""Memory does not grow with the bundle; `benchmarks/buckets.py` shows it for two gigabytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MIB = 1 << 20

_PUT_AND_FETCH = """
import sys
from pathlib import Path
from decentralml.assets.cid import cid_of_path
from decentralml.assets.cloud.store import CloudStore

def high_water():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

url, path, copy = sys.argv[1:]
store = CloudStore(url)
list(store.list())
before = high_water()
cid = store.put_file(Path(path))
store.fetch(cid, Path(copy))
assert cid_of_path(Path(copy)) == cid
print(high_water() - before)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_bundle_of_hundreds_of_megabytes_takes_the_memory_of_a_few_parts(
    url: str, tmp_path: Path
) -> None:
    with (tmp_path / "large").open("wb") as file:
        for _ in range(320):
            file.write(os.urandom(MIB))

    command = [
        sys.executable,
        "-c",
        _PUT_AND_FETCH,
        url,
        *map(str, (tmp_path / "large", tmp_path / "copy")),
    ]
    grown = subprocess.run(command, timeout=280, check=True, capture_output=True, text=True)

    assert int(grown.stdout) < 160 << 10  # KiB
