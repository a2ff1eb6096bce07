"""`state_*`: values, keys, proofs, runtime calls, at any block."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any

from pallets_mock.errors import UnknownBlock
from pallets_mock.executor.version import RuntimeVersion
from pallets_mock.node import Node
from pallets_mock.node.events import BestChanged, NodeEvent
from pallets_mock.rpc.chain import listen
from pallets_mock.rpc.dispatch import Handler, Subscription
from pallets_mock.rpc.errors import BLOCK_RANGE, COUNT_TOO_BIG, STATE_CLIENT, RpcError
from pallets_mock.rpc.hexadecimal import maybe_hex, to_hex
from pallets_mock.rpc.params import U32, Bytes, Hash
from pallets_mock.rpc.subscriptions import Sink
from pallets_mock.state.compact import read_compact

KEYS_PER_PAGE = 1000
BLOCKS_PER_QUERY = 10_000


@dataclass
class StateRpc:
    """Reads states. `hash_` is always a block's, the best one by default."""

    node: Node
    _metadata: dict[bytes, str] = field(default_factory=dict)

    def methods(self) -> dict[str, Handler | Subscription]:
        """Handlers by wire name."""
        version = Subscription(
            self.subscribe_runtime_version,
            "state_runtimeVersion",
            ("state_unsubscribeRuntimeVersion", "chain_unsubscribeRuntimeVersion"),
        )
        return {
            "state_call": self.call,
            "state_callAt": self.call,
            "state_getKeys": self.keys,
            "state_getPairs": self.pairs,
            "state_getKeysPaged": self.keys_paged,
            "state_getKeysPagedAt": self.keys_paged,
            "state_getStorage": self.storage,
            "state_getStorageAt": self.storage,
            "state_getStorageHash": self.storage_hash,
            "state_getStorageHashAt": self.storage_hash,
            "state_getStorageSize": self.storage_size,
            "state_getStorageSizeAt": self.storage_size,
            "state_getMetadata": self.metadata,
            "state_getRuntimeVersion": self.runtime_version,
            "chain_getRuntimeVersion": self.runtime_version,
            "state_queryStorage": self.query_storage,
            "state_queryStorageAt": self.query_storage_at,
            "state_getReadProof": self.read_proof,
            "state_traceBlock": self.trace_block,
            "state_subscribeRuntimeVersion": version,
            "chain_subscribeRuntimeVersion": version,
            "state_subscribeStorage": Subscription(
                self.subscribe_storage, "state_storage", ("state_unsubscribeStorage",)
            ),
        }

    def call(self, name: str, bytes_: Bytes, hash_: Hash | None = None) -> str:
        """Output of a runtime function on a block's state; its writes are dropped."""
        return to_hex(self.node.chain.call(name, bytes_, hash_).output)

    def keys(self, prefix: Bytes, hash_: Hash | None = None) -> list[str]:
        """All keys with that prefix."""
        return [to_hex(key) for key in self.node.chain.view(hash_).keys(prefix)]

    def pairs(self, prefix: Bytes, hash_: Hash | None = None) -> list[tuple[str, str | None]]:
        """All keys with that prefix, and their values."""
        view = self.node.chain.view(hash_)
        return [(to_hex(key), maybe_hex(view.get(key))) for key in view.keys(prefix)]

    def keys_paged(
        self,
        prefix: Bytes | None,
        count: U32,
        start_key: Bytes | None = None,
        hash_: Hash | None = None,
    ) -> list[str]:
        """At most `count` (1000) keys with that prefix, after `start_key`."""
        check_page(count)
        found = self.node.chain.view(hash_).keys(prefix or b"", start_key)
        return [to_hex(key) for key in islice(found, count)]

    def storage(self, key: Bytes, hash_: Hash | None = None) -> str | None:
        """The value of a key."""
        return maybe_hex(self.node.chain.view(hash_).get(key))

    def storage_hash(self, key: Bytes, hash_: Hash | None = None) -> str | None:
        """blake2b-256 of the value of a key."""
        value = self.node.chain.view(hash_).get(key)
        return None if value is None else to_hex(blake2b(value, digest_size=32).digest())

    def storage_size(self, key: Bytes, hash_: Hash | None = None) -> int | None:
        """Length of the value of a key, or of all values below it if it is a prefix."""
        view = self.node.chain.view(hash_)
        value = view.get(key)
        if value is not None:
            return len(value)
        return sum(len(view.get(below) or b"") for below in view.keys(key)) or None

    def metadata(self, hash_: Hash | None = None) -> str:
        """The runtime's metadata, version 14."""
        runtime = self.node.chain.runtime_at(hash_)
        if runtime.code_hash not in self._metadata:
            opaque = self.node.chain.call("Metadata_metadata", b"", hash_).output
            self._metadata[runtime.code_hash] = to_hex(opaque[read_compact(opaque)[1] :])
        return self._metadata[runtime.code_hash]

    def runtime_version(self, hash_: Hash | None = None) -> dict[str, Any]:
        """The runtime's version."""
        return version_json(self.node.chain.runtime_at(hash_).version)

    def query_storage(
        self, keys: list[Bytes], block: Hash, hash_: Hash | None = None
    ) -> list[dict[str, Any]]:
        """Values of keys at `block`, then what changed in each later one up to `hash_`."""
        changes, last = [], dict[bytes, bytes | None]()
        for at in self._range(block, hash_ or self.node.chain.head.best):
            view = self.node.chain.view(at)
            values = {bytes(key): view.get(key) for key in keys}
            changed = [key for key in values if key not in last or last[key] != values[key]]
            if changed:
                changes.append(change_set(at, ((key, values[key]) for key in changed)))
            last = values
        return changes

    def query_storage_at(self, keys: list[Bytes], at: Hash | None = None) -> list[dict[str, Any]]:
        """Values of keys at one block."""
        block = at or self.node.chain.head.best
        return self.query_storage(keys, Hash(block), Hash(block))

    def _range(self, first: bytes, last: bytes) -> list[bytes]:
        chain = self.node.chain
        try:
            low, high = chain.header_of(first).number, chain.header_of(last).number
        except UnknownBlock as error:
            raise _bad_range(first, last, str(error)) from error
        if low > high:
            raise _bad_range(first, last, "from number > to number")
        if high - low >= BLOCKS_PER_QUERY:
            raise _bad_range(first, last, f"more than {BLOCKS_PER_QUERY} blocks")
        hashes = chain.ancestry(last, low)
        if hashes[-1] != first:
            raise _bad_range(first, last, "from and to are on different forks")
        return hashes[::-1]

    def read_proof(self, keys: list[Bytes], hash_: Hash | None = None) -> dict[str, Any]:
        """The trie nodes that prove the values of keys to who knows the state root."""
        proof = self.node.chain.trie(hash_).prove(keys)
        at = hash_ or self.node.chain.head.best
        return {"at": to_hex(at), "proof": [to_hex(node) for node in proof]}

    def trace_block(
        self,
        block: Hash,
        targets: str | None = None,
        storage_keys: str | None = None,
        methods: str | None = None,
    ) -> None:
        """Refused, as by a node whose runtime was not built for tracing."""
        self.node.chain.header_of(block)
        message = "Client error: the runtime is built without tracing (feature `with-tracing`)"
        raise RpcError(STATE_CLIENT, message)

    # Subscriptions

    def subscribe_runtime_version(self, sink: Sink) -> None:
        """The version now, then whenever another runtime is in force."""
        last = self.node.chain.runtime.version
        sink.send(version_json(last))

        def on_event(event: NodeEvent) -> None:
            nonlocal last
            if isinstance(event, BestChanged) and self.node.chain.runtime.version != last:
                last = self.node.chain.runtime.version
                sink.send(version_json(last))

        listen(self.node, sink, on_event)

    def subscribe_storage(self, sink: Sink, keys: list[Bytes] | None = None) -> None:
        """Values of keys now, then those that change; without keys, all that changes."""
        chain = self.node.chain
        last: dict[bytes, bytes | None] = {bytes(key): chain.view().get(key) for key in keys or ()}
        if last:
            sink.send(change_set(chain.head.best, last.items()))

        def on_event(event: NodeEvent) -> None:
            if not isinstance(event, BestChanged):
                return
            if keys is None:
                changed = dict(event.diff or {})
            else:
                view = chain.view()
                near = last if event.diff is None else last.keys() & event.diff.keys()
                values = {key: view.get(key) for key in near}
                changed = {key: value for key, value in values.items() if last[key] != value}
                last.update(changed)
            if changed:
                sink.send(change_set(event.hash, changed.items()))

        listen(self.node, sink, on_event)


def check_page(count: int) -> None:
    """Refuse a page of more than a thousand keys."""
    if count > KEYS_PER_PAGE:
        message = f"count exceeds maximum value. value: {count}, max: {KEYS_PER_PAGE}"
        raise RpcError(COUNT_TOO_BIG, message)


def change_set(block: bytes, changes: Iterable[tuple[bytes, bytes | None]]) -> dict[str, Any]:
    """A node's `StorageChangeSet`."""
    pairs = [(to_hex(key), maybe_hex(value)) for key, value in changes]
    return {"block": to_hex(block), "changes": pairs}


def version_json(version: RuntimeVersion) -> dict[str, Any]:
    """A runtime's version as a node has it; `stateVersion` is the name that older clients know."""
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "authoringVersion": version.authoring_version,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "apis": [(to_hex(name), number) for name, number in version.apis],
        "transactionVersion": version.transaction_version,
        "systemVersion": version.system_version,
        "stateVersion": version.system_version,
    }


def _bad_range(first: bytes, last: bytes, detail: str) -> RpcError:
    return RpcError(
        BLOCK_RANGE,
        f"Cannot resolve a block range ['{to_hex(first)}' ... '{to_hex(last)}]. {detail}",
    )
