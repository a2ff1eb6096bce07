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
    "decentralml/assets/bundle.py",
    "decentralml/assets/cid.py",
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
