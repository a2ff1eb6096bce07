"""Ports on loopback: free ones, and whether a wanted one is free."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
HIGHEST = 65_535


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on now."""
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in sockets]


def is_free(port: int) -> bool:
    """Whether a process could listen there."""
    with socket.socket() as probe:
        # As a node does it: a connection that was closed a moment ago does not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def pairs(base_port: int | None, count: int) -> Iterator[tuple[int, int]]:
    """For each validator a port for clients and one for its peers.

    With a base port: clients at base, base + 1, …; peers after them.
    """
    found = (
        free_ports(2 * count)
        if base_port is None
        else list(range(base_port, base_port + 2 * count))
    )
    return zip(found[:count], found[count:], strict=True)
