"""The whole demo, its creator on one daemon and everybody else on another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_main_job_runs_on_two_daemons_and_leaves_none_behind(
    kubo_binary: Path, tmp_path: Path
) -> None:
    root = tmp_path / "demo"
    words = ["demo", "--quick", "--store", "ipfs", "--folder", str(root), "--json"]

    done = subprocess.run(
        [sys.executable, "-m", "decentralml.cli.main", *words],
        env={**os.environ, "DECENTRALML_KUBO": str(kubo_binary)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    accuracy = json.loads(done.stdout)["accuracy"]
    federated = [value for name, value in accuracy.items() if name.startswith("federated")]
    alone = [value for name, value in accuracy.items() if name.endswith("alone")]
    assert federated[-1] > max(alone)
    assert {path.name for path in (root / "ipfs").iterdir()} == {"creator", "others"}
    assert not (root / "store").exists()
    repositories = {str(root / "ipfs" / name) for name in ("creator", "others")}
    left = [p.pid for p in psutil.process_iter() if environment_of(p) in repositories]
    assert left == []


def environment_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("IPFS_PATH")
    except psutil.Error:
        return None
