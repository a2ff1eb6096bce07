"""All namespaces of a node on one port."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from pallets_mock.node import Node, Sealer
from pallets_mock.rpc.archive import ArchiveRpc
from pallets_mock.rpc.author import AuthorRpc
from pallets_mock.rpc.chain import ChainRpc
from pallets_mock.rpc.chain_head import ChainHeadRpc
from pallets_mock.rpc.chain_spec import ChainSpecRpc
from pallets_mock.rpc.childstate import ChildStateRpc
from pallets_mock.rpc.dev import DevRpc
from pallets_mock.rpc.dispatch import Dispatcher
from pallets_mock.rpc.faults import Faults
from pallets_mock.rpc.keys import KeysRpc
from pallets_mock.rpc.limits import RpcLimits
from pallets_mock.rpc.log_filter import LogFilter
from pallets_mock.rpc.offchain import OffchainRpc
from pallets_mock.rpc.payment import PaymentRpc
from pallets_mock.rpc.server import LOCAL_ORIGINS, Server
from pallets_mock.rpc.state import StateRpc
from pallets_mock.rpc.system import SystemRpc
from pallets_mock.rpc.transaction import TransactionRpc


class Service:
    """A node that can be asked.

    Args:
        host: address to listen on. Any but this machine's own turns off what only its
            owner may do (`dev_*`, keys, logs).
    """

    def __init__(
        self,
        node: Node,
        sealer: Sealer,
        *,
        host: str = "127.0.0.1",
        limits: RpcLimits | None = None,
        origins: str = LOCAL_ORIGINS,
    ) -> None:
        self._host = host
        self._address: tuple[str, int] | None = None
        faults = Faults()
        self.dispatcher = Dispatcher(limits or RpcLimits(), faults.before, faults.after)
        self.server = Server(self.dispatcher, origins=origins)
        log_filter = LogFilter()
        for namespace in (
            ChainRpc(node),
            StateRpc(node),
            ChildStateRpc(node),
            AuthorRpc(node),
            SystemRpc(node, self._addresses, log_filter),
            PaymentRpc(node),
            OffchainRpc(node),
            KeysRpc(node),
            ChainSpecRpc(node),
            ChainHeadRpc(node),
            TransactionRpc(node),
            ArchiveRpc(node),
            DevRpc(node, sealer, faults, self.server.drop_connections),
        ):
            self._add(namespace.methods())
        self.dispatcher.add("rpc_methods", lambda: {"methods": self.dispatcher.names})

    def _add(self, methods: Mapping[str, Any]) -> None:
        safe_only = not is_loopback(self._host)
        for name, handler in methods.items():
            if safe_only and is_unsafe(name):
                continue
            self.dispatcher.add(name, handler)

    async def open(self, port: int) -> str:
        """Listen; returns the address as a WebSocket URL. Raises OSError: the port is taken."""
        self._address = await self.server.open(self._host, port)
        return self.url

    @property
    def url(self) -> str:
        """The address as a WebSocket URL."""
        host, port = self._address or (self._host, 0)
        return f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"

    async def close(self) -> None:
        """Stop listening, end all connections."""
        await self.server.close()

    def _addresses(self) -> list[str]:
        if self._address is None:
            return []
        kind = "ip6" if ":" in self._address[0] else "ip4"
        return [f"/{kind}/{self._address[0]}/tcp/{self._address[1]}/ws"]


UNSAFE = frozenset(
    {
        "author_insertKey",
        "author_rotateKeys",
        "author_rotateKeysWithOwner",
        "author_hasKey",
        "author_hasSessionKeys",
        "author_removeExtrinsic",
        "offchain_localStorageGet",
        "offchain_localStorageSet",
        "offchain_localStorageClear",
        "state_getPairs",
        "state_queryStorage",
        "state_traceBlock",
        "system_addLogFilter",
        "system_resetLogFilter",
        "system_addReservedPeer",
        "system_removeReservedPeer",
        "system_peers",
        "system_unstable_networkState",
        "system_dryRun",
        "system_dryRunAt",
    }
)
"""What a node, too, keeps from those who reach it from elsewhere."""


def is_unsafe(name: str) -> bool:
    """Whether a method is only for the machine that the node runs on."""
    return name in UNSAFE or name.startswith(("dev_", "engine_"))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
