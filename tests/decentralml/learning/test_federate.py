"""A round's results into one model: sound ones count, hostile ones are refused by name."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from decentralml.learning.errors import (
    CopiedWeights,
    EmptyRound,
    MissingFile,
    NotFinite,
    PickleRefused,
    ResultRefused,
    ShapeMismatch,
    UnsafeModel,
)
from decentralml.learning.federate import check_result, federate
from decentralml.learning.models import read_layers, write_like
from decentralml.learning.strategies import Memory
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.weights import WeightsHeader, read_weights, save_weights


@pytest.fixture
def deliver(base_file: Path, tmp_path: Path) -> Callable[..., Path]:
    """A contributor's result: the base model with this much added to every weight."""

    def make(name: str, shift: float, examples: int, suffix: str = ".keras") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        layers = {key: array + np.float32(shift) for key, array in read_layers(base_file).items()}
        if suffix == ".keras":
            write_like(base_file, layers, folder / f"model-{name}.keras")
        else:
            save_weights(folder / f"weights-{name}{suffix}", layers, WeightsHeader(examples))
        (folder / "result.json").write_text(json.dumps({"examples": examples, "metrics": {}}))
        return folder

    return make


Deliver = Callable[..., Path]


def test_results_are_averaged_by_their_examples(
    base_file: Path, deliver: Deliver, tmp_path: Path
) -> None:
    results = [deliver("ann", 4, 100), deliver("ben", 0, 300)]
    report = federate(base_file, results, FedAvg(), tmp_path / "next.keras")
    base, federated = read_layers(base_file), read_layers(report.model)
    for name, array in base.items():
        np.testing.assert_allclose(federated[name], array + 1, rtol=1e-5)
    assert [result.folder for result in report.accepted] == results
    assert report.refused == ()
    assert report.examples == 400


def test_a_keras_and_a_safetensors_result_are_averaged_together(
    base_file: Path, deliver: Deliver, tmp_path: Path
) -> None:
    results = [deliver("ann", 2, 1), deliver("ben", 4, 1, ".safetensors")]
    federate(base_file, results, FedAvg(), tmp_path / "next.keras")
    for name, array in read_layers(base_file).items():
        np.testing.assert_allclose(read_layers(tmp_path / "next.keras")[name], array + 3, rtol=1e-5)


def test_a_safetensors_base_needs_no_keras(tmp_path: Path) -> None:
    base = tmp_path / "base.safetensors"
    save_weights(base, {"a": np.zeros(2, np.float32)}, WeightsHeader(1))
    folder = tmp_path / "result"
    folder.mkdir()
    save_weights(folder / "weights.safetensors", {"a": np.ones(2, np.float32)}, WeightsHeader(7))
    (folder / "result.json").write_text('{"examples": 7}')
    federate(base, [folder], FedAvg(), tmp_path / "next.safetensors")
    layers, header = read_weights(tmp_path / "next.safetensors")
    assert (layers["a"].tolist(), header.examples) == ([1, 1], 7)


def no_model(folder: Path) -> None:
    next(folder.glob("model*")).unlink()


def pickled(folder: Path) -> None:
    next(folder.glob("model*")).write_bytes(b"\x80\x04]\x94.")


def nan(folder: Path) -> None:
    change(folder, lambda array: array * np.nan)


def wrong_shape(folder: Path) -> None:
    change(folder, lambda array: array[..., :1])


def change(folder: Path, function: Callable[[Any], Any]) -> None:
    """Another weights file, of arrays that went through a function."""
    from safetensors.numpy import save_file

    model = next(folder.glob("model*"))
    layers = {name: np.array(function(array)) for name, array in read_layers(model).items()}
    model.unlink()
    save_file(layers, folder / "weights.safetensors")


def lambda_layer(folder: Path) -> None:
    model = next(folder.glob("model*"))
    with zipfile.ZipFile(model) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"Dropout"', b'"Lambda"')
    with zipfile.ZipFile(model, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (no_model, MissingFile),
        (pickled, PickleRefused),
        (nan, NotFinite),
        (wrong_shape, ShapeMismatch),
        (lambda_layer, UnsafeModel),
    ],
)
def test_a_hostile_result_is_refused_by_name_and_the_others_count(
    base_file: Path,
    deliver: Deliver,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    error: type[ResultRefused],
) -> None:
    hostile = deliver("eve", 1000, 9_000_000)
    spoil(hostile)
    results = [deliver("ann", 1, 10), hostile, deliver("ben", 3, 10)]
    report = federate(base_file, results, FedAvg(), tmp_path / "next.keras")
    assert [result.folder.name for result in report.accepted] == ["ann", "ben"]
    assert [(refusal.folder, type(refusal.error)) for refusal in report.refused] == [
        (hostile, error)
    ]
    assert report.refused[0].reason.startswith(error.__name__)
    for name, array in read_layers(base_file).items():
        np.testing.assert_allclose(read_layers(report.model)[name], array + 2, rtol=1e-5)


def test_the_later_of_two_equal_results_is_a_copy_even_in_another_format(
    base_file: Path, deliver: Deliver, tmp_path: Path
) -> None:
    results = [deliver("ann", 1, 10), deliver("eve", 1, 99, ".safetensors"), deliver("ben", 3, 10)]
    report = federate(base_file, results, FedAvg(), tmp_path / "next.keras")
    assert isinstance(report.refused[0].error, CopiedWeights)
    assert report.refused[0].error.original == "ann"
    assert report.examples == 20


def test_a_round_of_refused_results_writes_nothing(
    base_file: Path, deliver: Deliver, tmp_path: Path
) -> None:
    hostile = deliver("eve", 1, 1)
    nan(hostile)
    with pytest.raises(EmptyRound) as nothing:
        federate(base_file, [hostile], FedAvg(), tmp_path / "next.keras")
    assert [folder.name for folder in nothing.value.refused] == ["eve"]
    assert nothing.value.refused[hostile].startswith("NotFinite: ")
    assert not (tmp_path / "next.keras").exists()


def test_a_strategy_may_begin_from_the_round_s_model(
    base_file: Path, deliver: Deliver, tmp_path: Path
) -> None:
    class HalfWay(FedAvg):
        def step(
            self, base: NDArray[np.float64], combined: NDArray[np.float64], memory: Memory
        ) -> NDArray[np.float64]:
            return (base + combined) / 2

    federate(base_file, [deliver("ann", 2, 5)], HalfWay(), tmp_path / "next.keras")
    for name, array in read_layers(base_file).items():
        np.testing.assert_allclose(read_layers(tmp_path / "next.keras")[name], array + 1, rtol=1e-5)


def test_one_result_can_be_judged_alone(base_file: Path, deliver: Deliver) -> None:
    assert check_result(base_file, deliver("ann", 1, 10)).examples == 10
    hostile = deliver("eve", 1, 10)
    nan(hostile)
    with pytest.raises(NotFinite):
        check_result(base_file, hostile)
