"""`childstate_*`: child tries, of which this chain has none.

A runtime that keeps child tries is refused when it is started (its imports are not offered), so
every child trie is an empty one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pallets_mock.node import Node
from pallets_mock.rpc.dispatch import Handler
from pallets_mock.rpc.errors import STATE_CLIENT, RpcError
from pallets_mock.rpc.hexadecimal import to_hex
from pallets_mock.rpc.params import U32, Bytes, Hash
from pallets_mock.rpc.state import check_page

DEFAULT_PREFIX = b":child_storage:default:"


@dataclass
class ChildStateRpc:
    """Answers as a node does of a child trie that does not exist."""

    node: Node

    def methods(self) -> dict[str, Handler]:
        """Handlers by wire name."""
        return {
            "childstate_getKeys": self.keys,
            "childstate_getKeysPaged": self.keys_paged,
            "childstate_getKeysPagedAt": self.keys_paged,
            "childstate_getStorage": self.storage,
            "childstate_getStorageEntries": self.entries,
            "childstate_getStorageHash": self.storage,
            "childstate_getStorageSize": self.storage,
            "state_getChildReadProof": self.read_proof,
        }

    def _check(self, child: bytes, at: bytes | None) -> None:
        self.node.chain.view(at)
        if not child.startswith(DEFAULT_PREFIX):
            raise RpcError(STATE_CLIENT, "Client error: Invalid child storage key")

    def keys(
        self,
        child: Bytes,
        prefix: Bytes,
        hash_: Hash | None = None,
    ) -> list[str]:
        """Keys with a prefix: none."""
        self._check(child, hash_)
        return []

    def keys_paged(
        self,
        child: Bytes,
        prefix: Bytes | None,
        count: U32,
        start_key: Bytes | None = None,
        hash_: Hash | None = None,
    ) -> list[str]:
        """A page of keys: an empty one."""
        check_page(count)
        self._check(child, hash_)
        return []

    def storage(self, child: Bytes, key: Bytes, hash_: Hash | None = None) -> None:
        """A value (or its hash, or its length): none."""
        self._check(child, hash_)

    def entries(self, child: Bytes, keys: list[Bytes], hash_: Hash | None = None) -> list[None]:
        """Values of several keys: none each."""
        self._check(child, hash_)
        return [None] * len(keys)

    def read_proof(
        self,
        child: Bytes,
        keys: list[Bytes],
        hash_: Hash | None = None,
    ) -> dict[str, Any]:
        """Proof that there is no such child trie: the way to where its root would be."""
        self._check(child, hash_)
        proof = self.node.chain.trie(hash_).prove([child])
        at = hash_ or self.node.chain.head.best
        return {"at": to_hex(at), "proof": [to_hex(node) for node in proof]}
