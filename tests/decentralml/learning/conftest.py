"""Real Keras files to start from, and the means to spoil them."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import h5py
import numpy as np
import pytest

Spoil = Callable[..., Path]


@pytest.fixture(scope="session")
def keras() -> Any:
    return pytest.importorskip("keras")


@pytest.fixture(scope="session")
def base_file(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every common kind of layer for 4 x 4 images; 3 classes."""
    keras.utils.set_random_seed(7)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(2, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images = np.arange(96, dtype="float32").reshape(6, 4, 4, 1)
    model.fit(images, np.array([0, 1, 2, 0, 1, 2]), verbose=0)
    path = tmp_path_factory.mktemp("base") / "model.keras"
    model.save(path)
    return path


@pytest.fixture
def respun(base_file: Path, tmp_path: Path) -> Spoil:
    """The base file with some parts of its zip replaced; a value of None drops the part."""

    def spoil(
        name: str = "spoiled.keras", compression: int = zipfile.ZIP_STORED, **parts: bytes | None
    ) -> Path:
        names = {
            "config": "config.json",
            "metadata": "metadata.json",
            "weights": "model.weights.h5",
        }
        path = tmp_path / name
        with zipfile.ZipFile(base_file) as old, zipfile.ZipFile(path, "w", compression) as new:
            for short, long in names.items():
                data = parts.get(short, old.read(long))
                if data is not None:
                    new.writestr(long, data)
        return path

    return spoil


@pytest.fixture
def base_config(base_file: Path) -> dict[str, Any]:
    """The base file's structure, to be changed at will."""
    with zipfile.ZipFile(base_file) as archive:
        return json.loads(archive.read("config.json"))


@pytest.fixture
def with_weights(base_file: Path, respun: Spoil, tmp_path: Path) -> Spoil:
    """The base file with its HDF5 part changed by a function."""

    def spoil(change: Callable[[Any], None], name: str = "spoiled.keras") -> Path:
        part = tmp_path / "part.h5"
        with zipfile.ZipFile(base_file) as archive:
            part.write_bytes(archive.read("model.weights.h5"))
        with h5py.File(part, "r+") as file:
            change(file)
        return respun(name, weights=part.read_bytes())

    return spoil


@pytest.fixture
def result_folder(tmp_path: Path) -> Callable[..., Path]:
    """A result folder with this note and these files."""

    def make(name: str = "result", note: object = None, **files: Path) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        note = {"examples": 10, "metrics": {"accuracy": 0.5}} if note is None else note
        text = note if isinstance(note, bytes) else json.dumps(note).encode()
        (folder / "result.json").write_bytes(text)
        for stem, source in files.items():
            (folder / f"{stem}{source.suffix}").write_bytes(source.read_bytes())
        return folder

    return make
