"""How much a client may ask for; the defaults are the node's where it has one."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RpcLimits:
    """Limits of the server, of one connection and of one message.

    Args:
        queued_bytes: what may wait for a slow reader before its connection is dropped.
    """

    request_bytes: int = 15 * MIB
    response_bytes: int = 15 * MIB
    batch: int = 5_000
    connections: int = 100
    subscriptions: int = 1024
    queued_bytes: int = 64 * MIB
