"""Keys: encrypted files that other wallets wrote and read, and where passwords come from."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from nacl.hashlib import scrypt
from nacl.secret import SecretBox

from decentralml.chain import keyfile, keys
from decentralml.chain.keys import Keypair, KeyStore, derived_secret, find_password
from decentralml.errors import (
    InvalidKeyName,
    InvalidMnemonic,
    KeyExists,
    KeyFileError,
    KeyNotFound,
    MalformedKeyFile,
    PasswordMissing,
    WrongPassword,
)

WORDS = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
ADDRESS = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV"  # what polkadot-js makes of WORDS
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "polkadot_js_keys.json").read_text())


class RingInMemory(KeyringBackend):  # type: ignore[misc]
    """A key ring that no other test and no desktop sees."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[RingInMemory]:
    before, mine = keyring.get_keyring(), RingInMemory()
    monkeypatch.delenv("DECENTRALML_PASSWORD", raising=False)
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


@pytest.mark.parametrize("file", VECTORS["files"], ids=["sr25519", "ed25519"])
def test_a_file_of_polkadot_js_opens_and_signs(store: KeyStore, file: dict[str, Any]) -> None:
    keypair = store.import_json("elsewhere", json.dumps(file), VECTORS["password"])

    assert keypair.ss58_address == file["address"]
    assert keypair.verify(b"message", keypair.sign(b"message"))
    opened = store.unlock("elsewhere", VECTORS["password"])
    assert opened.verify(b"message", keypair.sign(b"message"))


def test_the_same_words_give_the_address_that_polkadot_js_gives(store: KeyStore) -> None:
    keypair = store.import_mnemonic("mine", f"  {WORDS}\n", "secret")
    assert keypair.ss58_address == ADDRESS


def test_an_exported_file_has_the_parameters_that_every_wallet_reads(store: KeyStore) -> None:
    store.import_mnemonic("mine", WORDS, "secret")
    file = json.loads(store.export("mine"))
    sealed = base64.b64decode(file["encoded"])

    parameters = [int.from_bytes(sealed[i : i + 4], "little") for i in (32, 36, 40)]
    assert parameters == [32768, 1, 8]
    assert file["encoding"] == {
        "content": ["pkcs8", "sr25519"],
        "type": ["scrypt", "xsalsa20-poly1305"],
        "version": "3",
    }
    assert file["meta"]["name"] == "mine"


def test_a_created_key_comes_back_from_its_words_alone(store: KeyStore) -> None:
    made, words = store.create("mine", "secret")
    assert len(words.split()) == 12
    assert store.import_mnemonic("again", words, "other").public_key == made.public_key
    assert store.unlock("mine", "secret").private_key == made.private_key


def test_nothing_secret_lies_in_the_file(store: KeyStore) -> None:
    made = store.import_mnemonic("mine", WORDS, "secret")
    raw = store.export("mine")
    assert "curtain" not in raw
    assert made.private_key.hex() not in raw
    assert base64.b64encode(made.private_key)[:20].decode() not in raw


def test_only_the_owner_reads_a_key_file_and_no_draft_is_left(store: KeyStore) -> None:
    store.create("mine", "secret")
    assert stat.S_IMODE((store.folder / "mine.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert [path.name for path in store.folder.iterdir()] == ["mine.json"]


def test_a_key_is_never_written_over_another(store: KeyStore) -> None:
    store.import_mnemonic("mine", WORDS, "secret")
    before = store.export("mine")
    with pytest.raises(KeyExists):
        store.create("mine", "secret")
    assert store.export("mine") == before
    assert [path.name for path in store.folder.iterdir()] == ["mine.json"]


def test_a_wrong_password_opens_nothing(store: KeyStore) -> None:
    store.create("mine", "secret")
    with pytest.raises(WrongPassword, match="mine"):
        store.unlock("mine", "Secret")


def test_a_file_that_does_not_open_is_not_imported(store: KeyStore) -> None:
    with pytest.raises(WrongPassword):
        store.import_json("elsewhere", json.dumps(VECTORS["files"][0]), "wrong")
    assert store.list() == []


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b", "x" * 65, "é"])
def test_a_name_cannot_leave_the_folder(store: KeyStore, name: str) -> None:
    with pytest.raises(InvalidKeyName):
        store.create(name, "secret")
    with pytest.raises(InvalidKeyName):
        store.export(name)


@pytest.mark.parametrize(
    "words", ["", "one two three", WORDS.replace("walk", "wall"), f"{WORDS} walk"]
)
def test_mistyped_words_are_refused_and_never_repeated(store: KeyStore, words: str) -> None:
    with pytest.raises(InvalidMnemonic) as refusal:
        store.import_mnemonic("mine", words, "secret")
    assert "obey" not in str(refusal.value)


def test_a_missing_key_is_named_with_how_to_make_it(store: KeyStore) -> None:
    with pytest.raises(KeyNotFound, match="keys create absent"):
        store.unlock("absent", "secret")


def _changed(**changes: Any) -> str:
    return json.dumps({**VECTORS["files"][0], **changes})


def _with_scrypt(n: int, p: int, r: int) -> str:
    sealed = bytearray(base64.b64decode(VECTORS["files"][0]["encoded"]))
    for place, value in ((32, n), (36, p), (40, r)):
        sealed[place : place + 4] = value.to_bytes(4, "little")
    return _changed(encoded=base64.b64encode(bytes(sealed)).decode())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no polkadot-js key file"),
        ("[1]", "no polkadot-js key file"),
        ("[" * 60_000, "no polkadot-js key file"),
        (" " * 70_000, "too large"),
        (_changed(encoding={"content": ["batch-pkcs8"], "type": [], "version": "3"}), "several"),
        (
            _changed(encoding={"content": ["pkcs8", "sr25519"], "type": ["none"], "version": "3"}),
            "not encrypted",
        ),
        (
            _changed(
                encoding={
                    "content": ["pkcs8", "ecdsa"],
                    "type": ["scrypt", "xsalsa20-poly1305"],
                    "version": "3",
                }
            ),
            "neither",
        ),
        (_changed(encoded="!!"), "damaged"),
        (_changed(encoded=7), "no polkadot-js key file"),
        (_changed(address="5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"), "another address"),
        (_changed(address="nonsense"), "no address"),
        (_with_scrypt(2**30, 1, 8), "no wallet uses"),
        (_with_scrypt(2**15, 1000, 8), "no wallet uses"),
        (_with_scrypt(0, 0, 0), "no wallet uses"),
    ],
)
def test_a_hostile_file_is_refused_by_what_is_wrong_with_it(
    store: KeyStore, text: str, why: str
) -> None:
    with pytest.raises(MalformedKeyFile, match=why):
        store.import_json("elsewhere", text, VECTORS["password"])


def test_a_file_cut_short_is_no_key(store: KeyStore) -> None:
    sealed = base64.b64decode(VECTORS["files"][0]["encoded"])
    cut = base64.b64encode(sealed[:60]).decode()
    with pytest.raises(KeyFileError):
        store.import_json("elsewhere", _changed(encoded=cut), VECTORS["password"])


def _sealed(plain: bytes) -> str:
    """A file that opens, with any content, as a hostile writer could make it."""
    salt, nonce = bytes(32), bytes(24)
    key = scrypt(b"secret", salt, n=2**13, r=8, p=10, dklen=32, maxmem=2**28)
    numbers = b"".join(value.to_bytes(4, "little") for value in (2**13, 10, 8))
    sealed = salt + numbers + nonce + SecretBox(key).encrypt(plain, nonce).ciphertext
    return _changed(encoded=base64.b64encode(sealed).decode())


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        (b"", "no key"),
        (b"x" * 117, "no key"),
        (keyfile._HEADER + bytes(64) + keyfile._DIVIDER + bytes(31), "no key"),
        (keyfile._HEADER + bytes(64) + b"12345" + bytes(32), "no key"),
        (keyfile._HEADER + bytes(64) + keyfile._DIVIDER + b"\x01" * 32, "halves do not fit"),
    ],
)
def test_a_file_that_opens_to_something_else_is_no_key(
    store: KeyStore, plain: bytes, why: str
) -> None:
    with pytest.raises(MalformedKeyFile, match=why):
        store.import_json("elsewhere", _sealed(plain), "secret")


def test_a_file_that_cannot_be_read_or_written_is_an_error_of_keys(
    store: KeyStore, tmp_path: Path
) -> None:
    store.create("mine", "secret")
    (store.folder / "mine.json").write_bytes(b"\xff\xfe")
    with pytest.raises(MalformedKeyFile):
        store.unlock("mine", "secret")
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="cannot be written"):
        KeyStore(tmp_path / "file" / "keys").create("mine", "secret")


def test_a_machine_without_a_key_ring_asks_the_person_and_says_what_else_there_is(
    store: KeyStore,
) -> None:
    from keyring.backends.fail import Keyring as NoRing

    store.import_mnemonic("mine", WORDS, "secret")
    info = store.info("mine")
    keyring.set_keyring(NoRing())
    assert find_password(info, lambda question: "typed") == "typed"
    keys.forget_password(info)
    with pytest.raises(KeyFileError, match="DECENTRALML_PASSWORD"):
        keys.remember_password(info, "secret")


def test_the_address_of_a_well_known_key_needs_no_chain() -> None:
    assert keys.well_known_address("//Bob") == "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
    with pytest.raises(InvalidKeyName):
        keys.well_known_address("Bob")


def test_the_list_names_keys_and_leaves_other_files_out(store: KeyStore) -> None:
    store.import_mnemonic("b", WORDS, "secret")
    store.import_json("a", json.dumps(VECTORS["files"][1]), VECTORS["password"])
    (store.folder / "notes.json").write_text("{}")

    found = store.list()

    assert [(key.name, key.address, key.scheme) for key in found] == [
        ("a", VECTORS["files"][1]["address"], "ed25519"),
        ("b", ADDRESS, "sr25519"),
    ]


def test_a_folder_that_does_not_exist_holds_no_keys(store: KeyStore) -> None:
    assert store.list() == []


def test_the_environment_comes_before_the_key_ring_before_the_person(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.import_mnemonic("mine", WORDS, "secret")
    info = store.info("mine")

    assert find_password(info, lambda question: f"asked {question}").startswith("asked ")
    keys.remember_password(info, "from the ring")
    assert find_password(info, None) == "from the ring"
    monkeypatch.setenv("DECENTRALML_PASSWORD", "from outside")
    assert find_password(info, None) == "from outside"


def test_a_forgotten_password_is_asked_for_again(store: KeyStore) -> None:
    store.import_mnemonic("mine", WORDS, "secret")
    info = store.info("mine")
    keys.remember_password(info, "secret")
    keys.forget_password(info)
    with pytest.raises(PasswordMissing, match="DECENTRALML_PASSWORD"):
        find_password(info, None)


def test_nobody_to_ask_is_an_error_that_says_how_to_give_it(store: KeyStore) -> None:
    store.import_mnemonic("mine", WORDS, "secret")
    with pytest.raises(PasswordMissing, match="keys remember mine"):
        find_password(store.info("mine"), None)


def test_a_secret_does_not_print_itself() -> None:
    from decentralml.chain.keyfile import Secret

    assert "1111" not in repr(Secret("sr25519", b"\x11" * 64, b"\x22" * 32))
    keypair = Keypair.create_from_mnemonic(WORDS)
    assert keypair.private_key.hex()[:8] not in repr(keypair)


# -- further secrets


def test_a_derived_secret_follows_from_the_key_and_from_what_it_is_for(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    made, _ = store.create("anna", "secret")
    other, _ = store.create("bob", "secret")
    secret = derived_secret(made, b"a use")
    assert len(secret) == 32
    assert secret not in bytes(made.private_key)
    assert derived_secret(made, b"another use") != secret
    assert derived_secret(other, b"a use") != secret


def test_words_and_file_give_the_same_derived_secret(tmp_path: Path) -> None:
    """What was made for one machine opens on another, whichever way the key came there."""
    store = KeyStore(tmp_path)
    made, words = store.create("anna", "secret")
    secret = derived_secret(made, b"a use")
    again = store.import_mnemonic("again", words, "another")
    store.import_json("moved", store.export("anna"), "secret")
    keys = [again, store.unlock("anna", "secret"), store.unlock("moved", "secret")]
    assert {derived_secret(key, b"a use") for key in keys} == {secret}


def test_a_key_of_another_wallet_gives_the_secret_that_its_words_give(tmp_path: Path) -> None:
    """sr25519, from the vectors of polkadot-js."""
    store = KeyStore(tmp_path)
    file = next(f for f in VECTORS["files"] if "sr25519" in f["encoding"]["content"])
    imported = store.import_json("wallet", json.dumps(file), VECTORS["password"])
    words = store.import_mnemonic("words", VECTORS["mnemonic"], "secret")
    assert imported.public_key == words.public_key
    assert derived_secret(imported, b"a use") == derived_secret(words, b"a use")
