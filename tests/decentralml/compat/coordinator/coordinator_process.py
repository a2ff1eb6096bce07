"""A coordinator as a process of its own, killed once at every checkpoint that it passes.

``python coordinator_process.py URL FOLDER CHANGES``: forks a child that coordinates until it is
finished, or kills itself at a checkpoint at which none before it died; then forks another one. The
names of the checkpoints stand in FOLDER/killed in the end.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.decentralml.compat.coordinator.house import House

ACCOUNT = re.compile(r"\b5[A-Za-z0-9]{47}\b")


class KillOnce:
    """Kills this process at the first checkpoint that is not in the file yet.

    Accounts do not matter: whoever comes again may come by another one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, name: str) -> None:
        known, name = self.path.read_text().splitlines(), ACCOUNT.sub("ACCOUNT", name)
        if name not in known:
            self.path.write_text("\n".join([*known, name]))
            os.kill(os.getpid(), signal.SIGKILL)


def coordinate(url: str, folder: Path, changes: dict[str, Any]) -> int:
    house = House(SimpleNamespace(url=url), folder)  # type: ignore[arg-type]
    try:
        with house.coordinator(KillOnce(folder / "killed"), **changes) as running:
            while not running.wait(0.5):
                pass
    except Exception:  # noqa: BLE001 - the parent shows it
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    url, folder, changes = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    (folder / "killed").touch()
    status = -signal.SIGKILL
    while status == -signal.SIGKILL:
        child = os.fork()
        if child == 0:
            status = coordinate(url, folder, changes)
            sys.stderr.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(status)


if __name__ == "__main__":
    main()
