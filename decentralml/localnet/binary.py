"""The node's program: where it is, and its commands run to their end."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from decentralml.localnet.errors import NodeCommandFailed, NoNodeBinary

VARIABLE = "DECENTRALML_NODE_BINARY"
NAME = "decentralml-node"
COMMAND_SECONDS = 600.0


def find_binary(environment: Mapping[str, str] = os.environ) -> Path:
    """The node: as the environment names it, else on the PATH, else the last one `make node` built.

    Raises:
        NoNodeBinary: in none of these places.
    """
    named = environment.get(VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not os.access(path, os.X_OK) or path.is_dir():
            raise NoNodeBinary([f"{VARIABLE}={named}"])
        return path.resolve()
    on_path = shutil.which(NAME, path=environment.get("PATH"))
    if on_path is not None:
        return Path(on_path).resolve()
    home = Path(environment.get("HOME") or Path.home())
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "decentralml" / "node"
    built = [path for path in cache.glob(f"*/{NAME}") if os.access(path, os.X_OK)]
    if not built:
        raise NoNodeBinary([VARIABLE, f"{NAME} on the PATH", str(cache)])
    return max(built, key=lambda path: path.stat().st_mtime)


def output_of(command: Sequence[str | Path]) -> str:
    """What a command prints, run to its end.

    Raises:
        NodeCommandFailed: it ended with an error, or not within `COMMAND_SECONDS`.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NodeCommandFailed(words, -1, f"not done after {COMMAND_SECONDS:.0f} s") from None
    except OSError as error:
        raise NodeCommandFailed(words, -1, str(error)) from error
    if done.returncode:
        raise NodeCommandFailed(words, done.returncode, done.stderr or done.stdout)
    return done.stdout
