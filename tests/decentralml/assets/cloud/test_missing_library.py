"""Without the extra `cloud`, a bucket's address is understood and one line says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

_WITHOUT = """
import sys
for name in sys.argv[3:]:
    sys.modules[name] = None  # as if it were not installed

from decentralml.assets.cid import cid_of_bytes
from decentralml.assets.opening import open_store
from decentralml.errors import ConfigError

store = open_store(sys.argv[1])
try:
    store.has(cid_of_bytes(b"something"))
except ConfigError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("address", "library", "missing"),
    [
        ("s3://bucket/folder", "s3fs", ["s3fs"]),
        ("gs://bucket/folder", "gcsfs", ["gcsfs"]),
        ("az://container/folder", "adlfs", ["adlfs"]),
        ("s3://bucket", "s3fs", ["fsspec"]),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    address: str, library: str, missing: list[str]
) -> None:
    command = [sys.executable, "-c", _WITHOUT, address, library, *missing]
    said = subprocess.run(command, timeout=60, check=True, capture_output=True, text=True)

    scheme = address.partition(":")[0]
    assert said.stdout == (
        f"A store at {scheme}:// needs {library}. "
        "Install it with: pip install 'decentralml[cloud]'\n"
    )
    assert said.stderr == ""
