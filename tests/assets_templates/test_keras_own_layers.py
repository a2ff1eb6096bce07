"""FedBN in the Keras task folder: some layers stay a contributor's own from round to round."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets_templates.mnist.job import Job
from assets_templates.mnist.model import template_function
from decentralml.learning.frameworks.keras import import_keras, model_layers, set_layers
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.registry import named
from decentralml.learning.strategies.strategy import settings_of, skips

BATCH_NORM = named("fedbn")


@pytest.fixture
def place(tmp_path: Path) -> Any:
    """A place with a folder that is kept."""
    made = template_function("task", "Place")
    return made(tmp_path, tmp_path, None, 1, "ann", None, tmp_path / "state")


def normalised(units: int = 3) -> Any:
    keras = import_keras()
    keras.utils.set_random_seed(units)
    layers = [keras.Input((2,)), keras.layers.Dense(units), keras.layers.BatchNormalization()]
    return keras.Sequential(layers)


def test_own_layers_are_put_back_into_the_next_round_s_model_and_no_others(place: Any) -> None:
    pytest.importorskip("keras")
    told = settings_of(BATCH_NORM)["skip"]
    mine, next_one = normalised(), normalised()
    set_layers(mine, {name: array + 1 for name, array in model_layers(mine).items()})
    rounds = model_layers(next_one)

    template_function("own_layers", "keep_own")(place, mine, told)
    template_function("own_layers", "put_back")(place, next_one, told)

    own = {name for name in rounds if skips(BATCH_NORM, name)}
    assert len(own) == 4 < len(rounds)
    for name, array in model_layers(next_one).items():
        np.testing.assert_allclose(array, rounds[name] + (1 if name in own else 0), rtol=1e-6)


def test_in_the_first_round_the_model_is_the_round_s(place: Any) -> None:
    pytest.importorskip("keras")
    model = normalised()
    before = model_layers(model)
    template_function("own_layers", "put_back")(place, model, "*")
    for name, array in model_layers(model).items():
        np.testing.assert_array_equal(array, before[name])


def test_own_layers_of_another_model_are_refused(place: Any) -> None:
    pytest.importorskip("keras")
    template_function("own_layers", "keep_own")(place, normalised(3), "*")
    with pytest.raises(template_function("task", "TaskError"), match="of another model"):
        template_function("own_layers", "put_back")(place, normalised(4), "*")


def test_what_is_kept_and_cannot_be_read_is_said(place: Any) -> None:
    pytest.importorskip("keras")
    place.state.mkdir()
    (place.state / "own_layers.safetensors").write_bytes(b"\x80\x04]\x94.")
    with pytest.raises(template_function("task", "TaskError"), match="cannot be read"):
        template_function("own_layers", "put_back")(place, normalised(), "*")


def test_a_contributor_s_own_layers_go_with_it_from_round_to_round(
    job: Job, place: Any, tmp_path: Path
) -> None:
    contribute = template_function("train_model", "contribute")
    work = template_function("train_model", "Work")
    results = []
    for round_, rate in ((1, 0.05), (2, 1e-12)):  # in the second round next to nothing is learned
        result = tmp_path / f"result-{round_}"
        result.mkdir()
        where = replace(
            place,
            data=job.data("contributor", 1),
            model=job.base_model,
            result=result,
            round=round_,
        )
        how = work(optimizer="sgd", learning_rate=rate, skip="*/vars/1")
        results.append(read_layers(contribute(where, how)))
    base = read_layers(job.base_model)
    for name in base:
        own = name.endswith("/vars/1")
        expected = (results[0] if own else base)[name]
        np.testing.assert_allclose(results[1][name], expected, atol=1e-6)
        assert not np.allclose(results[0][name], base[name], atol=1e-6)


def test_without_a_folder_to_keep_them_in_it_says_what_to_set(place: Any) -> None:
    with pytest.raises(template_function("task", "TaskError"), match="set STATE_DIR"):
        template_function("own_layers", "keep_own")(replace(place, state=None), None, "*")
