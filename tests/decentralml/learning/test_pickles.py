"""A pickle is refused wherever it is, and never read."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.errors import PickleRefused
from decentralml.learning.pickles import refuse_pickles


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_any_protocol_is_refused_whatever_its_name(
    tmp_path: Path, protocol: int
) -> None:
    sprung = tmp_path / "sprung"
    file = tmp_path / "model.keras"
    file.write_bytes(pickle.dumps(Trap(sprung), protocol))
    with pytest.raises(PickleRefused, match=r"model\.keras is a pickle"):
        refuse_pickles(file)
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["a.pkl", "a.PICKLE", "a.pt", "a.joblib"])
def test_a_pickle_s_name_is_refused_whatever_it_holds(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"")
    with pytest.raises(PickleRefused, match="name"):
        refuse_pickles(file)


@pytest.mark.parametrize("inner", ["data", "archive/data.pkl"])
def test_a_pickle_within_a_zip_is_refused(tmp_path: Path, inner: str) -> None:
    file = tmp_path / "model.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.mkdir("archive") if hasattr(archive, "mkdir") else None
        archive.writestr(inner, pickle.dumps([1]))
    with pytest.raises(PickleRefused, match=inner):
        refuse_pickles(file)


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(PickleRefused, match="Python objects"):
        refuse_pickles(file)


def test_an_array_whose_header_cannot_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    file.write_bytes(b"\x93NUMPY\x01\x00\x05\x00{'a':")
    with pytest.raises(PickleRefused):
        refuse_pickles(file)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_of_numbers_passes(tmp_path: Path, version: tuple[int, int]) -> None:
    file, memory = tmp_path / "a.npy", io.BytesIO()
    np.lib.format.write_array(memory, np.ones(3), version)
    file.write_bytes(memory.getvalue())
    refuse_pickles(file)


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\x80\x06", b'{"examples": 1}', b"c", b"ccc\n", b"caf\xe9 au lait\nx\n"]
)
def test_other_bytes_pass(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(data)
    refuse_pickles(file)


def test_a_zip_of_numbers_passes(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, a=np.ones(3))
    refuse_pickles(file)


def test_a_broken_zip_is_left_to_its_reader(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, a=np.ones(300))
    data = bytearray(file.read_bytes())
    data[60:200] = bytes(140)
    file.write_bytes(data)
    refuse_pickles(file)
