"""Sees to it that a network's processes end with whoever started them, even by ``kill -9``.

`python -m decentralml.localnet.keeper FOLDER` waits until its input ends, which happens when the
process that holds the other end is gone, however it went; then it ends all nodes of that folder.
They are found by their ``--base-path``, so none is missed that was started at the last moment.
"""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from pathlib import Path

import psutil

END_SECONDS = 10.0


def start_keeper(folder: Path) -> subprocess.Popen[bytes]:
    """A keeper for the nodes of a folder; closing its input ends them and it."""
    command = [sys.executable, "-m", "decentralml.localnet.keeper", str(folder)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # an interrupt from the keyboard is not for it
    )


def end_nodes(folder: Path, seconds: float = END_SECONDS) -> int:
    """End every node whose data lie in the folder, by force after so many seconds.

    Returns: how many there were.
    """
    nodes = [process for process in psutil.process_iter(["cmdline"]) if _lives_in(process, folder)]
    for node in nodes:
        _tell(node, "terminate")
    _, left = psutil.wait_procs(nodes, timeout=seconds)
    for node in left:
        _tell(node, "kill")
    psutil.wait_procs(left, timeout=seconds)
    return len(nodes)


def _lives_in(process: psutil.Process, folder: Path) -> bool:
    words: list[str] = process.info["cmdline"] or []
    pairs = itertools.pairwise(words)
    return any(word == "--base-path" and folder in Path(value).parents for word, value in pairs)


def _tell(process: psutil.Process, what: str) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        getattr(process, what)()


def main() -> None:
    """Wait for the end of the input, then end the folder's nodes."""
    sys.stdin.buffer.read()
    end_nodes(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
