"""The Keras task folder's compressed updates: the very files that the creator's side reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from assets_templates.mnist.job import Job
from assets_templates.mnist.model import template_function
from decentralml.learning.compression import METHODS, Compression, write_update
from decentralml.learning.decompression import open_update
from decentralml.learning.federate import federate
from decentralml.learning.layers import Layers
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.updates import InMemory, read_whole

Arrays = dict[str, np.ndarray]
Run = Callable[..., Any]


def model(seed: int) -> Arrays:
    random = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"kernel": (20, 30), "bias": (30,), "scale": ()}
    return {
        name: np.asarray(random.standard_normal(shape), np.float32)
        for name, shape in shapes.items()
    }


BEFORE, AFTER = model(1), model(2)


@pytest.fixture
def place(tmp_path: Path) -> Any:
    """Where a contributor's script works."""
    result, state = tmp_path / "result", tmp_path / "state"
    result.mkdir()
    return template_function("task", "Place")(
        tmp_path, result, None, 1, "ann", strategy=None, state=state
    )


def save(place: Any, after: Arrays, method: str, fraction: float = 0.1) -> Path:
    return template_function("compress", "save_update")(place, BEFORE, after, method, fraction)


@pytest.mark.parametrize("method", METHODS)
def test_the_file_is_the_one_that_the_package_writes(
    place: Any, tmp_path: Path, method: str
) -> None:
    here, there = save(place, AFTER, method), tmp_path / "update.safetensors"
    write_update(there, InMemory(BEFORE), AFTER, Compression(method, 0.1))
    found, expected = load_file(here), load_file(there)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_allclose(found[name], array, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_what_one_round_loses_the_next_one_sends(place: Any, method: str) -> None:
    """Two rounds that change the same: together nothing but the second round's loss is missing."""
    sent: Layers = {name: np.zeros_like(array) for name, array in BEFORE.items()}
    for _ in range(2):
        moved = read_whole(open_update(save(place, AFTER, method, 0.5), InMemory(BEFORE)))
        sent = {name: sent[name] + moved[name] - BEFORE[name] for name in sent}
    rest = load_file(place.state / "rest.safetensors")
    for name in sent:
        np.testing.assert_allclose(
            sent[name] + rest[name], 2 * (AFTER[name] - BEFORE[name]), atol=1e-5
        )


def test_what_was_lost_of_another_model_is_forgotten(place: Any) -> None:
    other = {"kernel": np.zeros(3, np.float32)}
    template_function("compress", "save_update")(
        place, other, {"kernel": np.arange(3, dtype=np.float32)}, "topk", 0.1
    )
    moved = open_update(save(place, AFTER, "topk", 1.0), InMemory(BEFORE))
    assert np.allclose(read_whole(moved)["kernel"], AFTER["kernel"], atol=1e-6)


@pytest.mark.parametrize(
    ("method", "fraction", "words"),
    [("zip", 0.1, "float16, int8, topk"), ("topk", 0, "above 0"), ("topk", 1.1, "at most 1")],
)
def test_what_cannot_be_done_is_said(place: Any, method: str, fraction: float, words: str) -> None:
    with pytest.raises(template_function("task", "TaskError"), match=words):
        save(place, AFTER, method, fraction)
    assert not list(place.result.iterdir())


def test_a_change_that_half_precision_cannot_hold_is_not_sent(place: Any) -> None:
    after = {**AFTER, "bias": AFTER["bias"] + np.float32(70_000)}
    with pytest.raises(template_function("task", "TaskError"), match="bias changed by more"):
        save(place, after, "float16")


def test_a_task_folder_sends_what_changed_if_its_settings_say_so(
    job: Job, start: Run, tmp_path: Path
) -> None:
    """As a worker's machine runs it; then the creator's mean of the one update."""
    folder = shutil.copytree(job.task("contribution"), tmp_path / "task")
    settings = {"compression": "topk", "sent_fraction": 0.1}
    (folder / "settings.json").write_text(json.dumps(settings))
    given = {
        "TASK_DIR": folder,
        "DATA_DIR": job.data("contributor", 1),
        "MODEL_PATH": job.base_model,
        "STATE_DIR": tmp_path / "state",
    }
    result = tmp_path / "result"
    done = start("sh", folder / "start_task.sh", **given)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in result.iterdir()} == {"update.safetensors", "result.json"}
    report = federate(job.base_model, [result], FedAvg(), tmp_path / "new.keras")
    base, new = read_layers(job.base_model), read_layers(report.model)
    changed = {name: float(np.mean(base[name] != new[name])) for name in base}
    assert all(0 < share <= 0.13 for share in changed.values()), changed
    assert (tmp_path / "state" / "rest.safetensors").is_file()
