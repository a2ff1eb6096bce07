"""A result folder is hostile until each of its files was looked at."""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from decentralml.learning.errors import (
    BadExampleCount,
    MalformedResult,
    MetricNotFinite,
    MissingFile,
    PickleRefused,
    ResultRefused,
    TooLarge,
    UnexpectedFile,
)
from decentralml.learning.limits import ResultLimits
from decentralml.learning.results import read_note, read_result
from decentralml.learning.weights import WeightsHeader, save_weights

Make = Callable[..., Path]


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "weights.safetensors"
    path.parent.mkdir()
    save_weights(path, {"a": np.ones(3, np.float32)}, WeightsHeader(examples=10))
    return path


def test_a_contributor_s_result_is_read(result_folder: Make, base_file: Path) -> None:
    folder = result_folder(**{"model-3f2a": base_file})
    result = read_result(folder)
    assert (result.examples, result.metrics) == (10, {"accuracy": 0.5})
    assert result.model == folder / "model-3f2a.keras"
    assert result.answers is None


def test_an_annotator_s_result_is_read(result_folder: Make) -> None:
    folder = result_folder(note={"examples": 2})
    (folder / "answers.jsonl").write_text('{"item": "a", "answer": "b"}\n')
    result = read_result(folder)
    assert (result.model, result.answers) == (None, folder / "answers.jsonl")
    assert result.metrics == {}


def test_weights_whose_header_agrees_are_read(result_folder: Make, weights_file: Path) -> None:
    assert read_result(result_folder(weights=weights_file)).examples == 10


def test_weights_whose_header_counts_other_examples_are_refused(
    result_folder: Make, weights_file: Path
) -> None:
    with pytest.raises(MalformedResult, match="different examples"):
        read_result(result_folder(note={"examples": 11}, weights=weights_file))


def test_weights_without_a_header_count_as_the_note_says(result_folder: Make) -> None:
    from safetensors.numpy import save_file

    folder = result_folder()
    save_file({"a": np.ones(3, np.float32)}, folder / "weights.safetensors")
    assert read_result(folder).examples == 10


def test_two_models_are_refused(result_folder: Make, base_file: Path) -> None:
    with pytest.raises(UnexpectedFile, match="2 models"):
        read_result(result_folder(a=base_file, b=base_file))


@pytest.mark.parametrize(
    "examples", [0, -1, True, 1.0, "5", None, [], 10_000_001, 10**39, {"a": 1}]
)
def test_a_count_that_is_none_is_refused(result_folder: Make, examples: Any) -> None:
    with pytest.raises(BadExampleCount, match="whole number from 1 to 10000000"):
        read_result(result_folder(note={"examples": examples}))


def test_a_difference_may_stand_in_place_of_a_model_and_not_beside_one(
    result_folder: Make, weights_file: Path
) -> None:
    folder = result_folder(update=weights_file)
    result = read_result(folder)
    assert (result.model, result.update) == (None, folder / "update.safetensors")
    with pytest.raises(UnexpectedFile, match="send one"):
        read_result(result_folder("both", update=weights_file, model=weights_file))


def test_what_the_strategy_asked_for_is_no_second_model(
    result_folder: Make, weights_file: Path
) -> None:
    folder = result_folder(strategy=weights_file, model=weights_file)
    result = read_result(folder)
    assert (result.model, result.extras) == (
        folder / "model.safetensors",
        folder / "strategy.safetensors",
    )


@pytest.mark.parametrize("examples", [1, 10_000_000])
def test_the_smallest_and_the_largest_count_pass(result_folder: Make, examples: int) -> None:
    assert read_result(result_folder(note={"examples": examples})).examples == examples


@pytest.mark.parametrize("metric", ["0.9", True, None, [0.9], {}])
def test_a_metric_that_is_no_number_is_refused(result_folder: Make, metric: Any) -> None:
    note = {"examples": 1, "metrics": {"accuracy": metric}}
    with pytest.raises(MetricNotFinite, match="'accuracy'"):
        read_result(result_folder(note=note))


NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,45})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?", fullmatch=True
)


@given(st.one_of(NUMBERS, st.sampled_from(["NaN", "Infinity", "-Infinity"])))
@example("9" * 40)
@example("9" * 41)
@example("1.7976931348623157e308")
@example("1.7976931348623159e308")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_number_stands_in_a_note_a_metric_that_is_read_is_finite(
    tmp_path: Path, number: str
) -> None:
    note = tmp_path / "result.json"
    note.write_text(f'{{"examples": 1, "metrics": {{"a": {number}}}}}')
    # Named for the note, not for the metric: such a number is refused while it is parsed.
    with contextlib.suppress(MalformedResult):
        _, metrics = read_note(note)
        assert math.isfinite(metrics["a"])


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"{",
        b"[]",
        b'{"examples": 1, "metrics": {"a": NaN}}',
        b'{"examples": 1, "metrics": {"a": 1e400}}',
        b'{"examples": 1, "metrics": []}',
        b'{"examples": 1, "more": 2}',
        b'{"examples": ' + b"9" * 5000 + b"}",
        b'{"a":' * 9 + b"1" + b"}" * 9,
        json.dumps({"examples": 1, "metrics": {"a" * 101: 1}}).encode(),
        b" " * 65_537,
    ],
)
def test_a_note_that_is_no_small_plain_object_is_refused(result_folder: Make, note: bytes) -> None:
    with pytest.raises(MalformedResult):
        read_result(result_folder(note=note))


def test_a_hundred_metrics_pass_and_one_more_is_refused(result_folder: Make) -> None:
    metrics = {f"m{index}": index for index in range(101)}
    with pytest.raises(TooLarge, match="metrics"):
        read_result(result_folder("more", {"examples": 1, "metrics": metrics}))
    del metrics["m100"]
    assert len(read_result(result_folder(note={"examples": 1, "metrics": metrics})).metrics) == 100


def test_a_result_without_a_note_or_a_folder_is_refused(
    result_folder: Make, tmp_path: Path
) -> None:
    folder = result_folder()
    (folder / "result.json").unlink()
    with pytest.raises(MissingFile, match=r"result\.json"):
        read_result(folder)
    with pytest.raises(MissingFile):
        read_note(folder / "result.json")
    with pytest.raises(MissingFile, match="nowhere"):
        read_result(tmp_path / "nowhere")


def test_a_link_in_place_of_a_file_or_the_folder_is_refused(
    result_folder: Make, tmp_path: Path
) -> None:
    folder = result_folder()
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(UnexpectedFile, match="link"):
        read_result(folder)
    (tmp_path / "alias").symlink_to(folder)
    with pytest.raises(MissingFile):
        read_result(tmp_path / "alias")


def test_a_pipe_is_refused_instead_of_waited_for(result_folder: Make) -> None:
    folder = result_folder()
    os.mkfifo(folder / "model.keras")
    with pytest.raises(UnexpectedFile, match="device"):
        read_result(folder)


def test_a_pickle_beside_a_sound_model_is_refused(result_folder: Make, base_file: Path) -> None:
    folder = result_folder(model=base_file)
    (folder / "extra").mkdir()
    (folder / "extra" / "notes.txt").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(PickleRefused, match=r"extra/notes\.txt"):
        read_result(folder)


def test_as_many_files_as_the_limit_pass_and_one_more_is_refused(result_folder: Make) -> None:
    folder = result_folder()
    (folder / "more.txt").touch()
    read_result(folder, ResultLimits(files=2))
    with pytest.raises(TooLarge, match="files"):
        read_result(folder, ResultLimits(files=1))


def test_as_many_bytes_as_the_limit_pass_and_one_more_is_refused(result_folder: Make) -> None:
    folder = result_folder()
    size = (folder / "result.json").stat().st_size
    read_result(folder, ResultLimits(total_bytes=size))
    with pytest.raises(TooLarge, match="bytes"):
        read_result(folder, ResultLimits(total_bytes=size - 1))


def test_folders_as_deep_as_the_limit_pass_and_one_deeper_is_refused(result_folder: Make) -> None:
    folder = result_folder()
    (folder / "a" / "b").mkdir(parents=True)
    read_result(folder, ResultLimits(depth=3))
    with pytest.raises(UnexpectedFile, match="deeper than 2"):
        read_result(folder, ResultLimits(depth=2))


@pytest.mark.parametrize("text", ["é" * 300, "line\nbreak\x1b[31m", "short"])
def test_a_reason_fits_on_chain(text: str) -> None:
    reason = UnexpectedFile(text).reason
    assert len(reason.encode()) <= 256
    assert reason.isprintable()
    assert reason.startswith("UnexpectedFile: ")
    assert isinstance(UnexpectedFile(text), ResultRefused)
