"""The main job on a real network: every role, from posting to pay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(900)
def test_the_quick_demo_is_told_on_four_validators_who_agree_on_who_was_paid(
    node_binary: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "decentralml.cli.main", "demo", "--quick", "--network"]
    environment = {**os.environ, "DECENTRALML_NODE_BINARY": str(node_binary)}
    done = subprocess.run(
        [*command, "--json", "--folder", str(tmp_path / "demo")],
        env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert said["settled"].startswith("4 validators agree on the state after block ")
    who = sorted(payment["who"] for payment in said["payments"])
    assert who[0] == "annotator-1"
    assert who[-1] == "engineer-1"
    assert len([name for name in who if name.startswith("contributor-")]) % 3 == 0
    accuracy = said["accuracy"]
    federated = [value for name, value in accuracy.items() if name.startswith("federated")]
    alone = [value for name, value in accuracy.items() if name.endswith("alone")]
    assert federated[-1] > max(alone)
