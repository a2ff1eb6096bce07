"""Runs commands that need little of one another side by side, as far as the machine has cores.

What a part prints goes to a log of its own, shown in one piece when the part ends. The first part
that fails ends the others, and its log is shown last; or, going on, each failure is kept for the
end. Standard library alone: this runs before anything is installed.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

TAIL = 4000
"""Bytes that are shown of a part's log when the part was ended before its time."""
GRACE_SECONDS = 20.0
"""How long an ended part has to stop what it started, before it is killed."""
TIMED = """
trap : TERM  # to outlive what is measured, which is told to stop, too
{ echo "$0" >/proc/self/autogroup; } 2>/dev/null
TIMEFORMAT='%R s by the clock, %U + %S s of CPU'
time nice -n "$0" "$@"
"""
"""Runs a command, at the niceness in ``$0``, and prints what it cost. Beside other work only the
CPU's time tells which part is the expensive one. Where the kernel schedules sessions as groups
(sched(7), autogroup), a group's own niceness is what counts between parts."""


@dataclass(frozen=True)
class Part:
    """A command, and when it may start.

    Args:
        cores: how many it keeps busy; 0 for what mostly waits, or takes what others leave.
        after: names of the parts that must have passed before.
        nice: how far others go before it, 0 to 19.
    """

    name: str
    command: tuple[str, ...]
    cores: int = 1
    after: tuple[str, ...] = ()
    nice: int = 0


@dataclass
class Running:
    """A part that was started."""

    part: Part
    process: subprocess.Popen[bytes]
    log: Path
    began: float

    @property
    def seconds(self) -> int:
        """How long it has run."""
        return round(time.monotonic() - self.began)

    def end(self) -> None:
        """Ask the whole group to stop; kill what has not stopped in time."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def next_parts(waiting: Sequence[Part], passed: set[str], free: int) -> list[Part]:
    """Which parts to start now, in their order; one that does not fit lets smaller ones by.

    Args:
        free: cores that nothing keeps busy.
    """
    chosen = []
    for part in waiting:
        if part.cores <= free and passed.issuperset(part.after):
            chosen.append(part)
            free -= part.cores
    return chosen


class SideBySide:
    """One run over all parts.

    Args:
        cores: how many the parts may keep busy together; a part that wants more gets all of them.
        seconds: when to give up, with the ends of the logs of what still ran.
        say: receives what is to be shown.
        news_every: seconds between lines that say what is running.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        cores: int,
        seconds: float,
        say: Callable[[str], None] = print,
        news_every: float = 300.0,
    ) -> None:
        names = [part.name for part in parts]
        for part in parts:
            unknown = set(part.after) - set(names[: names.index(part.name)])
            if unknown:
                raise ValueError(f"{part.name} waits for {sorted(unknown)}, not named before it")
        self._waiting = [replace(part, cores=min(part.cores, cores)) for part in parts]
        self._cores, self._say = cores, say
        self._seconds, self._news_every = seconds, news_every
        self._running: dict[str, Running] = {}
        self._passed: set[str] = set()
        self._failed: dict[str, str] = {}
        self._ended: queue.Queue[str] = queue.Queue()

    def run(self, *, keep_going: bool = False) -> bool:
        """Whether all parts passed. Nothing that was started runs on when this returns.

        Args:
            keep_going: after a failure run all the same what does not wait for the failed part.
        """
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="parts-") as folder:
            try:
                passed = self._all(Path(folder), began + self._seconds, keep_going)
            finally:
                self._end_the_rest()
        for log in self._failed.values():
            self._say(log)
        if self._waiting:
            self._say(f"=== not run: {', '.join(part.name for part in self._waiting)}")
        self._say(f"=== all of it took {round(time.monotonic() - began)} s")
        return passed

    def _all(self, folder: Path, deadline: float, keep_going: bool) -> bool:
        while self._waiting or self._running:
            self._start(folder)
            if not self._running:
                break  # what is left waits for a part that failed
            ended = self._wait(deadline)
            if ended is None:
                self._say(f"=== FAILED: not done in {self._seconds:.0f} s")
                return False
            self._account_for(ended)
            if self._failed and not keep_going:
                break
        return not self._failed

    def _start(self, folder: Path) -> None:
        free = self._cores - sum(running.part.cores for running in self._running.values())
        for part in next_parts(self._waiting, self._passed, free):
            self._waiting.remove(part)
            self._running[part.name] = self._launch(part, folder / f"{part.name}.log")

    def _launch(self, part: Part, log: Path) -> Running:
        self._say(f"=== {part.name} begins: {' '.join(part.command)}")
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", TIMED, str(part.nice), *part.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        def watch() -> None:
            process.wait()
            self._ended.put(part.name)

        threading.Thread(target=watch, daemon=True).start()
        return Running(part, process, log, time.monotonic())

    def _wait(self, deadline: float) -> Running | None:
        """The next part that ended; None when the time was over before."""
        while (left := deadline - time.monotonic()) > 0:
            try:
                return self._running.pop(self._ended.get(timeout=min(left, self._news_every)))
            except queue.Empty:
                running = ", ".join(f"{r.part.name} {r.seconds} s" for r in self._running.values())
                self._say(f"=== running: {running}")
        return None

    def _account_for(self, ended: Running) -> None:
        status, name = ended.process.returncode, ended.part.name
        log = f"=== {name}: what it printed\n{ended.log.read_text(errors='replace').rstrip()}"
        if status:
            failure = f"=== FAILED: {name}, exit status {status}, after {ended.seconds} s"
            self._failed[name] = f"{log}\n{failure}"
            self._say(failure)
            return
        self._say(log)
        self._say(f"=== {name} took {ended.seconds} s")
        self._passed.add(name)

    def _end_the_rest(self) -> None:
        for running in self._running.values():
            running.end()
            end = running.log.read_bytes()[-TAIL:].decode(errors="replace").rstrip()
            self._say(f"=== {running.part.name} was ended after {running.seconds} s:\n… {end}")
        self._running.clear()


def stop_on_signals() -> None:
    """Let a termination end this process as an interrupt does: with its parts."""

    def interrupt(*_: object) -> None:
        sys.exit(143)

    signal.signal(signal.SIGTERM, interrupt)
