"""The ways to run a script: inside bubblewrap, or, for scripts that are trusted, as it is."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from pathlib import Path
from typing import Protocol

from decentralml.errors import NoSandbox
from decentralml.runner.limits import Limits
from decentralml.runner.seccomp import filter_for
from decentralml.runner.task import SCRIPT, Places, TaskRun, variables

# Sets what the kernel limits by process, then becomes the script. What a system's sh cannot limit
# is left to the watch.
_PRELUDE = """
exec 3>&2 2>/dev/null
ulimit -c 0; ulimit -t "$1"; ulimit -f "$2"; ulimit -n 4096
[ "$3" = - ] || ulimit -u "$3" || ulimit -p "$3"
exec 2>&3 3>&-
exec sh ./"$4"
"""

# Lets the kernel end the task before anything else of the person's when memory runs out, and opens
# the filter of system calls, if there is one, for bubblewrap.
_OUTSIDE = """
{ echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null
[ -z "$0" ] || exec 9<"$0"
exec "$@"
"""

_LINKS = "/run/python"
_SHOWN = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts")


class Sandbox(Protocol):
    """Turns a run into a command; `decentralml.runner.run` starts and watches it."""

    name: str
    isolated: bool  # whether a hostile script may be run

    def command(self, run: TaskRun, limits: Limits, scratch: Path) -> list[str]:
        """The command to start, whose end is the end of everything it started.

        Args:
            scratch: an empty folder that lives for the run.
        """

    def environment(self, run: TaskRun, scratch: Path) -> dict[str, str]:
        """The command's whole environment, with the same ``scratch``."""

    def folder(self, run: TaskRun) -> Path:
        """The command's working folder."""


def _script(limits: Limits, tasks: str) -> list[str]:
    # RLIMIT_CPU counts one process, so it only backs up the watch, which adds up all of them.
    cpu = str(int(limits.cpu_seconds) + 1)
    blocks = str(limits.disk_bytes // 512 + 1)  # POSIX: in units of 512 bytes
    return ["sh", "-c", _PRELUDE, "sh", cpu, blocks, tasks, SCRIPT]


def _from_outside(filter_file: str, *command: str) -> list[str]:
    return ["sh", "-c", _OUTSIDE, filter_file, *command]


def interpreter_folders() -> list[Path]:
    """The folders that the running Python needs: its environment, its base and links between.

    Raises:
        NoSandbox: showing one of them would show the person's home folder.
    """
    folders = [Path(sys.prefix), Path(sys.base_prefix)]
    hop = Path(sys.executable)
    while hop.is_symlink():
        hop = Path(os.path.normpath(hop.parent / hop.readlink()))
        folders.append(hop.parent.parent)
    folders.append(hop.resolve().parent.parent)
    home = Path.home()
    for folder in folders:
        if folder == home or folder in home.parents:
            raise NoSandbox(
                f"Python is installed in {folder}, which holds your home folder",
                "Use a virtual environment in a folder of its own.",
            )
    return [folder for folder in dict.fromkeys(folders) if not folder.is_relative_to("/usr")]


class BubblewrapSandbox:
    """A sandbox of Linux namespaces by bubblewrap.

    Inside there are this machine's programs and Python packages, the bundle, the data and the
    model, all read-only; a result folder; a private ``/tmp``. There is no network, no home folder,
    no other process, no capability, no way to a new namespace, and no system call that goes around
    these. Everything ends with the command, and the command with this process.
    """

    name = "bubblewrap"
    isolated = True

    def __init__(self, program: str, disable_userns: bool = True) -> None:
        """
        Args:
            program: path of ``bwrap``.
            disable_userns: whether it knows ``--disable-userns`` (0.8 and later).
        """
        self._program = program
        self._disable_userns = disable_userns

    def command(self, run: TaskRun, limits: Limits, scratch: Path) -> list[str]:
        """As `Sandbox.command`."""
        inside = self._places(run)
        given = [(run.task_dir, inside.task), (run.data_dir, inside.data)]
        given += [(run.model_path, inside.model), (run.settings_path, inside.settings)]
        given.append((run.strategy_path, inside.strategy))
        mounts: list[str] = []
        for path, place in given:
            if path is not None and place is not None:
                mounts += ["--ro-bind", str(path.resolve()), place]
        mounts += ["--bind", str(run.result_dir.resolve()), inside.result]
        if run.state_dir is not None and inside.state is not None:
            mounts += ["--bind", str(run.state_dir.resolve()), inside.state]
        return [
            *self._filtered(scratch),
            *self.isolation(),
            # Before the system: Python may be installed below /tmp.
            "--size", str(limits.scratch_bytes), "--tmpfs", "/tmp",  # noqa: S108  the sandbox's own
            *self.system(),
            "--proc", "/proc",
            "--dev", "/dev",
            "--size", str(limits.scratch_bytes), "--tmpfs", "/dev/shm",  # noqa: S108  too
            *mounts,
            "--chdir", inside.task,
            # A person who is root still owns the kernel's settings in /proc/sys.
            "--remount-ro", "/proc",
            # Both lie in memory without a limit of their own.
            "--remount-ro", "/dev",
            "--remount-ro", "/",
            "--",
            *_script(limits, str(limits.tasks) if _counts_tasks_by_namespace() else "-"),
        ]  # fmt: skip

    def _filtered(self, scratch: Path) -> list[str]:
        """bubblewrap with the filter of system calls, which it reads from an open file."""
        program = self._program
        if os.access(program, os.W_OK):
            # Inside, /proc/1/exe is this program, not read-only: let it be a copy (for root).
            program = shutil.copy(program, str(scratch / "bwrap"))
        steps = filter_for()
        if steps is None:
            return _from_outside("", program)
        file = scratch / "filter"
        file.write_bytes(steps)
        return _from_outside(str(file), program, "--seccomp", "9")

    def isolation(self) -> list[str]:
        """The options without files: what `find_sandbox` tries out."""
        options = ["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]
        options += ["--hostname", "task", "--cap-drop", "ALL", "--die-with-parent", "--new-session"]
        return [*options, "--disable-userns"] if self._disable_userns else options

    @staticmethod
    def system() -> list[str]:
        """The options that show the machine's programs and Python, read-only.

        Raises:
            NoSandbox: showing Python would show the person's home folder.
        """
        options = ["--ro-bind", "/usr", "/usr"]
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            path = Path("/") / name
            if path.is_symlink():
                options += ["--symlink", str(path.readlink()), str(path)]
            elif path.is_dir():
                options += ["--ro-bind", str(path), str(path)]
        for shown in _SHOWN:
            options += ["--ro-bind-try", shown, shown]
        for folder in interpreter_folders():
            options += ["--ro-bind", str(folder), str(folder)]
        # A system's Python may have no `python` beside its `python3`.
        for name in ("python", "python3"):
            options += ["--symlink", sys.executable, f"{_LINKS}/{name}"]
        return options

    def environment(self, run: TaskRun, scratch: Path) -> dict[str, str]:
        """As `Sandbox.environment`: passed to bubblewrap, which passes it on."""
        path = f"{Path(sys.executable).parent}:{_LINKS}:/usr/local/bin:/usr/bin:/bin"
        return variables(run, self._places(run), path)

    def folder(self, run: TaskRun) -> Path:
        """As `Sandbox.folder`; nothing of it is seen inside."""
        return Path("/")

    @staticmethod
    def _places(run: TaskRun) -> Places:
        return Places(
            task="/task",
            data=None if run.data_dir is None else "/data",
            result="/result",
            model=None if run.model_path is None else f"/model/{run.model_path.name}",
            scratch="/tmp",  # noqa: S108  the sandbox's own
            settings=None if run.settings_path is None else f"/round/{run.settings_path.name}",
            strategy=None if run.strategy_path is None else f"/round/{run.strategy_path.name}",
            state=None if run.state_dir is None else "/state",
        )


def _counts_tasks_by_namespace() -> bool:
    """Since Linux 5.14 RLIMIT_NPROC counts inside a user namespace; before, all of the person's."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    return release is not None and (int(release[1]), int(release[2])) >= (5, 14)


class TrustedRunner:
    """No sandbox: the script can do whatever the person can.

    Only for scripts that the person wrote or read, such as the demo's own, and said so by name.
    The limits still hold for a script that means no harm.
    """

    name = "none"
    isolated = False

    def command(self, run: TaskRun, limits: Limits, scratch: Path) -> list[str]:
        """As `Sandbox.command`."""
        return _from_outside("", *_script(limits, "-"))

    def environment(self, run: TaskRun, scratch: Path) -> dict[str, str]:
        """As `Sandbox.environment`."""
        places = Places(
            task=str(run.task_dir.resolve()),
            data=_absolute(run.data_dir),
            result=str(run.result_dir.resolve()),
            model=_absolute(run.model_path),
            scratch=str(scratch),
            settings=_absolute(run.settings_path),
            strategy=_absolute(run.strategy_path),
            state=_absolute(run.state_dir),
        )
        links = scratch / "bin"
        links.mkdir(exist_ok=True)
        for name in ("python", "python3"):
            if not (links / name).is_symlink():
                (links / name).symlink_to(sys.executable)
        path = f"{Path(sys.executable).parent}:{links}:{os.defpath}:/usr/local/bin:/usr/bin:/bin"
        return variables(run, places, path)

    def folder(self, run: TaskRun) -> Path:
        """As `Sandbox.folder`."""
        return run.task_dir.resolve()


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())
