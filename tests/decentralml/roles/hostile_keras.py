"""``.keras`` files that nobody trained: made by hand, since no library would write them."""

from __future__ import annotations

import codecs
import json
import marshal
import zipfile
import zlib
from pathlib import Path
from typing import Any


def with_a_lambda(path: Path) -> None:
    """A model as Keras saves it, whose second layer is a function of its author."""
    code = marshal.dumps((lambda x: __import__("os").abort()).__code__)
    function = {
        "class_name": "__lambda__",
        "config": {
            "code": codecs.encode(code, "base64").decode(),
            "defaults": None,
            "closure": None,
        },
    }
    layers = [
        _object("InputLayer", {"batch_shape": [None, 2], "dtype": "float32", "name": "input"}),
        _object("Lambda", {"name": "lambda", "function": function, "arguments": {}}),
    ]
    sequential = _object("Sequential", {"name": "sequential", "layers": layers}, "keras")
    with zipfile.ZipFile(path, "w") as archive:
        _write_json_parts(archive, sequential)
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")


def that_unpacks_to_ten_gibibytes(path: Path) -> None:
    """A model of ten MiB whose weights are ten GiB of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(64 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    weights = zipfile.ZipInfo("model.weights.h5")
    with zipfile.ZipFile(path, "w") as archive:
        _write_json_parts(archive, _object("Sequential", {"name": "s", "layers": []}, "keras"))
        # After a full flush a block can stand anywhere: 160 of them, then the stream's end.
        archive.writestr(weights, block * 160 + packer.flush())
        # Only the directory, which is written last and is what counts, calls the part packed.
        weights.compress_type, weights.file_size = zipfile.ZIP_DEFLATED, 10 << 30


def _object(name: str, config: dict[str, Any], module: str = "keras.layers") -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def _write_json_parts(archive: zipfile.ZipFile, structure: dict[str, Any]) -> None:
    archive.writestr("metadata.json", json.dumps({"keras_version": "3.12.0"}))
    archive.writestr("config.json", json.dumps(structure))
