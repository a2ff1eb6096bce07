"""`ext_hashing_*`: the argument is packed bytes, the answer points to a hash of fixed length."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import xxhash

from pallets_mock.host.context import HostContext

HostHash = Callable[[HostContext, int], int]


def twox(data: bytes, bits: int) -> bytes:
    """xxh64 with the seeds 0, 1, …: not cryptographic, for keys nobody can choose."""
    return b"".join(
        xxhash.xxh64_intdigest(data, seed).to_bytes(8, "little") for seed in range(bits // 64)
    )


def blake2(data: bytes, bits: int) -> bytes:
    """BLAKE2b with a digest of that length."""
    return hashlib.blake2b(data, digest_size=bits // 8).digest()


def keccak_hash(data: bytes, bits: int) -> bytes:
    """Keccak before NIST's padding, as Ethereum has it."""
    from Crypto.Hash import keccak  # a third of the whole package's import, and rarely used

    return keccak.new(data=data, digest_bits=bits).digest()


def sha2(data: bytes, bits: int) -> bytes:
    """SHA-256."""
    return hashlib.new(f"sha{bits}", data).digest()


def host_hash(hash_: Callable[[bytes, int], bytes], bits: int) -> HostHash:
    """A hash as a host function."""

    def call(context: HostContext, data: int) -> int:
        memory = context.memory
        return memory.give_fixed(hash_(memory.read(data), bits))

    return call
