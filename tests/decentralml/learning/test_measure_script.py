"""A model's file measured by a script of the creator's own; the scripts here need no framework."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from decentralml.learning.errors import MeasureFailed
from decentralml.learning.measure import measuring


def folder_with(tmp_path: Path, script: str) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "evaluate_model.py").write_text(script)
    (folder / "beside.py").write_text("SIZE = 'size'")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"12345")
    return path


def test_the_last_line_s_figures_are_the_model_s(tmp_path: Path, model: Path) -> None:
    folder = folder_with(
        tmp_path,
        "import json, os, beside, pathlib\n"
        "size = pathlib.Path(os.environ['MODEL_PATH']).stat().st_size\n"
        "print('hello')\n"
        "here = pathlib.Path(os.environ['DATA_DIR']) == pathlib.Path.cwd()\n"
        "print(json.dumps({'examples': 3, beside.SIZE: size, 'here': float(here)}))\n",
    )
    assert measuring(folder)(model) == {"size": 5.0, "here": 1.0}


def test_a_diverged_model_s_loss_is_no_failure(tmp_path: Path, model: Path) -> None:
    measure = measuring(folder_with(tmp_path, "print('{\"loss\": NaN}')"))
    assert math.isnan(measure(model)["loss"])


@pytest.mark.parametrize(
    "script",
    [
        "raise SystemExit('the data is gone')",
        "import sys; sys.exit(3)",
        "print('fine')",
        "print('[1]')",
        "print('{}')",
        "print('{\"examples\": 3}')",
        'print(\'{"accuracy": "high"}\')',
        "print('{\"accuracy\": true}')",
        "",
    ],
)
def test_a_script_without_figures_is_named_with_the_model(
    tmp_path: Path, model: Path, script: str
) -> None:
    measure = measuring(folder_with(tmp_path, script))
    with pytest.raises(MeasureFailed, match=r"evaluate_model\.py gave no figures for model\.safet"):
        measure(model)


def test_what_the_script_said_is_told(tmp_path: Path, model: Path) -> None:
    with pytest.raises(MeasureFailed, match="the data is gone") as failed:
        measuring(folder_with(tmp_path, "raise SystemExit('the data\\nis gone')"))(model)
    assert failed.value.said == "the data is gone"
    assert failed.value.model == model
