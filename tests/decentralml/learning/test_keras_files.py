"""``.keras`` files as strangers make them: what is sound is read, all else refused by name."""

from __future__ import annotations

import contextlib
import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from decentralml.learning.errors import (
    ArchiveRefused,
    DtypeMismatch,
    LayerMismatch,
    MalformedModel,
    MissingFile,
    NotFinite,
    PickleRefused,
    ResultRefused,
    ShapeMismatch,
    TooLarge,
    UnsafeModel,
)
from decentralml.learning.frameworks import keras_weights
from decentralml.learning.limits import ModelLimits
from decentralml.learning.models import read_layers, read_template, same_structure, write_like

Spoil = Callable[..., Path]
KERNEL = "layers/dense/vars/0"


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_hdf5_is_read_or_refused_and_nothing_else_happens(
    base_file: Path, tmp_path: Path, seed: int
) -> None:
    with zipfile.ZipFile(base_file) as archive:
        data = bytearray(archive.read("model.weights.h5"))
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 3, 20])):
        # The structure lies in the first few thousand bytes, numbers mostly behind them.
        place = chance.randrange(chance.choice([4000, len(data)]))
        data[place] = chance.choice([0, 255, data[place] ^ 1 << chance.randrange(8)])
    path = tmp_path / "part.h5"
    path.write_bytes(data)
    with contextlib.suppress(ResultRefused):
        keras_weights.read_arrays(path, ModelLimits(), read_template(base_file))


def test_the_arrays_of_a_file_are_its_layers_without_the_optimizer_s(base_file: Path) -> None:
    layers = read_layers(base_file)
    assert {name: array.shape for name, array in layers.items()} == {
        "layers/conv2d/vars/0": (3, 3, 1, 2),
        "layers/conv2d/vars/1": (2,),
        "layers/batch_normalization/vars/0": (2,),
        "layers/batch_normalization/vars/1": (2,),
        "layers/batch_normalization/vars/2": (2,),
        "layers/batch_normalization/vars/3": (2,),
        "layers/dense/vars/0": (8, 3),
        "layers/dense/vars/1": (3,),
    }


def test_a_written_file_has_the_new_weights_and_the_old_structure(
    base_file: Path, tmp_path: Path
) -> None:
    layers = {name: array + 1 for name, array in read_layers(base_file).items()}
    out = tmp_path / "out.keras"
    write_like(base_file, layers, out)
    assert all((read_layers(out)[name] == layers[name]).all() for name in layers)
    assert zipfile.ZipFile(out).read("config.json") == zipfile.ZipFile(base_file).read(
        "config.json"
    )
    assert same_structure(base_file, out)
    assert list(tmp_path.iterdir()) == [out]


def test_a_file_of_another_kind_is_not_written(base_file: Path, tmp_path: Path) -> None:
    with pytest.raises(MalformedModel, match=r"must end in \.keras"):
        write_like(base_file, read_layers(base_file), tmp_path / "out.safetensors")


def test_layers_that_do_not_fit_are_not_written(base_file: Path, tmp_path: Path) -> None:
    with pytest.raises(LayerMismatch):
        write_like(base_file, {}, tmp_path / "out.keras")
    assert not list(tmp_path.iterdir())


def test_a_missing_file_and_an_unknown_suffix_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"no model\.keras"):
        read_layers(tmp_path / "model.keras")
    (tmp_path / "model.h5").touch()
    with pytest.raises(MalformedModel, match=r"none of \.keras"):
        read_layers(tmp_path / "model.h5")


# The zip


@pytest.mark.parametrize("part", ["config", "metadata", "weights"])
def test_a_zip_without_one_of_its_three_parts_is_refused(respun: Spoil, part: str) -> None:
    with pytest.raises(MalformedModel, match="has no"):
        read_layers(respun(**{part: None}))


def test_bytes_that_are_no_zip_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"PK\x03\x04 and then nothing of the kind")
    with pytest.raises(MalformedModel, match=r"no readable \.keras"):
        read_layers(path)


def test_a_flipped_bit_in_the_weights_is_found_by_the_checksum(respun: Spoil) -> None:
    path = respun()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(MalformedModel, match="CRC"):
        read_layers(path)


def test_a_zip_whose_layers_carry_files_is_refused(respun: Spoil) -> None:
    path = respun()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("assets/layers/lookup/vocabulary.txt", "/etc/passwd")
    with pytest.raises(UnsafeModel, match="assets"):
        read_layers(path)


def test_a_zip_with_a_foreign_entry_is_refused(respun: Spoil) -> None:
    path = respun()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil.py", "print('hello')")
    with pytest.raises(ArchiveRefused, match=r"\.\./evil\.py"):
        read_layers(path)


def test_a_zip_with_a_part_twice_is_refused(respun: Spoil) -> None:
    path = respun()
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")
    with pytest.raises(ArchiveRefused, match="twice"):
        read_layers(path)


def test_a_pickle_named_as_a_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"\x80\x04]\x94.")
    with pytest.raises(PickleRefused):
        read_layers(path)


def test_a_pickle_in_place_of_the_weights_is_refused(respun: Spoil) -> None:
    with pytest.raises(PickleRefused, match=r"model\.weights\.h5"):
        read_layers(respun(weights=b"\x80\x04]\x94."))


def test_weights_that_pack_a_hundred_times_smaller_are_refused(respun: Spoil) -> None:
    path = respun(weights=bytes(20 << 20), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveRefused, match="no weights do"):
        read_layers(path)


def test_a_zip_that_says_it_holds_ten_gigabytes_is_refused_unread(respun: Spoil) -> None:
    path = respun(weights=bytes(1 << 20), compression=zipfile.ZIP_DEFLATED)
    declare(path, 3 << 30)
    with pytest.raises(ArchiveRefused, match="unpacks to 3221"):
        read_layers(path)


def test_a_zip_that_holds_more_than_it_says_is_refused(respun: Spoil) -> None:
    path = respun(weights=bytes(1 << 20), compression=zipfile.ZIP_DEFLATED)
    declare(path, 5000)
    with pytest.raises(MalformedModel):
        read_layers(path)


def declare(path: Path, size: int) -> None:
    """Writes another unpacked size of the weights into the zip's directory."""
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"model.weights.h5"))
    struct.pack_into("<I", data, entry + 24, size)
    path.write_bytes(data)


def test_an_encrypted_part_and_an_unusual_packing_are_refused(respun: Spoil) -> None:
    path = respun()
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveRefused, match="encrypted"):
        read_layers(path)
    with pytest.raises(ArchiveRefused, match="unusual"):
        read_layers(respun("lzma.keras", compression=zipfile.ZIP_LZMA))


def test_a_file_at_the_limit_is_read_and_one_byte_above_is_refused(base_file: Path) -> None:
    size = base_file.stat().st_size
    read_layers(base_file, limits=ModelLimits(file_bytes=size))
    with pytest.raises(TooLarge, match="in bytes"):
        read_layers(base_file, limits=ModelLimits(file_bytes=size - 1))


def test_a_structure_longer_than_the_limit_is_refused(base_file: Path) -> None:
    with pytest.raises(TooLarge, match=r"config\.json"):
        read_layers(base_file, limits=ModelLimits(header_bytes=200))


@pytest.mark.parametrize("config", [b"{", b"[]", b"null", b"[" * 5000, b'{"a": NaN}'])
def test_a_structure_that_is_no_json_object_is_refused(respun: Spoil, config: bytes) -> None:
    with pytest.raises(MalformedModel, match=r"config\.json"):
        read_layers(respun(config=config))


# The structure

Config = dict[str, Any]


def lambda_layer(config: Config) -> None:
    code = {"class_name": "__lambda__", "config": {"value": "4wAAAA=="}}
    config["config"]["layers"].append(
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {"name": "lambda", "function": code},
            "registered_name": None,
        }
    )


def last(config: Config) -> Config:
    layer: Config = config["config"]["layers"][-1]
    return layer


def registered(config: Config) -> None:
    last(config)["registered_name"] = "my_package>Dense"


def other_module(config: Config) -> None:
    last(config).update(module="os", class_name="system")


def of_the_code_itself(config: Config) -> None:
    last(config).update(module="keras.src.utils.file_utils", class_name="get_file")


def without_module(config: Config) -> None:
    del last(config)["module"]


def activation_function(config: Config) -> None:
    last(config)["config"]["activation"] = {
        "module": "builtins",
        "class_name": "function",
        "config": "eval",
        "registered_name": "function",
    }


def custom_initializer(config: Config) -> None:
    last(config)["config"]["kernel_initializer"]["module"] = "my_module"


def in_build_config(config: Config) -> None:
    last(config)["build_config"] = {"class_name": "__lambda__", "config": {"value": "x"}}


def in_compile_config(config: Config) -> None:
    config["compile_config"]["loss"] = {
        "module": "builtins",
        "class_name": "function",
        "config": "my_loss",
        "registered_name": "my_loss",
    }


def function_in_a_metric(config: Config) -> None:
    config["compile_config"]["metrics"] = [{"fn": "print"}]


def reads_a_file(config: Config) -> None:
    last(config).update(class_name="StringLookup")


def torch_wrapper(config: Config) -> None:
    last(config).update(class_name="TorchModuleWrapper")


def typespec(config: Config) -> None:
    last(config)["config"]["activation"] = {
        "class_name": "__typespec__",
        "config": [],
        "module": "x",
    }


def disguised_tensor(config: Config) -> None:
    last(config)["config"]["activation"] = {
        "class_name": "__keras_tensor__",
        "config": {"shape": []},
    }


def no_model(config: Config) -> None:
    config["class_name"] = "Dense"


HOSTILE = [
    (lambda_layer, "Lambda"),
    (registered, "custom object 'my_package>Dense'"),
    (other_module, r"os\.system"),
    (of_the_code_itself, "get_file"),
    (without_module, "does not say what it is"),
    (activation_function, r"builtins\.function"),
    (custom_initializer, "my_module"),
    (in_build_config, "__lambda__"),
    (in_compile_config, r"builtins\.function"),
    (function_in_a_metric, "'fn'"),
    (reads_a_file, "StringLookup"),
    (torch_wrapper, "TorchModuleWrapper"),
    (typespec, "__typespec__"),
    (disguised_tensor, "tensor"),
    (no_model, "no Keras model"),
]


@pytest.mark.parametrize(
    ("spoil", "words"), HOSTILE, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_structure_that_could_execute_or_open_something_is_refused(
    respun: Spoil, base_config: Config, spoil: Callable[[Config], None], words: str
) -> None:
    spoil(base_config)
    with pytest.raises(UnsafeModel, match=words):
        read_layers(respun(config=json.dumps(base_config).encode()))


# The HDF5 part


def test_weights_that_are_no_hdf5_are_refused(respun: Spoil) -> None:
    with pytest.raises(MalformedModel, match="HDF5"):
        read_layers(respun(weights=b"no weights at all"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused_by_the_layer_s_name(
    with_weights: Spoil, value: float
) -> None:
    def spoil(file: Any) -> None:
        file[KERNEL][0, 0] = value

    with pytest.raises(NotFinite, match=KERNEL):
        read_layers(with_weights(spoil))


def test_other_shapes_types_and_names_than_the_round_s_model_are_refused(
    base_file: Path, with_weights: Spoil
) -> None:
    def replace_by(array: Any) -> Callable[[Any], None]:
        def spoil(file: Any) -> None:
            del file[KERNEL]
            if array is not None:
                file[KERNEL] = array

        return spoil

    template = read_template(base_file)
    with pytest.raises(ShapeMismatch):
        read_layers(with_weights(replace_by(np.zeros((3, 8), "f4"))), template)
    with pytest.raises(DtypeMismatch):
        read_layers(with_weights(replace_by(np.zeros((8, 3), "f8"))), template)
    with pytest.raises(LayerMismatch):
        read_layers(with_weights(replace_by(None)), template)
    with pytest.raises(LayerMismatch):
        read_layers(with_weights(replace_by(np.zeros((8, 3), "i4"))), template)


def external_link(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/layers/dense/vars/1")


def circle(file: Any) -> None:
    file["layers/again"] = file["layers"]


def root_again(file: Any) -> None:
    file["again"] = file["/"]


def same_array_twice(file: Any) -> None:
    file["layers/dense/vars/9"] = file[KERNEL]


def virtual(file: Any) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout((8, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8, 3))
    file.create_virtual_dataset(KERNEL, layout)


def external_storage(file: Any) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (8, 3), "f4", external=[("/etc/hostname", 0, 96)])


def text(file: Any) -> None:
    file["note"] = "hello"


def objects(file: Any) -> None:
    file.create_dataset("note", (2,), h5py.vlen_dtype(np.dtype("u1")))


def empty(file: Any) -> None:
    file["note"] = h5py.Empty("f4")


def named_type(file: Any) -> None:
    file["note"] = np.dtype("f4")


def plug_in(file: Any) -> None:
    file.create_dataset("packed", (4, 4), "f4", chunks=(2, 2), compression="lzf")


def deep(file: Any) -> None:
    file["/".join("a" * 20) + "/x"] = 1.0


@pytest.mark.parametrize(
    "spoil",
    [
        external_link,
        soft_link,
        circle,
        root_again,
        same_array_twice,
        virtual,
        external_storage,
        text,
        objects,
        empty,
        named_type,
        plug_in,
        deep,
    ],
)
def test_weights_that_point_elsewhere_or_are_no_plain_arrays_are_refused(
    with_weights: Spoil, spoil: Callable[[Any], None]
) -> None:
    with pytest.raises(UnsafeModel, match=r"in the weights|nest deeper"):
        read_layers(with_weights(spoil))


def test_weights_that_declare_more_than_the_limit_are_refused_unread(with_weights: Spoil) -> None:
    def huge(file: Any) -> None:
        file.create_dataset("huge", (1 << 31,), "f8", chunks=(1 << 16,))

    with pytest.raises(TooLarge, match="huge"):
        read_layers(with_weights(huge))


def test_more_layers_than_the_limit_are_refused(base_file: Path) -> None:
    assert len(read_layers(base_file, limits=ModelLimits(layers=8))) == 8
    with pytest.raises(TooLarge, match="layers"):
        read_layers(base_file, limits=ModelLimits(layers=7))


def test_compressed_weights_are_read(with_weights: Spoil, base_file: Path) -> None:
    kernel = read_layers(base_file)[KERNEL]

    def compress(file: Any) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, data=kernel, compression="gzip", shuffle=True)

    assert (read_layers(with_weights(compress))[KERNEL] == kernel).all()


def test_a_group_with_too_many_members_is_refused(
    with_weights: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowd(file: Any) -> None:
        for index in range(60):
            file.create_group(f"crowd/{index}")

    monkeypatch.setattr("decentralml.learning.frameworks.keras_weights._MAX_MEMBERS", 50)
    with pytest.raises(TooLarge, match="members"):
        read_layers(with_weights(crowd))
