"""The Keras task folders, run as a worker's machine runs them: real training on real digits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assets_templates.mnist.job import Job
from assets_templates.mnist.model import evaluate_file, template_function
from decentralml.learning.federate import check_result
from decentralml.learning.frameworks.keras import load_model_safely
from decentralml.learning.models import read_layers, same_structure
from decentralml.learning.results import read_result
from decentralml.roles.templates import new_task_folder

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_contributor_s_run_leaves_a_result_that_the_creator_can_federate(
    job: Job, start: Run, tmp_path: Path
) -> None:
    done = start(
        "sh",
        job.task("contribution") / "start_task.sh",
        TASK_DIR=job.task("contribution"),
        DATA_DIR=job.data("contributor", 1),
        MODEL_PATH=job.base_model,
        ROUND="1",
        CONTRIBUTOR_ID="5Ann",
    )
    assert done.returncode == 0, done.stderr
    assert "held out" in done.stdout
    result = check_result(job.base_model, tmp_path / "result")
    assert result.model == tmp_path / "result" / "model-5Ann.keras"
    with np.load(job.data("contributor", 1) / "digits.npz") as data:
        count = len(data["labels"])
    assert result.examples == count - round(0.1 * count)
    assert set(result.metrics) == {"accuracy", "loss", "accuracy_before", "loss_before"}
    before, after = read_layers(job.base_model), read_layers(result.model)
    assert any((before[name] != after[name]).any() for name in before)


def test_an_engineer_s_run_leaves_a_new_structure_that_predicts(
    job: Job, start: Run, tmp_path: Path
) -> None:
    done = start(
        "sh",
        job.task("engineering") / "start_task.sh",
        TASK_DIR=job.task("engineering"),
        DATA_DIR=job.data("engineer", 1),
        MODEL_PATH=job.base_model,
        CONTRIBUTOR_ID="eve/../../etc",
    )
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "result")
    assert result.model == tmp_path / "result" / "model-eveetc.keras"
    assert (tmp_path / "result" / "redefine_model.py").is_file()
    assert not same_structure(result.model, job.base_model)
    assert result.metrics["parameters"] != result.metrics["parameters_before"]
    layers = [layer.name for layer in load_model_safely(result.model).layers]
    assert "added_by_engineer" in layers
    assert 0.0 < evaluate_file(result.model, job.test_examples()) <= 1.0


def test_a_creator_s_script_leaves_a_first_model_trained_or_not(
    job: Job, start: Run, tmp_path: Path
) -> None:
    folder = new_task_folder("creator", tmp_path / "creator")
    accuracies = []
    for name, epochs in (("plain", "0"), ("trained", "4")):
        result = tmp_path / name
        done = start(
            sys.executable, folder / "build_model.py",
            "--data", job.data("contributor", 1), "--result", result, "--epochs", epochs,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == str(result / "model.keras")
        assert [path.name for path in result.iterdir()] == ["model.keras"]
        accuracies.append(evaluate_file(result / "model.keras", job.test_examples()))
    assert same_structure(tmp_path / "plain" / "model.keras", job.base_model)
    assert accuracies[0] < 0.3 < accuracies[1]


SCRIPTS = [
    "build_model.py",
    "load_data.py",
    "train_model.py",
    "evaluate_model.py",
    "redefine_model.py",
    "federate.py",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_explains_itself_without_keras_or_a_marketplace(
    start: Run, tmp_path: Path, script: str
) -> None:
    done = start(sys.executable, "-S", "-c", "print()")
    assert done.returncode == 0
    folder = new_task_folder("creator", tmp_path / "creator")
    done = start(sys.executable, next(folder.glob(script)), "--help")
    assert done.returncode == 0, done.stderr
    assert "--data" in done.stdout


def test_the_data_of_a_folder_are_described(job: Job, start: Run) -> None:
    folder = job.data("engineer", 1)
    done = start(sys.executable, job.task("contribution") / "load_data.py", "--data", folder)
    assert done.stdout.startswith("60 images of 28 x 28; by label: {0: ")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "there is no folder data: set DATA_DIR"),
        ({"DATA_DIR": "EMPTY"}, "has neither .npz files nor train-images"),
        ({"DATA_DIR": "DATA"}, "no model is given: set MODEL_PATH"),
        ({"DATA_DIR": "DATA", "MODEL_PATH": "/nowhere.keras"}, "no model at /nowhere.keras"),
    ],
)
def test_what_is_missing_is_one_line_and_no_traceback(
    job: Job, start: Run, tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"EMPTY": tmp_path / "empty", "DATA": job.data("engineer", 1)}
    given = {name: str(places.get(value, value)) for name, value in variables.items()}
    script = job.task("contribution") / "start_task.sh"
    done = start("sh", script, TASK_DIR=job.task("contribution"), **given)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_scripts_import_nothing_of_the_marketplace(job: Job) -> None:
    for kind in ("contribution", "engineering", "annotation"):
        for script in job.task(kind).glob("*.py"):
            assert "import decentralml" not in script.read_text()
            assert "from decentralml" not in script.read_text()


def test_mnist_s_own_files_are_read_and_shards_are_joined(tmp_path: Path) -> None:
    load_data = template_function("load_data", "load_data")
    images, labels = np.arange(32).reshape(2, 4, 4).astype(np.uint8), np.array([3, 4], np.uint8)
    header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2, 4, 4))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    head = b"\0\0\x08\x01" + (2).to_bytes(4, "big")
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(head + labels.tobytes())
    loaded, loaded_labels = load_data(tmp_path)
    assert loaded.shape == (2, 4, 4, 1)
    assert (loaded[..., 0] == images).all()
    assert loaded_labels.tolist() == [3, 4]
    np.savez(tmp_path / "a.npz", images=images, labels=labels)
    np.savez(tmp_path / "b.npz", images=images[:1], labels=labels[:1])
    assert load_data(tmp_path)[1].tolist() == [3, 4, 3]


@pytest.mark.parametrize(("share", "held"), [(0.1, 1), (0.5, 5), (0.0, 1), (1.0, 9)])
def test_some_examples_are_held_out_and_some_are_left(share: float, held: int) -> None:
    split = template_function("load_data", "split")
    rows = np.arange(10)
    (train, _), (check, _) = split(rows, rows, share, 1)
    assert (len(train), len(check)) == (10 - held, held)
    assert sorted([*train, *check]) == list(range(10))


def test_contributors_models_are_averaged_by_examples_in_a_notebook(
    job: Job, tmp_path: Path
) -> None:
    load = template_function("federate", "load_contributors_model")
    average = template_function("federate", "federated_contributors_model")
    save = template_function("federate", "save_model")
    base = load_model_safely(job.base_model)
    folders = []
    for name, value, examples in (("ann", 0.0, 1), ("ben", 4.0, 3)):
        folder = tmp_path / name
        folder.mkdir()
        model = load_model_safely(job.base_model)
        model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
        assert save(model, folder, name) == folder / f"model-{name}.keras"
        (folder / "result.json").write_text(json.dumps({"examples": examples}))
        folders.append(folder)
    loaded = [load(folder) for folder in folders]
    assert [(examples, name) for _, examples, name in loaded] == [(1, "ann"), (3, "ben")]
    federated = average(base, [(model, examples) for model, examples, _ in loaded])
    assert all((weight == 3.0).all() for weight in federated.get_weights())
    assert not (base.get_weights()[0] == 3.0).all()
