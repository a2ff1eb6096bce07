from __future__ import annotations

import pytest

from pallets_mock.host import hashing
from pallets_mock.host.context import HostContext
from pallets_mock.host.table import HOST_FUNCTIONS

# Published by others: xxHash's and Substrate's own documentation, RFC 7693, NIST, Ethereum.
KNOWN = {
    ("twox_64", b""): "99e9d85137db46ef",
    ("twox_128", b"System"): "26aa394eea5630e07c48ae0c9558cef7",
    ("twox_128", b"Account"): "b99d880ec681799c0cf30e8886371da9",
    ("blake2_128", b""): "cae66941d9efbd404e4d88758ea67670",
    ("blake2_256", b""): "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
    ("keccak_256", b""): "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    ("keccak_512", b""): (
        "0eab42de4c3ceb9235fc91acffe746b29c29a8c366b7c60e4e67c466f36a4304"
        "c00fa9caf9d87976ba469bcbe06713b435f091ef2769fb160cdab33d3670680e"
    ),
    ("sha2_256", b"abc"): "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
}


@pytest.mark.parametrize(("name", "data"), KNOWN)
def test_hashes_are_the_published_ones(context: HostContext, name: str, data: bytes) -> None:
    function = HOST_FUNCTIONS[f"ext_hashing_{name}_version_1"]

    pointer = function.call(context, context.memory.give(data))

    expected = bytes.fromhex(KNOWN[name, data])
    assert context.memory.read_at(pointer, len(expected)) == expected


def test_twox_is_one_hash_for_each_eight_bytes() -> None:
    longest = hashing.twox(b"data", 256)

    assert hashing.twox(b"data", 64) == longest[:8]
    assert hashing.twox(b"data", 128) == longest[:16]
    assert len({longest[at : at + 8] for at in range(0, 32, 8)}) == 4
