"""Models in memory ⇄ arrays, and an engineer's model, whose structure is new."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.learning.errors import (
    LayerMismatch,
    MalformedModel,
    NotFinite,
    ShapeMismatch,
    TooLarge,
    UnsafeModel,
)
from decentralml.learning.frameworks.keras import (
    load_model_safely,
    model_layers,
    same_structure,
    save_model,
    set_layers,
)
from decentralml.learning.limits import ModelLimits
from decentralml.learning.models import read_layers

Spoil = Callable[..., Path]
IMAGES = np.linspace(0, 255, 64, dtype="float32").reshape(4, 4, 4, 1)


def test_a_sound_file_predicts_as_keras_own_loading_does(keras: Any, base_file: Path) -> None:
    expected = keras.models.load_model(base_file).predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(load_model_safely(base_file).predict(IMAGES, verbose=0), expected)


def test_the_layers_of_a_model_are_those_of_its_file(base_file: Path) -> None:
    from_memory, from_file = model_layers(load_model_safely(base_file)), read_layers(base_file)
    assert list(from_memory) == list(from_file)
    assert all((from_memory[name] == from_file[name]).all() for name in from_file)


def test_layers_put_into_a_model_change_what_it_predicts(base_file: Path) -> None:
    model = load_model_safely(base_file)
    set_layers(model, {name: array * 0 for name, array in model_layers(model).items()})
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), 1 / 3)


def test_layers_that_do_not_fit_leave_the_model_as_it_was(base_file: Path) -> None:
    model = load_model_safely(base_file)
    before = model_layers(model)
    spoiled = {**before, "layers/dense/vars/1": np.full(3, np.nan, np.float32)}
    with pytest.raises(NotFinite):
        set_layers(model, spoiled)
    assert all((model_layers(model)[name] == before[name]).all() for name in before)


def test_a_saved_model_is_whole_and_without_the_optimizer(base_file: Path, tmp_path: Path) -> None:
    model = load_model_safely(base_file)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(IMAGES, np.array([0, 1, 2, 0]), verbose=0)
    path = tmp_path / "saved.keras"
    save_model(model, path)
    assert list(tmp_path.iterdir()) == [path]
    again = load_model_safely(path)
    np.testing.assert_allclose(
        again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0), rtol=1e-5
    )
    assert same_structure(path, base_file)


def functional(keras: Any) -> Any:
    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(inputs)
    left = keras.layers.Dense(4, name="left")(flat)
    shared = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.1))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dropout(0.5)])
    joined = keras.layers.Concatenate()([left, shared(flat), shared(flat), inner(left)])
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(joined))


def recurrent(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((4, 4)), layers.Bidirectional(layers.LSTM(3, dropout=0.1)), layers.Dense(2)]
    )


@pytest.mark.parametrize("build", [functional, recurrent])
def test_a_structure_of_built_in_layers_is_loaded(
    keras: Any, tmp_path: Path, build: Callable[[Any], Any]
) -> None:
    model = build(keras)
    path = tmp_path / "model.keras"
    model.save(path)
    inputs = np.ones((2, *model.input_shape[1:]), np.float32)
    loaded = load_model_safely(path)
    np.testing.assert_array_equal(
        loaded.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
    assert not same_structure(path, save_changed(keras, model, tmp_path / "other.keras"))


def save_changed(keras: Any, model: Any, path: Path) -> Path:
    keras.Sequential([model, keras.layers.Dense(1)]).save(path)
    return path


def test_a_real_lambda_layer_is_refused(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(UnsafeModel, match="Lambda"):
        load_model_safely(tmp_path / "lambda.keras")


def test_a_real_custom_layer_is_refused(keras: Any, tmp_path: Path) -> None:
    class Mine(keras.layers.Dense):  # type: ignore[name-defined, misc]
        pass

    keras.Sequential([keras.Input((2,)), Mine(2)]).save(tmp_path / "custom.keras")
    with pytest.raises(UnsafeModel, match="Mine"):
        load_model_safely(tmp_path / "custom.keras")


def test_weights_of_another_structure_than_the_file_s_own_are_refused(
    base_config: dict[str, Any], respun: Spoil
) -> None:
    base_config["config"]["layers"][-1]["config"]["units"] = 4
    with pytest.raises((ShapeMismatch, MalformedModel)):
        load_model_safely(respun(config=json.dumps(base_config).encode()))


def test_additional_weights_in_the_file_are_refused(with_weights: Spoil) -> None:
    def add(file: Any) -> None:
        file["layers/hidden/vars/0"] = np.ones(3, "f4")

    with pytest.raises(LayerMismatch):
        load_model_safely(with_weights(add))


def test_a_structure_that_keras_cannot_build_is_refused(
    base_config: dict[str, Any], respun: Spoil
) -> None:
    base_config["config"]["layers"][-1]["config"]["units"] = -5
    with pytest.raises(MalformedModel, match="cannot build"):
        load_model_safely(respun(config=json.dumps(base_config).encode()))


def test_a_terabyte_of_parameters_is_refused_before_it_is_allocated(
    base_config: dict[str, Any], respun: Spoil
) -> None:
    base_config["config"]["layers"][-1]["config"]["units"] = 10**11
    with pytest.raises(TooLarge, match="parameters"):
        load_model_safely(respun(config=json.dumps(base_config).encode()))


def test_as_many_parameters_as_the_limit_pass_and_one_more_does_not(base_file: Path) -> None:
    parameters = sum(array.size for array in read_layers(base_file).values())
    load_model_safely(base_file, ModelLimits(parameters=parameters))
    with pytest.raises(TooLarge, match="parameters"):
        load_model_safely(base_file, ModelLimits(parameters=parameters - 1))


def test_a_layer_that_blows_up_its_input_is_refused(keras: Any, tmp_path: Path) -> None:
    inputs = keras.Input((4, 4, 1))
    inner = keras.Sequential([inputs, keras.layers.UpSampling2D(1000), keras.layers.Flatten()])
    keras.Sequential([inputs, inner]).save(tmp_path / "wide.keras")
    with pytest.raises(TooLarge, match="output"):
        load_model_safely(tmp_path / "wide.keras")


def test_after_a_refusal_models_are_built_as_before(keras: Any, base_file: Path) -> None:
    with pytest.raises(TooLarge):
        load_model_safely(base_file, ModelLimits(parameters=1))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    assert model.predict(np.ones((1, 2)), verbose=0).shape == (1, 2)
