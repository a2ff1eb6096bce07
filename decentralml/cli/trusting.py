"""A person decides whether a stranger's script may run, after seeing it and what it may touch."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from decentralml.cli.output import remark
from decentralml.cli.watching import printable
from decentralml.errors import RoleError

if TYPE_CHECKING:
    from decentralml.roles.rooms import Preview, Trust

SCRIPT = "start_task.sh"
MAX_SHOWN = 64 * 1024


def plain(preview: Preview) -> dict[str, object]:
    """What `show` prints, for programs; `complete` says whether `script` is all of it."""
    script, complete = _script(preview)
    return {
        "task": preview.task,
        "bundle": preview.bundle,
        "touches": preview.touches,
        "script": script,
        "complete": complete,
    }


def show(preview: Preview) -> None:
    """Print the script, the bundle's folder and what the run may touch, to stderr."""
    task = preview.task
    remark(f"\ntask {task.id}: {printable(task.terms.title)} (by {task.creator})")
    remark(preview.touches)
    remark(f"--- {SCRIPT}")
    script, complete = _script(preview)
    for line in script.splitlines():
        remark(f"  {printable(line)}")
    if not complete:
        remark(f"  … (only the first {MAX_SHOWN // 1024} KiB are shown)")
    remark("---")


def _script(preview: Preview) -> tuple[str, bool]:
    """The script's text, at most `MAX_SHOWN` bytes of it, and whether that is all."""
    with (preview.bundle / SCRIPT).open("rb") as script:
        text = script.read(MAX_SHOWN + 1)
    return text[:MAX_SHOWN].decode(errors="replace"), len(text) <= MAX_SHOWN


def deciding(yes: bool, creators: Iterable[str]) -> Trust:
    """A decision for `Machine.trust`: yes to all, to some creators' tasks, else by asking.

    Args:
        yes: run every script, without asking.
        creators: accounts whose scripts run without asking.
    """
    trusted = frozenset(creators)

    def decide(preview: Preview) -> bool:
        show(preview)
        if yes or preview.task.creator in trusted:
            return True
        if not sys.stdin.isatty():
            raise RoleError(
                f"Nobody is here to be asked whether the script of task {preview.task.id} may run. "
                "Look at it, then say --yes, or --trust CREATOR for one creator's tasks."
            )
        return typer.confirm("Run this script?", default=False, err=True)

    return decide
