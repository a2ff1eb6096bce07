"""Hosts in network namespaces, on two switches with one cable between them that can be pulled.

Each host has two cards: one by which clients on this machine reach it, and one for its peers. The
switches live in a namespace of their own. Only the second cards are on them, so pulling the cable
parts the peers of the two halves, and no client loses anybody.

Needs to be root. Nothing of it is left when `close` was called; the names hold this process's
number, so that two test processes do not meet.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from decentralml.localnet.validator import Place

_NUMBERS = itertools.count()


class NoNamespaces(Exception):
    """This machine, or this user, cannot make network namespaces."""


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise NoNamespaces(f"ip {' '.join(words)}: {done.stderr.strip()}")


class TwoSwitches:
    """The hosts of a network, those of `halves[0]` on one switch, the others on the other.

    Args:
        halves: the numbers of the hosts.
    Raises:
        NoNamespaces: they cannot be made here.
    """

    def __init__(self, *halves: Sequence[int]) -> None:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise NoNamespaces("network namespaces need root and iproute2's `ip`")
        made = next(_NUMBERS)
        self._name = f"d{os.getpid() % 0xFFFFF:x}{made}"
        # 198.18.0.0/15 is nobody's: it is for networks that are tested.
        self._net = (os.getpid() + 57 * made) % 250
        self._spaces = [f"{self._name}s"]
        try:
            self._make(halves)
        except BaseException:
            self.close()
            raise

    def _make(self, halves: Sequence[Sequence[int]]) -> None:
        switches, bridge = self._spaces[0], f"{self._name}c"
        _ip("netns", "add", switches)
        _ip("link", "add", bridge, "type", "bridge")
        _ip("addr", "add", f"198.18.{self._net}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        inside = ("-n", switches)
        for half in range(len(halves)):
            _ip(*inside, "link", "add", f"half{half}", "type", "bridge")
            _ip(*inside, "link", "set", f"half{half}", "up")
        _ip(*inside, "link", "add", "cable0", "type", "veth", "peer", "name", "cable1")
        for half in range(len(halves)):
            _ip(*inside, "link", "set", f"cable{half}", "master", f"half{half}", "up")
            for host in halves[half]:
                self._make_host(host, half, switches, bridge)

    def _make_host(self, host: int, half: int, switches: str, bridge: str) -> None:
        space, client = f"{self._name}h{host}", f"{self._name}p{host}"
        _ip("netns", "add", space)
        self._spaces.append(space)
        _ip("link", "add", client, "type", "veth", "peer", "name", "clients", "netns", space)
        _ip("link", "set", client, "master", bridge, "up")
        inside = ("-n", space)
        peers = ("type", "veth", "peer", "name", f"port{host}", "netns", switches)
        _ip(*inside, "link", "add", "peers", *peers)
        _ip("-n", switches, "link", "set", f"port{host}", "master", f"half{half}", "up")
        for card, address in (("clients", self.host(host)), ("peers", self._peer(host))):
            _ip(*inside, "addr", "add", f"{address}/24", "dev", card)
            _ip(*inside, "link", "set", card, "up")
        _ip(*inside, "link", "set", "lo", "up")

    def host(self, number: int) -> str:
        """Where clients reach the host."""
        return f"198.18.{self._net}.{number + 1}"

    def _peer(self, number: int) -> str:
        return f"198.19.{self._net}.{number + 1}"

    def wrap(self, place: Place, command: list[str]) -> list[str]:
        """A node's command as it is run on its host, where it meets its peers by its second card
        only."""
        number = int(place.host.rsplit(".", 1)[1]) - 1
        clients, peers = (f"/ip4/198.{net}.{self._net}." for net in (18, 19))
        moved = [word.replace(clients, peers) for word in command]
        # Reachable from this machine's side of the host, which nobody else has.
        reach = ["--unsafe-rpc-external", "--rpc-cors", "all"]
        return ["ip", "netns", "exec", f"{self._name}h{number}", *moved, *reach]

    def pull(self) -> None:
        """Part the halves: what is sent over is lost, and nobody is told."""
        _ip("-n", self._spaces[0], "link", "set", "cable0", "down")

    def plug(self) -> None:
        """Join them again."""
        _ip("-n", self._spaces[0], "link", "set", "cable0", "up")

    def close(self) -> None:
        """Remove all of it. Twice is harmless."""
        for space in self._spaces:
            with suppress(NoNamespaces):
                _ip("netns", "del", space)
        with suppress(NoNamespaces):
            _ip("link", "del", f"{self._name}c")

    def __enter__(self) -> TwoSwitches:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
