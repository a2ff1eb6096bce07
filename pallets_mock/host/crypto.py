"""`ext_crypto_*`: is a signature right, whose is it, and signing with the node's own keys."""

from __future__ import annotations

from collections.abc import Callable

from pallets_mock.errors import HostError
from pallets_mock.host.context import HostContext
from pallets_mock.host.hashing import blake2
from pallets_mock.host.keystore import Scheme
from pallets_mock.host.signatures import ecdsa_compress, ecdsa_recover
from pallets_mock.state.compact import compact, read_compact

_CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_OK = b"\x00"
_BAD_RS, _BAD_V, _BAD_SIGNATURE = b"\x01\x00", b"\x01\x01", b"\x01\x02"

Verify = Callable[[bytes, bytes, bytes], bool]
"""(signature, message, public key) → is it right. Never raises, whatever the bytes."""


def ecdsa_verifies_prehashed(signature: bytes, digest: bytes, public: bytes) -> bool:
    """secp256k1, signature (r, s, v), over a digest of 32 bytes."""
    recovered = _recover(signature, digest)
    return recovered[:1] == _OK and ecdsa_compress(recovered[1:]) == public


def ecdsa_verifies(signature: bytes, message: bytes, public: bytes) -> bool:
    """secp256k1 over the message's blake2b-256."""
    return ecdsa_verifies_prehashed(signature, blake2(message, 256), public)


def verify(
    verifies: Verify, signature_length: int, public_length: int
) -> Callable[[HostContext, int, int, int], int]:
    """A `*_verify` host function: pointer to signature, packed message, pointer to key."""

    def call(context: HostContext, signature: int, message: int, public: int) -> int:
        memory = context.memory
        return verifies(
            memory.read_at(signature, signature_length),
            memory.read(message),
            memory.read_at(public, public_length),
        )

    return call


def verify_batched(
    verifies: Verify, signature_length: int, public_length: int
) -> Callable[[HostContext, int, int, int], int]:
    """A `*_batch_verify` host function: verifies at once, and remembers a failure."""
    single = verify(verifies, signature_length, public_length)

    def call(context: HostContext, signature: int, message: int, public: int) -> int:
        right = bool(single(context, signature, message, public))
        if context.batch is not None:
            context.batch &= right
        return right

    return call


def start_batch_version_1(context: HostContext) -> None:
    """`ext_crypto_start_batch_verify_version_1`."""
    context.batch = True


def finish_batch_version_1(context: HostContext) -> int:
    """`ext_crypto_finish_batch_verify_version_1`."""
    if context.batch is None:
        raise HostError("finish_batch_verify without start_batch_verify")
    right, context.batch = context.batch, None
    return right


def ecdsa_verify_prehashed_version_1(
    context: HostContext, signature: int, digest: int, public: int
) -> int:
    """`ext_crypto_ecdsa_verify_prehashed_version_1`: all three are pointers."""
    read = context.memory.read_at
    return ecdsa_verifies_prehashed(read(signature, 65), read(digest, 32), read(public, 33))


def _recover(signature: bytes, digest: bytes) -> bytes:
    """SCALE Result of the uncompressed key that signed: 0 and the key, or the error."""
    if signature[64] > 3:
        return _BAD_V
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    if r >= _CURVE_ORDER or s >= _CURVE_ORDER:
        return _BAD_RS
    key = ecdsa_recover(signature, digest)
    return _BAD_SIGNATURE if key is None else _OK + key


def recover(*, compressed: bool, overflowing: bool) -> Callable[[HostContext, int, int], int]:
    """`secp256k1_ecdsa_recover*`: pointers to (r, s, v) and digest; Result of the key.

    Args:
        overflowing: version 1 took r and s modulo the curve's order.
    """

    def call(context: HostContext, signature: int, digest: int) -> int:
        memory = context.memory
        signed = memory.read_at(signature, 65)
        r_and_s, v = signed[:64], signed[64]
        if overflowing:
            numbers = (int.from_bytes(signed[at : at + 32], "big") for at in (0, 32))
            r_and_s = b"".join((n % _CURVE_ORDER).to_bytes(32, "big") for n in numbers)
        # Ethereum writes 27 and 28 for 0 and 1.
        result = _recover(r_and_s + bytes((v - 27 if v > 26 else v,)), memory.read_at(digest, 32))
        if result[:1] != _OK:
            return memory.give(result)
        key = result[1:]
        return memory.give(_OK + (ecdsa_compress(key) if compressed else key[1:]))

    return call


def public_keys(scheme: Scheme) -> Callable[[HostContext, int], int]:
    """`*_public_keys`: pointer to the key type; list of keys."""

    def call(context: HostContext, key_type: int) -> int:
        keys = context.keystore.public_keys(scheme, context.memory.read_at(key_type, 4))
        return context.memory.give(compact(len(keys)) + b"".join(keys))

    return call


def generate(scheme: Scheme) -> Callable[[HostContext, int, int], int]:
    """`*_generate`: pointer to the key type, Option of a seed; pointer to the new public key."""

    def call(context: HostContext, key_type: int, seed: int) -> int:
        memory = context.memory
        kind, given = memory.read_at(key_type, 4), memory.read(seed)
        if given == b"\x00":
            return memory.give_fixed(context.keystore.generate(scheme, kind))
        try:
            key = _seed_of(given)
            return memory.give_fixed(context.keystore.insert(scheme, kind, key))
        except ValueError as error:
            raise HostError(f"no seed for a key: {error}") from error

    return call


def _seed_of(option: bytes) -> bytes:
    """The seed in a SCALE Option of its text: 0x and 64 digits."""
    length, at = read_compact(option, 1)
    return bytes.fromhex(option[at : at + length].decode("ascii").removeprefix("0x"))


def sign(scheme: Scheme) -> Callable[[HostContext, int, int, int], int]:
    """`*_sign`: pointers to key type and public key, packed message; Option of a signature."""

    def call(context: HostContext, key_type: int, public: int, message: int) -> int:
        memory = context.memory
        signature = context.keystore.sign(
            scheme,
            memory.read_at(key_type, 4),
            memory.read_at(public, 32),
            memory.read(message),
        )
        return memory.give(b"\x00" if signature is None else b"\x01" + signature)

    return call
