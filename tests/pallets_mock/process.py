"""The development chain as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


class ChainProcess:
    """`python -m pallets_mock` on a folder and a free port; ready when this returns."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pallets_mock", "--port", "0", "--json-ready"),
                *("--path", str(folder), *options),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.stop())
        self.ready: dict[str, Any] = json.loads(line)
        self.url: str = self.ready["url"]

    def kill(self) -> None:
        """As if the power of the process failed: nothing of it runs any more."""
        os.kill(self.process.pid, signal.SIGKILL)
        self._reap()

    def stop(self) -> str:
        """Ask it to end; returns what it said on its error output."""
        self.process.terminate()
        return self._reap()

    def _reap(self) -> str:
        _, said = self.process.communicate(timeout=30)
        return str(said)

    def __enter__(self) -> ChainProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
