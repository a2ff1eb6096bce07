from __future__ import annotations

import hashlib

import coincurve
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallets_mock.errors import HostError
from pallets_mock.host import crypto
from pallets_mock.host.context import HostContext
from pallets_mock.host.keystore import ED25519, SR25519, Keystore, Scheme
from pallets_mock.host.signatures import ed25519_verifies, sr25519_verifies
from pallets_mock.host.table import HOST_FUNCTIONS

SEED = bytes(range(32))
MESSAGE = b"what was signed"
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def pointer(context: HostContext, data: bytes) -> int:
    return context.memory.give_fixed(data)


def call(context: HostContext, name: str, *arguments: int) -> int:
    return HOST_FUNCTIONS[f"ext_crypto_{name}"].call(context, *arguments)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("sr25519_verify_version_2", SR25519),
        ("ed25519_verify_version_1", ED25519),
        ("sr25519_batch_verify_version_1", SR25519),
        ("ed25519_batch_verify_version_1", ED25519),
    ],
)
def test_a_signature_is_right_for_its_message_and_key_only(
    context: HostContext, name: str, scheme: Scheme
) -> None:
    signature, public = scheme.sign(SEED, MESSAGE), scheme.public_of(SEED)

    def verify(signed: bytes, message: bytes, key: bytes) -> int:
        packed = context.memory.give(message)
        return call(context, name, pointer(context, signed), packed, pointer(context, key))

    assert verify(signature, MESSAGE, public)
    assert not verify(signature, MESSAGE + b"!", public)
    assert not verify(signature, MESSAGE, scheme.public_of(SEED[::-1]))
    assert not verify(bytes([signature[0] ^ 1]) + signature[1:], MESSAGE, public)


@pytest.mark.parametrize("verifies", [sr25519_verifies, ed25519_verifies])
@given(signature=st.binary(max_size=70), public=st.binary(max_size=40))
def test_no_bytes_at_all_make_verifying_fail_otherwise(verifies, signature, public) -> None:
    assert verifies(signature, MESSAGE, public) is False


def ecdsa(digest: bytes) -> tuple[bytes, bytes]:
    key = coincurve.PrivateKey(SEED[::-1])
    return key.sign_recoverable(digest, hasher=None), key.public_key.format()


def test_ecdsa_is_over_the_blake2_of_the_message(context: HostContext) -> None:
    signature, public = ecdsa(hashlib.blake2b(MESSAGE, digest_size=32).digest())

    for name in ("ecdsa_verify_version_2", "ecdsa_batch_verify_version_1"):
        for message, right in ((MESSAGE, True), (b"other", False)):
            packed = context.memory.give(message)
            where = pointer(context, signature), packed, pointer(context, public)
            assert bool(call(context, name, *where)) is right


def test_ecdsa_prehashed_is_over_the_digest_itself(context: HostContext) -> None:
    signature, public = ecdsa(SEED)

    for digest, right in ((SEED, True), (SEED[::-1], False)):
        where = (pointer(context, data) for data in (signature, digest, public))
        assert bool(call(context, "ecdsa_verify_prehashed_version_1", *where)) is right


def recover(context: HostContext, name: str, signature: bytes) -> bytes:
    where = pointer(context, signature), pointer(context, SEED)
    return context.memory.read(call(context, f"secp256k1_ecdsa_{name}", *where))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("offset", [0, 27], ids=["v from 0", "v from 27"])
def test_the_signer_is_recovered(context: HostContext, version: int, offset: int) -> None:
    signature, public = ecdsa(SEED)
    shifted = signature[:64] + bytes([signature[64] + offset])
    whole = coincurve.PublicKey(public).format(compressed=False)[1:]

    assert recover(context, f"recover_version_{version}", shifted) == b"\x00" + whole
    compressed = recover(context, f"recover_compressed_version_{version}", shifted)
    assert compressed == b"\x00" + public


@pytest.mark.parametrize(
    ("signature", "error"),
    [
        (bytes(64) + b"\x04", b"\x01\x01"),
        (ORDER.to_bytes(32, "big") + bytes(33), b"\x01\x00"),
        (bytes(32) + ORDER.to_bytes(32, "big") + b"\x00", b"\x01\x00"),
        (bytes(65), b"\x01\x02"),
    ],
    ids=["v", "r", "s", "nobody's"],
)
def test_what_is_wrong_with_a_signature_is_said(
    context: HostContext, signature: bytes, error: bytes
) -> None:
    assert recover(context, "recover_version_2", signature) == error


def test_version_1_takes_numbers_beyond_the_curves_order(context: HostContext) -> None:
    signature, public = ecdsa(SEED)
    r, rest = int.from_bytes(signature[:32], "big"), signature[32:]
    if r + ORDER >= 2**256:
        overflowing = ORDER.to_bytes(32, "big") + rest  # r = 0: nobody's, but not refused as r
        assert recover(context, "recover_version_1", overflowing) == b"\x01\x02"
        assert recover(context, "recover_version_2", overflowing) == b"\x01\x00"
    else:
        overflowing = (r + ORDER).to_bytes(32, "big") + rest
        result = recover(context, "recover_compressed_version_1", overflowing)
        assert result == b"\x00" + public


def test_a_batch_remembers_that_one_signature_was_wrong(context: HostContext) -> None:
    right, wrong = SR25519.sign(SEED, MESSAGE), SR25519.sign(SEED, b"other")
    public = SR25519.public_of(SEED)

    def batch(*signatures: bytes) -> int:
        call(context, "start_batch_verify_version_1")
        for signature in signatures:
            packed = context.memory.give(MESSAGE)
            where = pointer(context, signature), packed, pointer(context, public)
            call(context, "sr25519_batch_verify_version_1", *where)
        return call(context, "finish_batch_verify_version_1")

    assert batch(right, right)
    assert not batch(right, wrong, right)
    assert batch()


def test_finishing_a_batch_that_was_not_started_is_refused(context: HostContext) -> None:
    with pytest.raises(HostError, match="start_batch_verify"):
        crypto.finish_batch_version_1(context)


@pytest.mark.parametrize("scheme", [SR25519, ED25519], ids=lambda scheme: scheme.name)
def test_the_runtime_generates_lists_and_signs_with_the_nodes_keys(
    context: HostContext, scheme: Scheme
) -> None:
    kind = pointer(context, b"aura")
    made = call(context, f"{scheme.name}_generate_version_1", kind, context.memory.give(b"\x00"))
    public = context.memory.read_at(made, 32)

    listed = call(context, f"{scheme.name}_public_keys_version_1", kind)
    assert context.memory.read(listed) == b"\x04" + public

    packed = context.memory.give(MESSAGE)
    signed = call(context, f"{scheme.name}_sign_version_1", kind, made, packed)
    signature = context.memory.read(signed)
    verifies = {"sr25519": sr25519_verifies, "ed25519": ed25519_verifies}[scheme.name]
    assert signature[0] == 1
    assert verifies(signature[1:], MESSAGE, public)


def test_signing_with_a_key_of_another_kind_is_none(context: HostContext) -> None:
    public = context.keystore.insert(SR25519, b"aura", SEED)

    signed = call(
        context,
        "sr25519_sign_version_1",
        pointer(context, b"gran"),
        pointer(context, public),
        context.memory.give(MESSAGE),
    )

    assert context.memory.read(signed) == b"\x00"


def test_a_key_is_made_from_a_given_seed(context: HostContext) -> None:
    text = ("0x" + SEED.hex()).encode()
    seed = context.memory.give(b"\x01" + bytes([len(text) << 2 & 0xFF | 1, len(text) >> 6]) + text)

    made = call(context, "sr25519_generate_version_1", pointer(context, b"aura"), seed)

    assert context.memory.read_at(made, 32) == SR25519.public_of(SEED)


def test_a_seed_that_is_none_is_refused(context: HostContext) -> None:
    seed = context.memory.give(b"\x01\x08zz")

    with pytest.raises(HostError, match="no seed"):
        call(context, "sr25519_generate_version_1", pointer(context, b"aura"), seed)


def test_the_keystore_knows_its_keys() -> None:
    keystore = Keystore()
    public = keystore.insert(ED25519, b"gran", SEED)

    assert keystore.has(b"gran", public)
    assert not keystore.has(b"aura", public)
    with pytest.raises(ValueError, match="32 bytes"):
        keystore.insert(ED25519, b"gran", SEED[1:])
