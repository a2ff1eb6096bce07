"""Roots that sp-trie made."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pallets_mock.state.root import ordered_root, root_of
from tests.oracles.slow_trie import slow_root

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "trie_vectors.json").read_text())


def fill(seed: int, length: int) -> bytes:
    start = seed.to_bytes(4, "little")
    blocks = (
        hashlib.blake2b(start + i.to_bytes(4, "little"), digest_size=32).digest()
        for i in range(length // 32 + 1)
    )
    return b"".join(blocks)[:length]


def pairs_of(trie: dict) -> dict[bytes, bytes]:
    if "pairs" in trie:
        return {bytes.fromhex(key): bytes.fromhex(value) for key, value in trie["pairs"]}
    return spread(trie["rule"]) if "rule" in trie else together(trie["same_prefix"])


def spread(count: int) -> dict[bytes, bytes]:
    def key(i: int) -> bytes:
        index = i.to_bytes(4, "little")
        return hashlib.blake2b(index, digest_size=16).digest() + index

    return {key(i): fill(i, i % 100) for i in range(count)}


def together(count: int) -> dict[bytes, bytes]:
    prefix = b"".join(hashlib.blake2b(w, digest_size=16).digest() for w in (b"pallet", b"item"))
    return {prefix + i.to_bytes(4, "big"): fill(i, 48) for i in range(count)}


def name_of(trie: dict) -> str:
    return trie.get("name") or next(f"{k} {trie[k]}" for k in ("rule", "same_prefix") if k in trie)


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("trie", VECTORS["tries"], ids=name_of)
def test_the_root_of_the_pairs_is_sp_tries(trie: dict, layout: int) -> None:
    assert root_of(pairs_of(trie), layout).hex() == trie[f"root_v{layout}"]


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("trie", VECTORS["ordered"], ids=lambda trie: str(trie["items"]))
def test_the_root_of_a_list_is_sp_tries(trie: dict, layout: int) -> None:
    items = [fill(i, i % 90) for i in range(trie["items"])]

    assert ordered_root(items, layout).hex() == trie[f"root_v{layout}"]


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("trie", VECTORS["tries"], ids=name_of)
def test_the_slow_root_that_other_tests_compare_with_is_sp_tries(trie: dict, layout: int) -> None:
    assert slow_root(pairs_of(trie), layout).hex() == trie[f"root_v{layout}"]
