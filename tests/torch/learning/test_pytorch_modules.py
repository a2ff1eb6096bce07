"""PyTorch modules ⇄ arrays, with real modules and files that real PyTorch wrote."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from decentralml.learning.errors import (
    DtypeMismatch,
    FrameworkMissing,
    LayerMismatch,
    MalformedModel,
    MissingFile,
    NotFinite,
    PickleRefused,
    ShapeMismatch,
    TooLarge,
)
from decentralml.learning.federate import federate
from decentralml.learning.frameworks import pytorch
from decentralml.learning.layers import fingerprint
from decentralml.learning.limits import ModelLimits
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.weights import WeightsHeader

Save = Callable[..., Path]


class Scaled(nn.Module):
    """Every kind of entry: parameters, a 0-d one, float and whole-number buffers, one unsaved."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten())
        self.head = nn.Linear(2 * 4, 3).double()
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.register_buffer("seen", torch.tensor([1, 2, 3]))
        self.register_buffer("mask", torch.tensor([True, False]))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(images).double()) * self.scale


@pytest.fixture
def module() -> Scaled:
    torch.manual_seed(3)
    return Scaled()


@pytest.fixture
def saved(module: Scaled, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    pytorch.save_model(module, path)
    return path


def test_floating_point_entries_are_the_layers_by_their_names(module: Scaled) -> None:
    assert {name: str(a.dtype) for name, a in pytorch.state_layers(module).items()} == {
        "scale": "float32",
        "body.0.weight": "float32",
        "body.0.bias": "float32",
        "body.1.weight": "float32",
        "body.1.bias": "float32",
        "body.1.running_mean": "float32",
        "body.1.running_var": "float32",
        "head.weight": "float64",
        "head.bias": "float64",
    }


def test_the_layers_are_copies(module: Scaled) -> None:
    layers = pytorch.state_layers(module)
    layers["scale"][...] = 99
    assert module.scale.item() == 1.5


def test_what_goes_in_comes_out_also_after_training_changed_the_running_statistics(
    module: Scaled,
) -> None:
    other = Scaled()
    other.train()
    other(torch.rand(5, 1, 4, 4))
    pytorch.load_layers(module, pytorch.state_layers(other))
    assert fingerprint(pytorch.state_layers(module)) == fingerprint(pytorch.state_layers(other))
    assert module.body[1].num_batches_tracked.item() == 0, "whole numbers stay the module's own"


def test_a_module_in_channels_last_memory_has_the_same_layers(module: Scaled) -> None:
    before = fingerprint(pytorch.state_layers(module))
    module.to(memory_format=torch.channels_last)
    assert fingerprint(pytorch.state_layers(module)) == before


@given(st.lists(st.integers(0, 5), max_size=3), st.sampled_from(["float16", "float32", "float64"]))
def test_any_shape_and_type_survives_the_way_there_and_back(shape: list[int], dtype: str) -> None:
    module = nn.Module()
    numbers = np.random.default_rng(1).normal(size=shape).astype(dtype)
    module.register_buffer("numbers", torch.zeros(shape, dtype=getattr(torch, dtype)))
    pytorch.load_layers(module, {"numbers": numbers})
    back = pytorch.state_layers(module)["numbers"]
    assert back.dtype == numbers.dtype
    assert back.shape == numbers.shape
    assert (back == numbers).all()


def change(layers: dict[str, np.ndarray], kind: str) -> type[Exception]:
    weight = layers["head.weight"]
    if kind == "missing":
        del layers["head.weight"]
        return LayerMismatch
    if kind == "unknown":
        layers["tail"] = weight
        return LayerMismatch
    if kind == "shape":
        layers["head.weight"] = weight.T
        return ShapeMismatch
    if kind == "type":
        layers["head.weight"] = weight.astype("float32")
        return DtypeMismatch
    weight[0, 0] = np.nan
    return NotFinite


@pytest.mark.parametrize("kind", ["missing", "unknown", "shape", "type", "not finite"])
def test_layers_that_do_not_fit_change_nothing(module: Scaled, kind: str) -> None:
    before = fingerprint(pytorch.state_layers(module))
    layers = {name: array + 1 for name, array in pytorch.state_layers(module).items()}
    with pytest.raises(change(layers, kind)):
        pytorch.load_layers(module, layers)
    assert fingerprint(pytorch.state_layers(module)) == before


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.complex64])
def test_a_number_type_that_arrays_do_not_have_is_named_and_never_cast(dtype: torch.dtype) -> None:
    module = nn.Module()
    module.register_buffer("numbers", torch.zeros(2, dtype=dtype))
    with pytest.raises(ValueError, match=r"'numbers' is (bfloat16|complex64)"):
        pytorch.state_layers(module)


def test_a_saved_module_is_read_back(module: Scaled, saved: Path) -> None:
    torch.manual_seed(4)
    other = pytorch.load_model_safely(Scaled(), saved)
    assert fingerprint(pytorch.state_layers(other)) == fingerprint(pytorch.state_layers(module))


def test_saving_under_another_suffix_is_refused(module: Scaled, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must end in"):
        pytorch.save_model(module, tmp_path / "model.pt")


class Exploit:
    """Unpickling one makes a file: how a test sees that code ran."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> object:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "model.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_save_writes_is_refused_under_any_name_and_runs_nothing(
    tmp_path: Path, name: str, zipped: bool
) -> None:
    mark = tmp_path / "it ran"
    path = tmp_path / name
    torch.save({"weight": torch.zeros(2), "more": Exploit(mark)}, path,
               _use_new_zipfile_serialization=zipped)  # fmt: skip
    with pytest.raises(PickleRefused):
        pytorch.load_model_safely(nn.Linear(1, 2), path)
    assert not mark.exists()
    torch.load(path.rename(tmp_path / "as it is"), weights_only=False)
    assert mark.exists(), "the file is as hostile as it should be"


def test_a_bare_pickle_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Exploit(tmp_path / "mark")))
    with pytest.raises(PickleRefused):
        pytorch.load_model_safely(nn.Linear(1, 2), path)


def test_a_file_that_is_not_there_or_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        pytorch.load_model_safely(nn.Linear(1, 2), tmp_path / "none.safetensors")
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    with pytest.raises(MalformedModel, match=r"model\.onnx"):
        pytorch.load_model_safely(nn.Linear(1, 2), tmp_path / "model.onnx")


def test_a_file_larger_than_the_limit_is_refused_before_it_is_read(
    module: Scaled, saved: Path
) -> None:
    size = saved.stat().st_size
    pytorch.load_model_safely(module, saved, ModelLimits(file_bytes=size))
    with pytest.raises(TooLarge):
        pytorch.load_model_safely(module, saved, ModelLimits(file_bytes=size - 1))


def test_files_of_safetensors_own_writer_are_read(module: Scaled, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({n: torch.from_numpy(a) for n, a in pytorch.state_layers(module).items()}, path)
    pytorch.load_model_safely(Scaled(), path)


def test_modules_are_federated_as_any_other_model(tmp_path: Path) -> None:
    base, results = tmp_path / "base.safetensors", []
    pytorch.save_model(nn.Linear(1, 1), base)
    for number, (weight, examples) in enumerate([(1.0, 10), (4.0, 20)]):
        folder = tmp_path / f"result-{number}"
        folder.mkdir()
        module = nn.Linear(1, 1)
        pytorch.load_layers(
            module, {"weight": np.full((1, 1), weight, "f4"), "bias": np.zeros(1, "f4")}
        )
        pytorch.save_model(module, folder / "model-a.safetensors", WeightsHeader(examples))
        (folder / "result.json").write_text(f'{{"examples": {examples}, "metrics": {{}}}}')
        results.append(folder)
    out = tmp_path / "next.safetensors"
    federate(base, results, FedAvg(), out)
    federated = pytorch.load_model_safely(nn.Linear(1, 1), out)
    assert federated.weight.item() == 3.0  # (1 * 10 + 4 * 20) / 30


def test_predictions_are_those_of_evaluation_mode_and_leave_the_mode_as_it_was() -> None:
    module = nn.Sequential(nn.Dropout(0.5), nn.Identity())
    module.train()
    inputs = np.arange(7, dtype="float32").reshape(7, 1)
    assert (pytorch.predict(module, inputs, batch_size=3) == inputs).all()
    assert module.training


def test_without_torch_installed_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(FrameworkMissing, match=r"pip install 'decentralml\[torch\]'"):
        pytorch.import_torch()
