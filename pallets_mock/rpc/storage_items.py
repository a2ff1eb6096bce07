"""Storage queries of the newer interface: which of a state's items are wanted, and in what form."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from pallets_mock.rpc.errors import invalid_params
from pallets_mock.rpc.hexadecimal import to_hex
from pallets_mock.rpc.params import to_bytes
from pallets_mock.state.trie import Trie
from pallets_mock.state.view import StateView

Query = tuple[str, bytes]
"""(kind, key or prefix)."""

KINDS = (
    "value",
    "hash",
    "closestDescendantMerkleValue",
    "descendantsValues",
    "descendantsHashes",
)
MOST_QUERIES = 1000


def parse_queries(items: list[Any]) -> list[Query]:
    """The queries of a request. Raises RpcError -32602."""
    if len(items) > MOST_QUERIES:
        raise invalid_params(f"`items`: at most {MOST_QUERIES}")
    return [_parse(item) for item in items]


def _parse(item: Any) -> Query:
    if not isinstance(item, dict) or item.get("type") not in KINDS:
        raise invalid_params(f"`items`: each has a `key` and a `type` of {', '.join(KINDS)}")
    return str(item["type"]), to_bytes(item.get("key"))


def storage_items(view: StateView, trie: Trie, queries: list[Query]) -> Iterator[dict[str, str]]:
    """What the queries find, in their order. `view` and `trie` are of the same state."""
    for kind, key in queries:
        if kind == "closestDescendantMerkleValue":
            found = trie.merkle_value(key)
            if found is not None:
                yield {"key": to_hex(key), kind: to_hex(found)}
        elif kind in ("value", "hash"):
            yield from _item(view, key, kind)
        else:
            form = "value" if kind == "descendantsValues" else "hash"
            for below in view.keys(key):
                yield from _item(view, below, form)


def _item(view: StateView, key: bytes, form: str) -> Iterator[dict[str, str]]:
    value = view.get(key)
    if value is not None:
        shown = value if form == "value" else blake2b(value, digest_size=32).digest()
        yield {"key": to_hex(key), form: to_hex(shown)}
