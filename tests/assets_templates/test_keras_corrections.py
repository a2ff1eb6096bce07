"""FedProx and SCAFFOLD in the Keras task folder, against their formulas on real training steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets_templates.mnist.job import Job
from assets_templates.mnist.model import template_function
from decentralml.learning.frameworks.keras import import_keras, model_layers, set_layers
from decentralml.learning.layers import Layers
from decentralml.learning.strategies.registry import named
from decentralml.simulation.pool import ProcessPool
from decentralml.simulation.shares import Contributor
from decentralml.simulation.simulate import Report, Simulation, simulate
from decentralml.simulation.task_folder import TaskFolder
from decentralml.simulation.turn import Job as Turns

RATE = 0.25


def small(seed: int = 1) -> Any:
    """A model with a layer that is normalised, so that some variables are not trained."""
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="relu"),
            keras.layers.BatchNormalization(momentum=0.0),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def data() -> tuple[np.ndarray, np.ndarray]:
    """Eight images: one batch is all of them, so a step is the same however they are shuffled."""
    random = np.random.default_rng(1)
    return random.standard_normal((8, 2, 2, 1)).astype(np.float32), np.arange(8) % 2


def trained(begin: Layers | None, epochs: int, controls: Any = None, **settings: Any) -> Layers:
    """The layers after full-batch steps of plain SGD from ``begin``."""
    model = small()
    if begin is not None:
        set_layers(model, begin)
    work = template_function("train_model", "Work")(
        epochs=epochs, batch_size=8, optimizer="sgd", learning_rate=RATE, **settings
    )
    template_function("train_model", "train_model")(model, data(), work=work, controls=controls)
    return model_layers(model)


def close(found: Layers, expected: Layers) -> bool:
    return found.keys() == expected.keys() and all(
        np.allclose(found[name], expected[name], atol=1e-6) for name in expected
    )


def test_variables_are_named_as_the_marketplace_names_layers() -> None:
    pytest.importorskip("keras")
    model = small()
    names = template_function("corrections", "names_of")(model)
    found = template_function("corrections", "arrays_of")(model, names)
    expected = model_layers(model)
    assert found.keys() == expected.keys()
    assert all((found[name] == expected[name]).all() for name in expected)


def test_fedprox_pulls_each_step_back_to_the_round_s_model() -> None:
    pytest.importorskip("keras")
    start = model_layers(small())
    once = trained(None, 1)
    assert close(trained(None, 1, mu=0.5), once)  # at first there is nothing to pull back
    twice = trained(once, 1)
    pulled = trained(None, 2, mu=0.5)
    moving = {name for name in start if "batch_norm" in name and name.endswith(("2", "3"))}
    assert len(moving) == 2
    for name in start.keys() - moving:
        expected = twice[name] - RATE * 0.5 * (once[name] - start[name])
        assert np.allclose(pulled[name], expected, atol=1e-6), name


def test_scaffold_steps_by_the_controls_and_sends_how_its_own_changed(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    random = np.random.default_rng(2)
    start, once = model_layers(small()), trained(None, 1)

    def control() -> Layers:
        return {
            name: random.standard_normal(layer.shape).astype(np.float32)
            for name, layer in start.items()
        }

    everybodys, own = control(), control()
    controls = template_function("corrections", "Controls")(small(), everybodys, own)
    corrected = trained(None, 1, controls)
    model = small()
    set_layers(model, corrected)
    change = controls.change(model, 1, RATE)
    fixed = {name for name in start if "batch_norm" in name and name.endswith(("2", "3"))}
    for name in start:
        if name in fixed:
            assert np.allclose(corrected[name], once[name], atol=1e-6)
            assert not change[name].any()
            continue
        slope = (start[name] - once[name]) / RATE
        stepped = once[name] - RATE * (everybodys[name] - own[name])
        assert np.allclose(corrected[name], stepped, atol=1e-5), name
        # One full step: the new control is the slope itself.
        assert np.allclose(change[name], slope - own[name], atol=1e-4), name


@pytest.fixture
def scaffold(job: Job, tmp_path: Path) -> Report:
    """Two rounds of SCAFFOLD with two contributors, by the template's own scripts."""
    template = template_function("task", "SETTINGS")
    task = tmp_path / "task"
    task.mkdir()
    for file in job.task("contribution").iterdir():
        (task / file.name).write_bytes(file.read_bytes())
    (task / template).write_text('{"optimizer": "sgd", "learning_rate": 0.05, "epochs": 1}')
    people = [Contributor(f"c{n}", job.data("contributor", n)) for n in (1, 2)]
    simulation = Simulation(TaskFolder(task), job.base_model, people, named("scaffold"), 2)
    with ProcessPool(Turns(simulation.work), processes=1) as pool:
        return simulate(simulation, tmp_path / "simulated", pool=pool)


@pytest.mark.slow
def test_scaffold_keeps_each_contributor_s_control_and_the_server_s_from_round_to_round(
    scaffold: Report, tmp_path: Path
) -> None:
    pytest.importorskip("keras")
    assert [(each.used, each.refused) for each in scaffold.rounds] == [(2, {}), (2, {})]
    states = sorted((tmp_path / "simulated" / "states").rglob("control.safetensors"))
    assert [path.parent.name for path in states] == ["0002", "0002"]
    memory = tmp_path / "simulated" / "memory-0002.safetensors"
    assert memory.stat().st_size > 4 * 14_410


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": "magic"}, "it may be adam or sgd"),
        ({"scaffold": True}, "set optimizer to sgd"),
        ({"scaffold": True, "optimizer": "sgd"}, "set STATE_DIR"),
        ({"epochs": "many"}, "of the wrong kind"),
    ],
)
def test_settings_that_do_not_fit_are_a_line(
    job: Job, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    pytest.importorskip("keras")
    error = template_function("task", "TaskError")
    place = template_function("task", "Place")
    contribute = template_function("train_model", "contribute")
    work = template_function("train_model", "Work")
    where = place(job.data("contributor", 1), tmp_path, job.base_model, 1, "ann")
    with pytest.raises(error, match=words):
        contribute(where, work.of({"epochs": 1, **settings}))


def test_what_a_round_asks_wins_over_what_the_task_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = template_function("task", "settings")
    (tmp_path / "settings.json").write_text('{"epochs": 2, "mu": 0.0}')
    (tmp_path / "round.json").write_text('{"strategy": "fedprox", "settings": {"mu": 0.3}}')
    assert settings(tmp_path) == {"epochs": 2, "mu": 0.0}
    monkeypatch.setenv("ROUND_SETTINGS", str(tmp_path / "round.json"))
    assert settings(tmp_path) == {"epochs": 2, "mu": 0.3}
    (tmp_path / "round.json").write_text('{"settings": 3}')
    with pytest.raises(template_function("task", "TaskError"), match="must be a JSON object"):
        settings(tmp_path)
