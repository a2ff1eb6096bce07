"""The demo's processes: a development chain, and one process for each thing that somebody does."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decentralml.cli.demo.people import Person
from decentralml.cli.demo.stores import StoreOf
from decentralml.errors import DecentralMLError, NodeUnreachable

PROGRAM = (sys.executable, "-m", "decentralml.cli.main")
END_PATIENCE = 20  # seconds for a process that was asked to end
PATIENCE = 600  # seconds in which something must happen

Event = Mapping[str, Any]
Told = Callable[[Person, Event], None]


class ProcessFailed(DecentralMLError):
    """A process of the demo ended with an error.

    Attributes: `command`, `status` (exit status; None while it runs), `said` (the end of it).
    """

    def __init__(self, command: Sequence[str], status: int | None, said: str) -> None:
        words = " ".join(command[len(PROGRAM) :] if tuple(command[:3]) == PROGRAM else command)
        super().__init__(f"`{words}` ended with status {status}:\n{said.strip()[-2000:]}")
        self.command, self.status, self.said = tuple(command), status, said


class NothingHappened(DecentralMLError):
    """Nobody of the demo reported anything for too long."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Nothing happened for {seconds} s. Run `decentralml doctor`, then again.")
        self.seconds = seconds


@contextmanager
def development_chain(log: Path) -> Iterator[str]:
    """A development chain of its own on a free port, stopped at the end. Yields its address.

    Raises:
        NodeUnreachable: it did not start; the log says why.
    """
    command = [sys.executable, "-m", "pallets_mock", "--tmp", "--port", "0", "--json-ready"]
    with log.open("wb") as errors:
        chain = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        ready = chain.stdout.readline() if chain.stdout else ""
        if not ready:
            raise NodeUnreachable("this machine", f"it did not start, see {log}")
        yield str(json.loads(ready)["url"])
    finally:
        _end(chain)


@dataclass(frozen=True, eq=False)
class Running:
    """A person's command that goes on by itself."""

    person: Person
    command: tuple[str, ...]
    process: subprocess.Popen[str]

    def failure(self) -> ProcessFailed:
        """The error that says how it ended, with the end of what it said."""
        said = (self.person.folder / "log").read_text(errors="replace")
        return ProcessFailed(self.command, self.process.poll(), said)


@dataclass
class Stage:
    """Starts people's commands and passes on what they report.

    Attributes:
        node: the chain's address.
        store_of: where each person's bundles are.
        told: told of each event, in the thread that called `until`.
    """

    node: str
    store_of: StoreOf
    told: Told
    _news: queue.Queue[tuple[Running, Event | None] | None] = field(default_factory=queue.Queue)
    _running: set[Running] = field(default_factory=set)

    def ask(self, person: Person, *words: str) -> Any:
        """Run one command of a person to its end; what it printed, read as JSON.

        Raises:
            ProcessFailed: it ended with an error.
        """
        return self.run(person, [*PROGRAM, person.role, *words, "--json"])

    def run(self, person: Person, command: Sequence[str]) -> Any:
        """Run a program in a person's environment; what it printed, read as JSON.

        Meanwhile the events of the others are passed on.

        Raises:
            ProcessFailed: it ended with an error.
        """
        ended: list[subprocess.CompletedProcess[str]] = []

        def work() -> None:
            environment = person.environment(self.node, self.store_of(person))
            ended.append(
                subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=False
                )
            )
            self._news.put(None)

        threading.Thread(target=work, daemon=True).start()
        self.until(lambda: bool(ended))
        if ended[0].returncode:
            said = ended[0].stderr or ended[0].stdout
            raise ProcessFailed(command, ended[0].returncode, said)
        return json.loads(ended[0].stdout)

    def start(self, person: Person, *words: str) -> Running:
        """Start a command that goes on by itself and reports events as JSON lines."""
        command = (*PROGRAM, person.role, *words, "--json")
        with (person.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=person.environment(self.node, self.store_of(person)),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        running = Running(person, command, process)
        self.watch(running)
        return running

    def watch(self, running: Running) -> None:
        """Listen to a process until it ends; `until` passes its events on."""
        self._running.add(running)
        threading.Thread(target=self._read, args=(running,), daemon=True).start()

    def until(self, reached: Callable[[], bool]) -> None:
        """Pass events on until they brought about what is waited for.

        Raises:
            ProcessFailed: a process ended with an error.
            NothingHappened: for `PATIENCE` seconds.
        """
        while not reached():
            try:
                news = self._news.get(timeout=PATIENCE)
            except queue.Empty:
                raise NothingHappened(PATIENCE) from None
            if news is None:
                continue
            running, event = news
            if event is not None:
                self.told(running.person, event)
            elif running.process.wait():
                raise running.failure()
            else:
                self._running.discard(running)

    def goes_on(self, running: Running) -> bool:
        """Whether a process has not ended yet, as far as `until` has seen."""
        return running in self._running

    def close(self) -> None:
        """End all that still runs."""
        for running in self._running:
            running.process.terminate()
        for running in self._running:
            _end(running.process)

    def _read(self, running: Running) -> None:
        try:
            for line in running.process.stdout or ():
                self._news.put((running, json.loads(line)))
        finally:
            self._news.put((running, None))


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
