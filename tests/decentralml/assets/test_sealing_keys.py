"""Keys to seal for: as text, as bytes, in files; and those to which nothing may be sealed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.assets.sealing.errors import InvalidSealingKey, SealingFileUnusable
from decentralml.assets.sealing.keys import (
    Identity,
    SealingKey,
    find,
    is_sound,
    read_identities,
    write_identity,
)

# As age-keygen 1.3.2 wrote them.
SECRET = "AGE-SECRET-KEY-120KYUMGLMMFGAQ62KKF5WSXLL9VUCK9N84C92T7ERDC3VGAW5EHQFPNDXW"
PUBLIC = "age1zrjwc47wz9pgauk4eyhkncr0870d5j9qgmjflvlrz3dr28pqyucs6quhxr"
P = 2**255 - 19
SMALL = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    P - 1,
    P,
    P + 1,
]


def test_the_public_half_is_the_one_that_age_says() -> None:
    assert str(Identity(SECRET).public) == PUBLIC


@given(st.binary(min_size=32, max_size=32).filter(is_sound))
def test_a_key_survives_being_written(raw: bytes) -> None:
    assert SealingKey.parse(str(SealingKey(raw))).raw == raw


@given(st.binary(min_size=32, max_size=32))
def test_any_32_bytes_are_a_secret_key_that_survives_being_written(secret: bytes) -> None:
    identity = Identity.of(secret)
    assert Identity(identity.export()).public == identity.public == Identity.of(secret).public


def test_new_keys_differ() -> None:
    assert Identity.new().public != Identity.new().public


@pytest.mark.parametrize(
    "text",
    [
        "",
        "age1",
        PUBLIC[:-1],
        PUBLIC[:-1] + "q",  # its check does not fit
        PUBLIC.capitalize(),  # upper and lower case
        SECRET,
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",  # another kind of bech32
        "ssh-ed25519 AAAA",
        "age1é",
    ],
)
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidSealingKey):
        SealingKey.parse(text)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    assert not is_sound(bytes([9]) * length)
    with pytest.raises(InvalidSealingKey, match=f"{length} bytes"):
        SealingKey(bytes([9]) * length)


@pytest.mark.parametrize("top_bit", [0, 1 << 255])
@pytest.mark.parametrize("number", SMALL)
def test_a_key_that_everybody_can_open_is_refused(number: int, top_bit: int) -> None:
    raw = (number | top_bit).to_bytes(32, "little")
    assert not is_sound(raw)
    with pytest.raises(InvalidSealingKey, match="everybody"):
        SealingKey(raw)


@pytest.mark.parametrize("number", [2, 9, P - 2, P + 2])
def test_the_neighbours_of_those_are_keys(number: int) -> None:
    assert is_sound(number.to_bytes(32, "little"))


@pytest.mark.parametrize("text", ["", SECRET[:-1], SECRET[:-1] + "Q", SECRET.lower(), PUBLIC])
def test_a_text_that_is_no_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="no secret key") as refused:
        Identity(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("length", [31, 33])
def test_a_secret_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Identity.of(bytes(length))


def test_a_secret_is_not_shown_by_accident() -> None:
    identity = Identity(SECRET)
    assert SECRET not in repr(identity)
    assert PUBLIC in repr(identity)


def test_the_key_that_opens_is_found_among_several() -> None:
    mine, other = Identity.new(), Identity.new()
    assert find([other, mine], mine.public) is mine
    assert find([other], mine.public) is None


def test_a_written_key_is_read_again_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_identity(tmp_path / "key", Identity(SECRET))
    finally:
        os.umask(before)
    assert [identity.export() for identity in read_identities(tmp_path / "key")] == [SECRET]
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert PUBLIC in (tmp_path / "key").read_text()


def test_a_key_is_never_written_over_another(tmp_path: Path) -> None:
    write_identity(tmp_path / "key", Identity(SECRET))
    with pytest.raises(SealingFileUnusable, match="exists"):
        write_identity(tmp_path / "key", Identity.new())
    assert read_identities(tmp_path / "key")[0].export() == SECRET


def a_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_file_may_hold_several_keys_and_remarks(tmp_path: Path) -> None:
    second = Identity.new()
    file = a_file(tmp_path, f"# mine\n\n{SECRET}\n  {second.export()}  \n".encode())
    assert [i.export() for i in read_identities(file)] == [SECRET, second.export()]


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o644])
def test_a_file_that_everybody_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SealingFileUnusable, match="chmod 600"):
        read_identities(a_file(tmp_path, SECRET.encode(), mode))


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_file_of_its_owner_and_group_is_read(tmp_path: Path, mode: int) -> None:
    assert len(read_identities(a_file(tmp_path, SECRET.encode(), mode))) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# nothing\n",
        SECRET.encode() + b"\nage1other\n",
        SECRET[:-1].encode(),
        b"age-encryption.org/v1\n-> scrypt \xff\n",
        SECRET.encode() + b"\n" + b"#" * (64 << 10),
    ],
)
def test_a_file_of_anything_else_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(SealingFileUnusable) as refused:
        read_identities(a_file(tmp_path, content))
    assert "SECRET-KEY-120K" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SealingFileUnusable, match="nowhere"):
        read_identities(tmp_path / "nowhere")
