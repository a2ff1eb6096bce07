"""FedBN in the PyTorch task folder: some layers stay a contributor's own from round to round."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.learning.strategies.registry import named
from decentralml.learning.strategies.strategy import settings_of
from decentralml.learning.weights import read_arrays

Run = Callable[..., Any]


def asked(folder: Path, **settings: object) -> Path:
    path = folder / "round.json"
    path.write_text(json.dumps({"strategy": "fedbn", "settings": settings}))
    return path


def test_own_layers_begin_a_round_as_they_ended_the_last_one(
    job: Any, start: Run, tmp_path: Path
) -> None:
    told = settings_of(named("fedbn", patterns="*.bias"))
    results = []
    for round_, rate in ((1, 0.05), (2, 0.0)):  # in the second round nothing is learned
        result = tmp_path / f"result-{round_}"
        done = start(
            "sh",
            job.script,
            **job.variables(
                ROUND=round_,
                ROUND_SETTINGS=asked(tmp_path, learning_rate=rate, **told),
                RESULT_DIR=result,
                STATE_DIR=tmp_path / "state",
            ),
        )
        assert done.returncode == 0, done.stderr
        (model,) = result.glob("model-*.safetensors")
        results.append(read_arrays(model))
    base = read_arrays(job.model)
    for name in base:
        own = name.endswith(".bias")
        np.testing.assert_array_equal(results[1][name], (results[0] if own else base)[name])
        assert not np.array_equal(results[0][name], base[name])


def test_without_a_folder_to_keep_them_in_it_says_what_to_set(
    job: Any, start: Run, tmp_path: Path
) -> None:
    done = start("sh", job.script, **job.variables(ROUND_SETTINGS=asked(tmp_path, skip="*")))
    assert done.returncode == 1
    assert "set STATE_DIR" in done.stderr


@pytest.mark.parametrize("layer", ["BN1.weight", "features.batch_norm.bias"])
def test_patterns_name_layers_whatever_the_case(scripts: Callable[[str], Any], layer: str) -> None:
    is_named = scripts("own_layers").named
    assert is_named(layer, "bn*, *Batch_Norm*")
    assert not is_named("conv.weight", "bn*, *Batch_Norm*")


def test_own_layers_of_another_model_are_refused(
    scripts: Callable[[str], Any], tmp_path: Path
) -> None:
    own_layers, task = scripts("own_layers"), scripts("task")
    place = task.Place(tmp_path, tmp_path, None, 1, "ann", None, tmp_path / "state")
    own_layers.keep_own(place, scripts("model").build_model(), "*.bias")
    import torch

    with pytest.raises(task.TaskError, match="of another model"):
        own_layers.put_back(place, torch.nn.Linear(2, 2), "*.bias")
