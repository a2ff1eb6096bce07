"""What a script left behind, judged before anybody uses it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

RESULT_FILE = "result.json"
_MAX_RESULT_BYTES = 1 << 20


class BadResult(Exception):
    """A result folder cannot be used; the message says why, for a `TaskFailed`."""


def read_result(
    result_dir: Path, max_files: int, max_bytes: int, state_dir: Path | None = None
) -> dict[str, object]:
    """Checks a result folder and returns its ``result.json``.

    Ordinary permissions are given to all in it: the script may have set any.

    Args:
        state_dir: what it keeps for its next round, judged and counted with the result.

    Raises:
        BadResult: links or special files, too many or too large files, no or a bad ``result.json``.
    """
    _judge(((result_dir, "result"), (state_dir, "state")), max_files, max_bytes)
    return _read_json(result_dir / RESULT_FILE)


def _judge(folders: Iterable[tuple[Path | None, str]], max_files: int, max_bytes: int) -> None:
    files = size = 0
    for folder, what in folders:
        if folder is None:
            continue
        folder.chmod(0o755)
        for path in _walk(folder):
            found = path.lstat()
            files += 1
            size += found.st_size
            if stat.S_ISLNK(found.st_mode):
                raise BadResult(f"its {what} has a link, {path.name!a}")
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                raise BadResult(f"its {what} has a special file, {path.name!a}")
            if files > max_files or size > max_bytes:
                raise BadResult(f"its {what} is larger than allowed")


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            path.chmod(0o644)
        yield path
        if stat.S_ISDIR(found.st_mode):
            path.chmod(0o755)
            yield from _walk(path)


def _read_json(path: Path) -> dict[str, object]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadResult(f"it left no {RESULT_FILE}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadResult(f"its {RESULT_FILE} is no file")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_MAX_RESULT_BYTES + 1)
    if len(data) > _MAX_RESULT_BYTES:
        raise BadResult(f"its {RESULT_FILE} is longer than {_MAX_RESULT_BYTES:,} bytes")
    try:
        result = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadResult(f"its {RESULT_FILE} is no JSON") from error
    if not isinstance(result, dict):
        raise BadResult(f"its {RESULT_FILE} is no JSON object")
    return result


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
