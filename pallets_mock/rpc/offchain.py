"""`offchain_*`: the node's own storage, no part of the state."""

from __future__ import annotations

from dataclasses import dataclass

from pallets_mock.node import Node
from pallets_mock.rpc.dispatch import Handler
from pallets_mock.rpc.errors import RpcError
from pallets_mock.rpc.hexadecimal import maybe_hex
from pallets_mock.rpc.params import Bytes

PREFIX = b"storage"
KINDS = ("PERSISTENT", "LOCAL")


@dataclass
class OffchainRpc:
    """Persistent values; a node has no local ones either (5001)."""

    node: Node

    def methods(self) -> dict[str, Handler]:
        """Handlers by wire name."""
        return {
            "offchain_localStorageGet": self.get,
            "offchain_localStorageSet": self.set,
            "offchain_localStorageClear": self.clear,
        }

    def get(self, kind: str, key: Bytes) -> str | None:
        """The value of a key."""
        _check(kind)
        return maybe_hex(self.node.chain.store.offchain(PREFIX + key))

    def set(self, kind: str, key: Bytes, value: Bytes) -> None:
        """Give a key a value."""
        _check(kind)
        self.node.chain.store.set_offchain(PREFIX + key, value)

    def clear(self, kind: str, key: Bytes) -> None:
        """Take a key's value away."""
        _check(kind)
        self.node.chain.store.set_offchain(PREFIX + key, None)


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise RpcError(-32602, "Invalid params", f"unknown variant, expected one of {KINDS}")
    if kind == "LOCAL":
        raise RpcError(5001, "This storage kind is not available yet.")
