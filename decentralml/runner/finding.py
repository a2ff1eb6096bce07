"""Which sandbox this machine has, or why it has none and how to get one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from decentralml.errors import NoSandbox
from decentralml.runner.sandbox import BubblewrapSandbox

_PATIENCE = 10  # seconds for bubblewrap to start

# What keeps a plain user from making namespaces: file, the value that does, what to do.
_SWITCHES = (
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "Allow user namespaces: `sudo sysctl kernel.unprivileged_userns_clone=1`.",
    ),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "Allow bubblewrap to make user namespaces: install an AppArmor profile for it, or "
        "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`.",
    ),
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "Allow user namespaces: `sudo sysctl user.max_user_namespaces=15000`.",
    ),
)


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What `find_sandbox` found: a sandbox that works, or why there is none and what to do."""

    sandbox: BubblewrapSandbox | None
    version: str | None = None
    why_not: str | None = None
    advice: str | None = None

    def require(self) -> BubblewrapSandbox:
        """The sandbox.

        Raises:
            NoSandbox: there is none.
        """
        if self.sandbox is None:
            raise NoSandbox(self.why_not or "none was found", self.advice or "")
        return self.sandbox


def find_sandbox(program: str = "bwrap") -> SandboxReport:
    """Looks for bubblewrap and tries it out; takes a few milliseconds.

    Args:
        program: its name, looked up on PATH, or its path.
    """
    if sys.platform != "linux":
        return SandboxReport(
            None,
            why_not=f"bubblewrap needs Linux, this is {sys.platform}",
            advice="Run tasks in a Linux virtual machine, or trusted ones with --no-sandbox.",
        )
    path = shutil.which(program)
    if path is None:
        return SandboxReport(
            None,
            why_not="bubblewrap is not installed",
            advice="Install it: `sudo apt install bubblewrap` or `sudo dnf install bubblewrap`.",
        )
    version, knows = _ask(path, "--version"), _ask(path, "--help")
    if "--size" not in knows or "--cap-drop" not in knows:
        return SandboxReport(
            None,
            version,
            why_not=f"{version or path} is too old",
            advice="Install bubblewrap 0.8 or later.",
        )
    try:
        return _try_out(BubblewrapSandbox(path, "--disable-userns" in knows), path, version)
    except NoSandbox as error:
        return SandboxReport(None, version, error.why, error.advice)


def _ask(path: str, option: str) -> str:
    try:
        asked = subprocess.run(
            [path, option], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (asked.stdout + asked.stderr).strip()


def _try_out(sandbox: BubblewrapSandbox, path: str, version: str) -> SandboxReport:
    command = [path, *sandbox.isolation(), *sandbox.system()]
    command += ["--proc", "/proc", "--dev", "/dev"]
    try:
        tried = subprocess.run(
            [*command, "true"],
            env={},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return SandboxReport(
            None, version, f"bubblewrap does not start: {error}", "Install it anew."
        )
    if tried.returncode == 0:
        return SandboxReport(sandbox, version)
    last = (tried.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return SandboxReport(None, version, f"bubblewrap does not start: {last}", _advice())


def _advice() -> str:
    for file, value, advice in _SWITCHES:
        try:
            if Path(file).read_text(encoding="ascii").strip() == value:
                return advice
        except OSError:
            continue
    return "In a container, allow it to make namespaces; else ask who looks after this machine."
