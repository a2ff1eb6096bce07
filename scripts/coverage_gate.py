"""Prints the coverage, branches too, and fails when a part that must be whole is not.

The parts that move money or check what strangers send are held at 100 %.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

WHOLE = (
    # what strangers send: bundles, results, models, the chain's own words
    "decentralml/assets/car.py",
    "decentralml/assets/cid.py",
    "decentralml/assets/cloud/layout.py",
    "decentralml/assets/cloud/reading.py",
    "decentralml/assets/decoding.py",
    "decentralml/assets/fetching.py",
    "decentralml/assets/rules.py",
    "decentralml/chain/scale.py",
    "decentralml/compat/xain/wire.py",
    "decentralml/learning/answers.py",
    "decentralml/learning/federate.py",
    "decentralml/learning/frameworks/keras_archive.py",
    "decentralml/learning/frameworks/keras_config.py",
    "decentralml/learning/frameworks/keras_weights.py",
    "decentralml/learning/hostile_json.py",
    "decentralml/learning/layers.py",
    "decentralml/learning/models.py",
    "decentralml/learning/pickles.py",
    "decentralml/learning/results.py",
    "decentralml/learning/weights.py",
    "decentralml/roles/checks.py",
    "decentralml/roles/manifest.py",
    "decentralml/roles/verdicts.py",
    "decentralml/runner/outcome.py",
    "pallets_mock/host/memory.py",
    "pallets_mock/pool/validity.py",
    "pallets_mock/rpc/params.py",
    # what moves money: amounts, keys, signing, deciding
    "decentralml/chain/calls.py",
    "decentralml/chain/keyfile.py",
    "decentralml/chain/keys.py",
    "decentralml/chain/market.py",
    "decentralml/chain/receipts.py",
    "decentralml/chain/signed.py",
    "decentralml/chain/submission.py",
    "decentralml/chain/token.py",
    "decentralml/learning/mean.py",
    "decentralml/roles/federation.py",
    "decentralml/roles/journal.py",
    "decentralml/roles/outbox.py",
    "decentralml/roles/posting.py",
    "decentralml/roles/steps.py",
)


def main() -> int:
    """Report, then check; the exit status says whether every part of WHOLE is whole."""
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "report", "--skip-covered", "--sort=cover"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        subprocess.run([*coverage, "json", "-q", "-o", str(report)], check=True)
        files = json.loads(report.read_text())["files"]
    failed = False
    for name in WHOLE:
        covered = files.get(name, {}).get("summary", {}).get("percent_covered", 0.0)
        if covered < 100:
            failed = True
            print(f"error: {name} must be covered wholly, it is at {covered:.1f} %")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
