"""A signature counts for its own account, challenge, task and chain, and for nothing else."""

from __future__ import annotations

import pytest
from substrateinterface import Keypair, KeypairType

from decentralml.compat.xain.identity import challenge_text, is_proved
from decentralml.types import AccountId, TaskId

GENESIS, TASK, CHALLENGE = "0xabc", TaskId(7), "1-2-3"


@pytest.mark.parametrize("scheme", [KeypairType.SR25519, KeypairType.ED25519])
def test_a_key_of_either_scheme_proves_its_account_and_no_other_words(scheme: int) -> None:
    words = Keypair.generate_mnemonic()
    key = Keypair.create_from_mnemonic(words, ss58_format=42, crypto_type=scheme)
    other = Keypair.create_from_uri("//Bob", ss58_format=42)
    signature = "0x" + bytes(key.sign(challenge_text(GENESIS, TASK, CHALLENGE))).hex()
    account = AccountId(key.ss58_address)

    assert is_proved(GENESIS, TASK, CHALLENGE, account, signature)
    assert not is_proved("0xabd", TASK, CHALLENGE, account, signature)
    assert not is_proved(GENESIS, TaskId(8), CHALLENGE, account, signature)
    assert not is_proved(GENESIS, TASK, "1-2-4", account, signature)
    assert not is_proved(GENESIS, TASK, CHALLENGE, AccountId(other.ss58_address), signature)


@pytest.mark.parametrize("account", ["", "5", "nobody", "5" * 48, "ü" * 48])
def test_what_is_no_account_proves_nothing(account: str) -> None:
    assert not is_proved(GENESIS, TASK, CHALLENGE, AccountId(account), "0x" + "00" * 64)


@pytest.mark.parametrize("signature", ["", "0x", "0xzz", "0x00", "0x" + "00" * 64, "ü"])
def test_what_is_no_signature_proves_nothing(signature: str) -> None:
    account = AccountId(Keypair.create_from_uri("//Bob", ss58_format=42).ss58_address)

    assert not is_proved(GENESIS, TASK, CHALLENGE, account, signature)
