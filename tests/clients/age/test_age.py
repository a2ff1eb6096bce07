"""Sealed files and age itself: each opens what the other sealed; and the format's own vectors.

Run by ``tests/clients/run.sh age``, which sets AGE_HOME to what ``scripts/build_age.sh`` made.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from decentralml.assets.sealing.errors import SealingError
from decentralml.assets.sealing.files import open_file, seal_file
from decentralml.assets.sealing.folders import open_folder, seal_folder
from decentralml.assets.sealing.keys import Identity, SealingKey, read_identities, write_identity

HOME = Path(os.environ["AGE_HOME"])
ROOM = 1 << 30
LENGTHS = [0, 1, 65535, 65536, 65537, 5_000_000]
KINDS = ("X25519",)  # stanzas that are opened here, besides those that mean nothing


def age(program: str, *arguments: object) -> bytes:
    command = [str(HOME / "bin" / program), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout


@pytest.mark.parametrize("length", LENGTHS)
def test_age_opens_what_is_sealed_here(tmp_path: Path, length: int) -> None:
    content, mine = os.urandom(length), Identity.new()
    (tmp_path / "plain").write_bytes(content)
    write_identity(tmp_path / "key", mine)
    seal_file(tmp_path / "plain", tmp_path / "sealed", mine.public)
    assert age("age", "--decrypt", "--identity", tmp_path / "key", tmp_path / "sealed") == content


@pytest.mark.parametrize("length", LENGTHS)
def test_what_age_seals_is_opened_here(tmp_path: Path, length: int) -> None:
    content, mine = os.urandom(length), Identity.new()
    (tmp_path / "plain").write_bytes(content)
    sealed = age("age", "--encrypt", "--recipient", mine.public, tmp_path / "plain")
    (tmp_path / "sealed").write_bytes(sealed)
    open_file(tmp_path / "sealed", tmp_path / "opened", mine, ROOM)
    assert (tmp_path / "opened").read_bytes() == content


def test_a_key_file_of_age_keygen_is_read_here(tmp_path: Path) -> None:
    age("age-keygen", "--output", tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    (identity,) = read_identities(tmp_path / "key")
    said = age("age-keygen", "-y", tmp_path / "key").decode().strip()
    assert SealingKey.parse(said) == identity.public


def test_a_folder_through_age_and_back(tmp_path: Path) -> None:
    """Opened by age and sealed by it again, as who keeps the key elsewhere may do."""
    mine, next_ = Identity.new(), Identity.new()
    write_identity(tmp_path / "key", mine)
    (tmp_path / "folder" / "result").mkdir(parents=True)
    (tmp_path / "folder" / "result" / "model").write_bytes(os.urandom(3_000_000))
    seal_folder(tmp_path / "folder", tmp_path / "sealed", mine.public)
    plain = age("age", "--decrypt", "--identity", tmp_path / "key", tmp_path / "sealed")
    (tmp_path / "plain").write_bytes(plain)
    again = age("age", "--encrypt", "--recipient", next_.public, tmp_path / "plain")
    (tmp_path / "again").write_bytes(again)
    open_folder(tmp_path / "again", tmp_path / "out", next_)
    models = [tmp_path / name / "result" / "model" for name in ("folder", "out")]
    assert models[0].read_bytes() == models[1].read_bytes()


@dataclass(frozen=True)
class Vector:
    """A file of the format's own, and what must become of it."""

    said: dict[str, str]
    data: bytes

    @classmethod
    def read(cls, path: Path) -> Vector:
        head, data = path.read_bytes().split(b"\n\n", 1)
        said = dict(line.split(": ", 1) for line in head.decode().splitlines())
        return cls(said, zlib.decompress(data) if "compressed" in said else data)

    @property
    def is_ours(self) -> bool:
        """Whether it is for X25519 keys alone, as all that is sealed for a task."""
        lines = self.data.split(b"\n---", 1)[0].split(b"\n")
        kinds = [line[3:].split(b" ")[0].decode() for line in lines if line.startswith(b"-> ")]
        return "armored" not in self.said and all(kind in KINDS for kind in kinds)


VECTORS = {path.name: Vector.read(path) for path in sorted((HOME / "vectors").iterdir())}


def test_there_are_vectors_of_both_ends() -> None:
    opened = [v for v in VECTORS.values() if v.is_ours and v.said["expect"] == "success"]
    assert len(opened) >= 10
    assert len(VECTORS) >= 120


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_of_the_format_is_opened_or_refused_by_name(tmp_path: Path, name: str) -> None:
    """What is for other keys than ours, or for a password, is refused although age may open it."""
    vector = VECTORS[name]
    secret = vector.said.get("identity", "")
    identity = Identity(secret) if secret.startswith("AGE-SECRET-KEY-1") else Identity.new()
    (tmp_path / "sealed").write_bytes(vector.data)
    if vector.is_ours and vector.said["expect"] == "success":
        open_file(tmp_path / "sealed", tmp_path / "opened", identity, ROOM)
        digest = hashlib.sha256((tmp_path / "opened").read_bytes()).hexdigest()
        assert digest == vector.said["payload"]
    else:
        with pytest.raises(SealingError):
            open_file(tmp_path / "sealed", tmp_path / "opened", identity, ROOM)
