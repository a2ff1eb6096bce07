"""What a delivery says about itself: for which task and round it was made, from what, and by whom.

A delivery is a folder of ``manifest.json`` and ``result/``. The chain keeps its CID only, so
anybody can send the CID of somebody else's work; a validator refuses it because the manifest
inside names another worker, and changing the manifest gives a delivery whose ``result/`` equals
one that was sent before.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from decentralml.learning.errors import MalformedResult, ResultRefused
from decentralml.types import AccountId, Cid, Round, TaskId

VERSION = 1
MAX_BYTES = 4096

MANIFEST = "manifest.json"
RESULT = "result"


class CopiedResult(ResultRefused):
    """A delivery that was made for another chain, task, round, worker, bundle or model.

    Attributes:
        field: what does not fit.
    """

    def __init__(self, field: str, found: object, expected: object) -> None:
        super().__init__(f"its manifest names the {field} {found!r:.80}, not {expected!r}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Manifest:
    """For whom and what a result was made.

    Attributes:
        genesis: the chain's genesis hash, ``0x`` and hexadecimal digits.
        task: the task.
        round: the round.
        worker: who made it.
        bundle: the task's bundle it was made with.
        base_model: the round's model it started from; None when the task has none.
    """

    genesis: str
    task: TaskId
    round: Round
    worker: AccountId
    bundle: Cid
    base_model: Cid | None

    def encode(self) -> bytes:
        """The manifest's file, the same bytes for the same content."""
        return json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True).encode() + b"\n"


def write_delivery(result: Path, manifest: Manifest, folder: Path) -> None:
    """Make ``folder`` the delivery of ``result``, which moves into it.

    Args:
        result: the result folder, on the same file system; gone afterwards.
        manifest: what the delivery says about itself.
        folder: an existing empty folder.
    """
    _make_readable(result)
    (folder / MANIFEST).write_bytes(manifest.encode())
    result.rename(folder / RESULT)


def _make_readable(folder: Path) -> None:
    """A script may leave modes that its own user cannot read with."""
    folder.chmod(0o700)
    for base, folders, files in os.walk(folder):
        for name in folders:
            (Path(base) / name).chmod(0o700)
        for name in files:
            (Path(base) / name).chmod(0o600)


def check_delivery(folder: Path, expected: Manifest, *, base_known: bool = True) -> Path:
    """Check that a downloaded delivery was made for what it was sent for.

    Args:
        folder: the downloaded delivery, hostile.
        expected: what the chain says about it.
        base_known: False when the round's model is not known any more, and so not compared.

    Returns: its ``result/`` folder, whose content is still unchecked.

    Raises:
        MalformedResult: there is no well-formed manifest or no result folder.
        CopiedResult: the manifest names another chain, task, round, worker, bundle or base model.
    """
    check_manifest(folder, expected, base_known=base_known)
    result = folder / RESULT
    if not stat.S_ISDIR(_kind(result)):
        raise MalformedResult(f"it has no folder {RESULT}/")
    return result


def check_manifest(folder: Path, expected: Manifest, *, base_known: bool = True) -> None:
    """Check what a folder's manifest says; as `check_delivery`, which looks at its result too."""
    found = _read(folder / MANIFEST)
    for name, value in asdict(expected).items():
        if found[name] != value and (base_known or name != "base_model"):
            raise CopiedResult(name, found[name], value)


def _kind(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _read(path: Path) -> dict[str, Any]:
    if not stat.S_ISREG(_kind(path)):
        raise MalformedResult(f"it has no file {MANIFEST}")
    if path.stat().st_size > MAX_BYTES:
        raise MalformedResult(f"its {MANIFEST} is larger than {MAX_BYTES} bytes")
    try:
        fields = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise MalformedResult(f"its {MANIFEST} is not JSON") from None
    if not isinstance(fields, dict) or type(fields.get("version")) is not int:
        raise MalformedResult(f"its {MANIFEST} is not an object with a version")
    if fields["version"] != VERSION:
        raise MalformedResult(f"its {MANIFEST} is of version {fields['version']}, not {VERSION}")
    return _fields(fields)


_TYPES: dict[str, tuple[type, ...]] = {
    "genesis": (str,),
    "task": (int,),
    "round": (int,),
    "worker": (str,),
    "bundle": (str,),
    "base_model": (str, type(None)),
}


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    for name, types in _TYPES.items():
        if name not in fields or type(fields[name]) not in types:
            raise MalformedResult(f"its {MANIFEST} has no valid {name}")
    unknown = sorted(set(fields) - set(_TYPES) - {"version"})
    if unknown:
        raise MalformedResult(f"its {MANIFEST} has unknown fields")
    return fields
