"""A round's results into one model: sound ones count, hostile ones are refused by name."""

from __future__ import annotations

import json
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from decentralml.learning.compression import Compression, write_update
from decentralml.learning.errors import (
    CopiedWeights,
    EmptyRound,
    MissingFile,
    NotFinite,
    PickleRefused,
    ResultRefused,
    ShapeMismatch,
    StrategyFailed,
    UnsafeModel,
)
from decentralml.learning.federate import check_result, federate
from decentralml.learning.models import read_layers, write_like
from decentralml.learning.strategies import Memory, Rows
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.updates import InMemory
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


def deflated(folder: Path) -> None:
    """The same model, its zip packed: the arrays do not lie in the file as they are."""
    model = next(folder.glob("model*"))
    with zipfile.ZipFile(model) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(model, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def chunked(folder: Path) -> None:
    """The same model, its arrays in HDF5's packed chunks."""
    model, part = next(folder.glob("model*")), folder.parent / "chunked.h5"
    with zipfile.ZipFile(model) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    part.write_bytes(parts["model.weights.h5"])
    with h5py.File(part, "r+") as file:
        for name in read_layers(model):
            array = file[name][()]
            del file[name]
            file.create_dataset(name, data=array.astype(">f4"), chunks=True, compression="gzip")
    parts["model.weights.h5"] = part.read_bytes()
    with zipfile.ZipFile(model, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def behind_user_block(folder: Path) -> None:
    """The same model, its HDF5 part behind a block that HDF5 leaves to others."""
    model = next(folder.glob("model*"))
    plain, shifted = folder.parent / "plain.h5", folder.parent / "shifted.h5"
    with zipfile.ZipFile(model) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    plain.write_bytes(parts["model.weights.h5"])
    with h5py.File(plain) as old, h5py.File(shifted, "w", userblock_size=512) as new:
        new.attrs.update(old.attrs)
        for name in old:
            old.copy(name, new)
    parts["model.weights.h5"] = shifted.read_bytes()
    plain.unlink()
    shifted.unlink()
    with zipfile.ZipFile(model, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("repack", [deflated, chunked, behind_user_block])
def test_a_model_that_does_not_lie_plainly_in_its_file_counts_like_any_other(
    base_file: Path, deliver: Deliver, tmp_path: Path, repack: Callable[[Path], None]
) -> None:
    results = [deliver("ann", 2, 1), deliver("ben", 4, 1)]
    repack(results[1])
    federate(base_file, results, FedAvg(), tmp_path / "next.keras")
    for name, array in read_layers(base_file).items():
        np.testing.assert_allclose(read_layers(tmp_path / "next.keras")[name], array + 3, rtol=1e-5)
    assert {path.name for path in tmp_path.iterdir()} <= {"ann", "ben", "chunked.h5", "next.keras"}


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A model of two numbers."""
    base = tmp_path / "base.safetensors"
    save_weights(base, {"a": np.array([1, 2], np.float32)}, WeightsHeader(1))
    return base


def plain_result(base: Path, name: str, values: list[float], **further: list[float]) -> Path:
    """A result for ``plain``, with further files of the same kind."""
    folder = base.parent / name
    folder.mkdir()
    for stem, numbers in {"weights": values, **further}.items():
        array = np.array(numbers, np.float32)
        save_weights(folder / f"{stem}.safetensors", {"a": array}, WeightsHeader(1))
    (folder / "result.json").write_text('{"examples": 1}')
    return folder


def test_a_compressed_difference_counts_as_the_model_that_it_leads_to(plain: Path) -> None:
    change = plain.parent / "change"
    change.mkdir()
    new = {"a": np.array([5, 2], np.float32)}
    write_update(
        change / "update.safetensors", InMemory(read_layers(plain)), new, Compression("topk", 0.5)
    )
    (change / "result.json").write_text('{"examples": 1}')
    whole = plain_result(plain, "whole", [1, 4])
    report = federate(plain, [change, whole], FedAvg(), plain.with_name("next.safetensors"))
    assert report.refused == ()
    assert read_layers(report.model)["a"].tolist() == [3, 3]


def test_a_difference_and_a_whole_model_with_the_same_numbers_are_copies(plain: Path) -> None:
    whole, change = plain_result(plain, "whole", [1, 4]), plain.parent / "change"
    change.mkdir()
    write_update(
        change / "update.safetensors",
        InMemory(read_layers(plain)),
        read_layers(whole / "weights.safetensors"),
        Compression("int8"),
    )
    (change / "result.json").write_text('{"examples": 1}')
    report = federate(plain, [whole, change], FedAvg(), plain.with_name("next.safetensors"))
    assert [refusal.error.original for refusal in report.refused] == ["whole"]


def test_what_a_strategy_remembers_is_there_in_the_next_round_and_again_when_asked_again(
    plain: Path,
) -> None:
    strategy = FedAvgM(momentum=0.5, learning_rate=1.0)
    first, second = plain.with_name("first"), plain.with_name("second")
    results = [plain_result(plain, "ann", [2, 2])]
    one = plain.with_name("one.safetensors")
    federate(plain, results, strategy, one, memory=None, new_memory=first)
    assert read_layers(one)["a"].tolist() == [2, 2]
    remembered = first.read_bytes()
    for _ in range(2):
        two = plain.with_name("two.safetensors")
        federate(one, results, strategy, two, memory=first, new_memory=second)
        assert read_layers(two)["a"].tolist() == [2.5, 2]  # half of the first round's change
    assert first.read_bytes() == remembered


def test_a_round_that_fails_leaves_neither_model_nor_memory(plain: Path) -> None:
    class Broken(FedAvgM):
        def step(
            self, base: NDArray[np.float64], combined: NDArray[np.float64], memory: Memory
        ) -> NDArray[np.float64]:
            return combined * np.nan

    results = [plain_result(plain, "ann", [2, 2])]
    before = set(plain.parent.iterdir())
    with pytest.raises(StrategyFailed):
        federate(
            plain,
            results,
            Broken(),
            plain.with_name("next.safetensors"),
            new_memory=plain.with_name("memory"),
        )
    assert set(plain.parent.iterdir()) == before


def test_what_a_strategy_asked_for_comes_with_the_update(plain: Path) -> None:
    class SumOfExtras(FedAvg):
        def combine(self, rows: Rows, weights: NDArray[np.float64]) -> NDArray[np.float64]:
            assert rows.extras is not None
            return rows.extras.mean(weights) * len(rows)

    results = [
        plain_result(plain, "ann", [2, 2], strategy=[10, 0]),
        plain_result(plain, "ben", [3, 3], strategy=[1, 5]),
    ]
    report = federate(plain, results, SumOfExtras(), plain.with_name("next.safetensors"))
    assert read_layers(report.model)["a"].tolist() == [11, 5]


@pytest.mark.parametrize(
    ("extras", "error"), [([1, 2, 3], ShapeMismatch), ([1, float("inf")], NotFinite)]
)
def test_further_arrays_are_checked_as_the_model_is(
    plain: Path, extras: list[float], error: type[ResultRefused]
) -> None:
    eve = plain_result(plain, "eve", [2, 2])
    save_file({"a": np.array(extras, np.float32)}, eve / "strategy.safetensors")
    report = federate(
        plain,
        [plain_result(plain, "ann", [3, 3]), eve],
        FedAvg(),
        plain.with_name("next.safetensors"),
    )
    assert [type(refusal.error) for refusal in report.refused] == [error]


def test_a_contributor_is_called_as_the_caller_says(plain: Path) -> None:
    results = [plain_result(plain, name, [2, 2]) for name in ("1", "2")]
    report = federate(
        plain,
        results,
        FedAvg(),
        plain.with_name("next.safetensors"),
        contributor=lambda folder: {"1": "ann", "2": "eve"}[folder.name],
    )
    assert [refusal.error.original for refusal in report.refused] == ["ann"]


def test_more_results_than_descriptors_are_federated(plain: Path) -> None:
    results = [plain_result(plain, f"{number}", [number, 0]) for number in range(1, 201)]
    used = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, old[1]))
    try:
        report = federate(plain, results, FedAvg(), plain.with_name("next.safetensors"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, old)
    assert read_layers(report.model)["a"].tolist() == [100.5, 0]
