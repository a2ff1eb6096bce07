"""Daemons of one's own for trying and testing: on loopback only, knowing nobody but each other."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decentralml.errors import AssetError, ConfigError

VARIABLE = "DECENTRALML_KUBO"
READY_SECONDS = 60.0
END_SECONDS = 20.0
_LOOK_AGAIN = 0.02  # seconds


class KuboFailed(AssetError):
    """A daemon that this package started for itself did not come up.

    Attributes: `command`, and `said`, the end of what it printed.
    """

    def __init__(self, command: Sequence[str], said: str) -> None:
        end = said.strip()[-1000:] or "nothing"
        super().__init__(f"`{' '.join(command)}` did not work; it said: {end}")
        self.command, self.said = tuple(command), said


def find_kubo() -> Path:
    """The program ``ipfs``: the one in DECENTRALML_KUBO, else on the PATH, else built before.

    Raises:
        ConfigError: there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise ConfigError(
                f"{VARIABLE} names {named}, which is no program. Correct or unset it."
            )
        return Path(named)
    on_path = shutil.which("ipfs")
    if on_path:
        return Path(on_path)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    built = sorted(cache.glob("decentralml/kubo/*/ipfs"), key=lambda path: path.stat().st_mtime)
    if built:
        return built[-1]
    raise ConfigError(
        "There is no kubo here, the IPFS daemon. Install it so that `ipfs` is on the PATH, build "
        f"it with scripts/build_kubo.sh (needs Go), or name it with {VARIABLE}."
    )


@dataclass
class PrivateDaemon:
    """A kubo daemon in a folder; listens on loopback, asks nobody but its peers.

    Attributes:
        repository: its folder, made by `make`.
        kubo: the program.
        api: port of its API.
        swarm: port for its peers; None for a daemon without any.
        gateway: port of its HTTP gateway; None for none.
    """

    repository: Path
    kubo: Path
    api: int
    swarm: int | None = None
    gateway: int | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def make(
        cls, repository: Path, kubo: Path, *, peered: bool = False, gateway: bool = False
    ) -> PrivateDaemon:
        """A new repository with its settings; nothing runs yet.

        Raises:
            KuboFailed: the program refused.
        """
        daemon = cls(
            repository,
            kubo,
            _free_port(),
            _free_port() if peered else None,
            _free_port() if gateway else None,
        )
        daemon.run("init", "--empty-repo", "--profile=test,unixfs-v1-2025")
        daemon.configure()
        return daemon

    @property
    def location(self) -> str:
        """Its address as a store's."""
        return f"ipfs://127.0.0.1:{self.api}"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.repository / "daemon.log"

    @property
    def identity(self) -> str:
        """Its peer's name."""
        return str(self._settings()["Identity"]["PeerID"])

    @property
    def pid(self) -> int | None:
        """Of its process, while it runs."""
        return self._process.pid if self.is_running and self._process else None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def configure(self, peers: Sequence[PrivateDaemon] = (), **more: Any) -> None:
        """Writes its settings: its peers, and further sections as kubo has them."""
        settings = self._settings()
        settings |= {
            "Addresses": {
                "API": f"/ip4/127.0.0.1/tcp/{self.api}",
                "Gateway": [] if self.gateway is None else f"/ip4/127.0.0.1/tcp/{self.gateway}",
                "Swarm": [] if self.swarm is None else [f"/ip4/127.0.0.1/tcp/{self.swarm}"],
            },
            "AutoConf": {"Enabled": False},
            "AutoTLS": {"Enabled": False},
            "Bootstrap": [],
            "DNS": {"Resolvers": {}},
            "Discovery": {"MDNS": {"Enabled": False}},
            "Ipns": {"DelegatedPublishers": []},
            "Peering": {
                "Peers": [
                    {"ID": peer.identity, "Addrs": [f"/ip4/127.0.0.1/tcp/{peer.swarm}"]}
                    for peer in peers
                ]
            },
            "Provide": {"Enabled": False},
            "Routing": {"Type": "none", "DelegatedRouters": []},
            "Swarm": {"DisableNatPortMap": True, "RelayClient": {"Enabled": False}},
            **more,
        }
        # A killed daemon loses nothing by it, and a power cut is nothing that is tried here.
        for mount in settings["Datastore"]["Spec"].get("mounts", []):
            if mount.get("child", {}).get("type") == "flatfs":
                mount["child"]["sync"] = False
        (self.repository / "config").write_text(json.dumps(settings, indent=2))

    def start(self) -> None:
        """Runs it, and returns when it answers.

        Raises:
            KuboFailed: it ended, or did not answer within a minute.
        """
        command = [str(self.kubo), "daemon", "--migrate=false"]
        if self.swarm is None:
            command.append("--offline")
        (self.repository / "api").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment(), stdout=log, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + READY_SECONDS
        while not (self.repository / "api").exists() or not _listens(self.api):
            if not self.is_running or time.monotonic() > until:
                self.kill()
                raise KuboFailed(command, self.log.read_text(errors="replace"))
            time.sleep(_LOOK_AGAIN)

    def stop(self) -> None:
        """Asks it to end, and waits."""
        if self._process is not None and self.is_running:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Ends it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def run(self, *words: str, data: bytes | None = None) -> str:
        """Runs ``ipfs WORDS`` on its repository: what that printed.

        Raises:
            KuboFailed: it ended with an error.
        """
        command = [str(self.kubo), *words]
        done = subprocess.run(
            command,
            env=self._environment(),
            input=data,
            capture_output=True,
            timeout=READY_SECONDS * 10,
            check=False,
        )
        if done.returncode:
            raise KuboFailed(command, done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "IPFS_PATH": str(self.repository),
            "IPFS_TELEMETRY": "off",
        }

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = json.loads((self.repository / "config").read_text())
        return settings


def acquaint(*daemons: PrivateDaemon) -> None:
    """Has daemons that do not run yet know each other."""
    for daemon in daemons:
        daemon.configure([other for other in daemons if other is not daemon])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0
