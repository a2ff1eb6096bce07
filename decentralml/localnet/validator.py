"""One validator: a process of the node, its folder, its ports and its log."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from decentralml.localnet.errors import ValidatorEnded
from decentralml.localnet.ports import LOOPBACK

END_SECONDS = 20.0
"""How long a validator that was asked to end may take, before it is killed."""
LOG_END = 2_000  # bytes of a log that an error shows

Wrap = Callable[["Place", list[str]], list[str]]
"""Changes a validator's command line before it is started; `as_it_is` does not."""


def as_it_is(_place: Place, command: list[str]) -> list[str]:
    """A validator's command line, unchanged."""
    return command


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node lives.

    Attributes:
        name: shown to people and peers.
        folder: its data, keys and log.
        rpc_port: where clients connect.
        p2p_port: where peers connect.
        peer_id: its identity among peers.
        host: the address of both ports.
        validates: whether it makes blocks and votes; else it only follows.
    """

    name: str
    folder: Path
    rpc_port: int
    p2p_port: int
    peer_id: str
    host: str = LOOPBACK
    validates: bool = True

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://{self.host}:{self.rpc_port}"

    @property
    def address(self) -> str:
        """Where peers connect, as they write it."""
        return f"/ip4/{self.host}/tcp/{self.p2p_port}/p2p/{self.peer_id}"

    @property
    def data(self) -> Path:
        """The chain's database."""
        return self.folder / "data"

    @property
    def keystore(self) -> Path:
        """The keys that sign blocks and votes."""
        return self.folder / "keystore"

    @property
    def node_key(self) -> Path:
        """The file of the key that proves `peer_id`."""
        return self.folder / "node-key"

    @property
    def secret(self) -> Path:
        """The file that the session keys derive from."""
        return self.folder / "session-secret"


def command_of(
    binary: Path, spec: Path, place: Place, peers: Sequence[Place], options: Sequence[str] = ()
) -> list[str]:
    """The command line of a node that listens on its own address only and knows these peers."""
    command = [str(binary), "--chain", str(spec), "--base-path", str(place.data)]
    command += ["--name", place.name, "--node-key-file", str(place.node_key)]
    command += ["--listen-addr", f"/ip4/{place.host}/tcp/{place.p2p_port}"]
    command += ["--rpc-port", str(place.rpc_port), "--rpc-max-connections", "1000"]
    command += ["--no-mdns", "--no-telemetry", "--no-prometheus"]
    if "warp" not in options:  # which leaves the past out
        # Who tries things out looks back; a public node keeps less.
        command += ["--state-pruning", "archive", "--blocks-pruning", "archive"]
    if place.validates:
        command += ["--validator", "--keystore-path", str(place.keystore)]
    for peer in peers:
        if peer.peer_id != place.peer_id:
            command += ["--bootnodes", peer.address]
    return [*command, *options]


class Validator:
    """A node of a local network. Not restarted by itself: what ended stays ended, and is seen."""

    def __init__(self, place: Place, command: Sequence[str]) -> None:
        """A node that is not started yet.

        Args:
            place: where it lives.
            command: see `command_of`.
        """
        self.place, self.command = place, list(command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.place.name

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.place.url

    @property
    def log(self) -> Path:
        """What it said, in all its runs."""
        return self.place.folder / "log"

    @property
    def pid(self) -> int | None:
        """Its process, while that runs."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """How its last process ended (negative: by that signal); None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self, *options: str) -> None:
        """Start its process, with further options for this run; nothing if it runs."""
        if self.is_running:
            return
        with self.log.open("ab") as log:
            # In a session of its own: an interrupt from the keyboard is for the one who started
            # it, who then stops all validators in order.
            self._process = subprocess.Popen(
                [*self.command, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ask_to_end(self) -> None:
        """Let it end by itself; `stop` waits for that."""
        if self._process is not None and self.is_running:
            self._process.terminate()

    def stop(self, seconds: float = END_SECONDS) -> None:
        """End it: in order, or by force after so many seconds. Twice is harmless."""
        self.ask_to_end()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it at once, as a power failure would (``kill -9``)."""
        if self._process is not None and self.is_running:
            self._process.kill()
            self._process.wait()

    def ended(self, why: str) -> ValidatorEnded:
        """The error that says so, with the end of the log."""
        said = (
            self.log.read_bytes()[-LOG_END:].decode(errors="replace") if self.log.exists() else ""
        )
        return ValidatorEnded(self.name, why, self.log, said)
