"""Every host function by the name that a runtime imports it under. Nothing registers itself.

Signatures are those of sp-io 49 (polkadot-sdk 2609): `i` an i32, `I` an i64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pallets_mock.host import allocator, crypto, hashing, logging, misc, storage, trie
from pallets_mock.host.crypto import ecdsa_verifies
from pallets_mock.host.keystore import ED25519, SR25519
from pallets_mock.host.signatures import ed25519_verifies, sr25519_verifies


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A host function.

    Args:
        parameters: a letter an argument.
        result: a letter, or nothing.
        call: takes the `HostContext` and the arguments.
    """

    parameters: str
    result: str
    call: Callable[..., Any]


_F = HostFunction

_STORAGE = {
    "ext_storage_get_version_1": _F("I", "I", storage.get_version_1),
    "ext_storage_read_version_1": _F("IIi", "I", storage.read_version_1),
    "ext_storage_set_version_1": _F("II", "", storage.set_version_1),
    "ext_storage_clear_version_1": _F("I", "", storage.clear_version_1),
    "ext_storage_exists_version_1": _F("I", "i", storage.exists_version_1),
    "ext_storage_append_version_1": _F("II", "", storage.append_version_1),
    "ext_storage_clear_prefix_version_1": _F("I", "", storage.clear_prefix_version_1),
    "ext_storage_clear_prefix_version_2": _F("II", "I", storage.clear_prefix_version_2),
    "ext_storage_root_version_1": _F("", "I", storage.root_version_1),
    "ext_storage_root_version_2": _F("i", "I", storage.root_version_2),
    "ext_storage_changes_root_version_1": _F("I", "I", storage.changes_root_version_1),
    "ext_storage_next_key_version_1": _F("I", "I", storage.next_key_version_1),
    "ext_storage_start_transaction_version_1": _F("", "", storage.start_transaction_version_1),
    "ext_storage_rollback_transaction_version_1": _F(
        "", "", storage.rollback_transaction_version_1
    ),
    "ext_storage_commit_transaction_version_1": _F("", "", storage.commit_transaction_version_1),
}

_HASHING = {
    f"ext_hashing_{name}_{bits}_version_1": _F("I", "i", hashing.host_hash(function, bits))
    for name, bits, function in [
        ("twox", 64, hashing.twox),
        ("twox", 128, hashing.twox),
        ("twox", 256, hashing.twox),
        ("blake2", 128, hashing.blake2),
        ("blake2", 256, hashing.blake2),
        ("keccak", 256, hashing.keccak_hash),
        ("keccak", 512, hashing.keccak_hash),
        ("sha2", 256, hashing.sha2),
    ]
}

_TRIE = {
    "ext_trie_blake2_256_root_version_1": _F("I", "i", trie.root_version_1),
    "ext_trie_blake2_256_root_version_2": _F("Ii", "i", trie.root_version_2),
    "ext_trie_blake2_256_ordered_root_version_1": _F("I", "i", trie.ordered_root_version_1),
    "ext_trie_blake2_256_ordered_root_version_2": _F("Ii", "i", trie.ordered_root_version_2),
}

_VERIFYING = {
    "ext_crypto_ed25519_verify_version_1": _F("iIi", "i", crypto.verify(ed25519_verifies, 64, 32)),
    "ext_crypto_sr25519_verify_version_2": _F("iIi", "i", crypto.verify(sr25519_verifies, 64, 32)),
    "ext_crypto_ecdsa_verify_version_2": _F("iIi", "i", crypto.verify(ecdsa_verifies, 65, 33)),
    "ext_crypto_ecdsa_verify_prehashed_version_1": _F(
        "iii", "i", crypto.ecdsa_verify_prehashed_version_1
    ),
    "ext_crypto_ed25519_batch_verify_version_1": _F(
        "iIi", "i", crypto.verify_batched(ed25519_verifies, 64, 32)
    ),
    "ext_crypto_sr25519_batch_verify_version_1": _F(
        "iIi", "i", crypto.verify_batched(sr25519_verifies, 64, 32)
    ),
    "ext_crypto_ecdsa_batch_verify_version_1": _F(
        "iIi", "i", crypto.verify_batched(ecdsa_verifies, 65, 33)
    ),
    "ext_crypto_start_batch_verify_version_1": _F("", "", crypto.start_batch_version_1),
    "ext_crypto_finish_batch_verify_version_1": _F("", "i", crypto.finish_batch_version_1),
}

_RECOVERING = {
    f"ext_crypto_secp256k1_ecdsa_recover{suffix}_version_{version}": _F(
        "ii", "I", crypto.recover(compressed=compressed, overflowing=version == 1)
    )
    for suffix, compressed in [("", False), ("_compressed", True)]
    for version in (1, 2)
}

_SCHEMES = (ED25519, SR25519)

_KEYSTORE = (
    {
        f"ext_crypto_{scheme.name}_public_keys_version_1": _F("i", "I", crypto.public_keys(scheme))
        for scheme in _SCHEMES
    }
    | {
        f"ext_crypto_{scheme.name}_generate_version_1": _F("iI", "i", crypto.generate(scheme))
        for scheme in _SCHEMES
    }
    | {
        f"ext_crypto_{scheme.name}_sign_version_1": _F("iiI", "I", crypto.sign(scheme))
        for scheme in _SCHEMES
    }
)

_REST = {
    "ext_allocator_malloc_version_1": _F("i", "i", allocator.malloc_version_1),
    "ext_allocator_free_version_1": _F("i", "", allocator.free_version_1),
    "ext_logging_log_version_1": _F("iII", "", logging.log_version_1),
    "ext_logging_max_level_version_1": _F("", "i", logging.max_level_version_1),
    "ext_panic_handler_abort_on_panic_version_1": _F("I", "", logging.abort_on_panic_version_1),
    "ext_misc_print_num_version_1": _F("I", "", misc.print_num_version_1),
    "ext_misc_print_utf8_version_1": _F("I", "", misc.print_utf8_version_1),
    "ext_misc_print_hex_version_1": _F("I", "", misc.print_hex_version_1),
    "ext_misc_runtime_version_version_1": _F("I", "I", misc.runtime_version_version_1),
    "ext_offchain_index_set_version_1": _F("II", "", misc.index_set_version_1),
    "ext_offchain_index_clear_version_1": _F("I", "", misc.index_clear_version_1),
    "ext_offchain_submit_transaction_version_1": _F("I", "I", misc.submit_transaction_version_1),
}

HOST_FUNCTIONS: Mapping[str, HostFunction] = MappingProxyType(
    _STORAGE | _HASHING | _TRIE | _VERIFYING | _RECOVERING | _KEYSTORE | _REST
)
