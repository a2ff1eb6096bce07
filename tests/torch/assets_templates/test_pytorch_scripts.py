"""The PyTorch task folder, run as a worker's machine runs it: real training."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from decentralml.learning.datasets import Examples
from decentralml.learning.federate import check_result
from decentralml.learning.layers import fingerprint
from decentralml.learning.measure import measuring
from decentralml.learning.models import read_layers

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Scripts = Callable[[str], Any]


def test_a_contributor_s_run_leaves_a_result_that_the_creator_can_federate(
    job: Any, start: Run, tmp_path: Path
) -> None:
    done = start("sh", job.script, **job.variables(ROUND="1", CONTRIBUTOR_ID="5Ann"))
    assert done.returncode == 0, done.stderr
    assert "round 1: 180 examples" in done.stdout
    result = check_result(job.model, tmp_path / "result")
    assert result.model == tmp_path / "result" / "model-5Ann.safetensors"
    assert result.examples == 180  # a tenth of 200 is held out
    assert result.metrics["loss"] < result.metrics["loss_before"]
    before, after = read_layers(job.model), read_layers(result.model)
    assert all((before[name] != after[name]).any() for name in before)


def test_run_again_by_anybody_it_gives_the_same_numbers_and_in_another_round_others(
    job: Any, start: Run, tmp_path: Path
) -> None:
    marks = []
    for number, (who, round_) in enumerate([("Ann", "1"), ("Bob", "1"), ("Ann", "2")]):
        result = tmp_path / f"result-{number}"
        variables = job.variables(ROUND=round_, CONTRIBUTOR_ID=who, RESULT_DIR=result)
        assert start("sh", job.script, **variables).returncode == 0
        marks.append(fingerprint(read_layers(result / f"model-{who}.safetensors")))
    assert marks[0] == marks[1] != marks[2]


def test_what_the_round_asks_wins_over_the_folder_s_settings(
    job: Any, start: Run, tmp_path: Path
) -> None:
    asked = tmp_path / "round.json"
    asked.write_text(json.dumps({"strategy": "mine", "settings": {"held_out": 0.5, "other": 1}}))
    done = start("sh", job.script, **job.variables(ROUND_SETTINGS=asked))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "result" / "result.json").read_text())["examples"] == 100


def test_scaffold_keeps_its_control_from_round_to_round_and_sends_the_change(
    job: Any, start: Run, tmp_path: Path
) -> None:
    asked = tmp_path / "round.json"
    asked.write_text(json.dumps({"strategy": "scaffold", "settings": {"scaffold": True}}))
    kept = {name: np.zeros_like(array) for name, array in read_layers(job.model).items()}
    for round_ in ("1", "2"):
        result = tmp_path / f"result-{round_}"
        variables = job.variables(
            ROUND=round_, ROUND_SETTINGS=asked, RESULT_DIR=result, STATE_DIR=tmp_path / "state"
        )
        done = start("sh", job.script, **variables)
        assert done.returncode == 0, done.stderr
        change = read_layers(result / "strategy.safetensors")
        kept = {name: array + change[name] for name, array in kept.items()}
        assert any(array.any() for array in change.values())
    control = read_layers(tmp_path / "state" / "control.safetensors")
    for name, array in kept.items():
        np.testing.assert_allclose(control[name], array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"DATA_DIR": "/nowhere"}, "no folder /nowhere: set DATA_DIR"),
        ({"MODEL_PATH": ""}, "no model is given: set MODEL_PATH"),
        ({"MODEL_PATH": "/nowhere.safetensors"}, "no model at /nowhere.safetensors"),
        ({"MODEL_PATH": "OTHER"}, "is of another model"),
        ({"MODEL_PATH": "BROKEN"}, "cannot be read"),
        ({"ROUND_SETTINGS": "BROKEN"}, "is no JSON"),
        ({"ROUND_SETTINGS": "SCAFFOLD"}, "set STATE_DIR"),
        ({"ROUND_SETTINGS": "SCAFFOLD", "STATE_DIR": "STATE", "STRATEGY_PATH": "OTHER"},
         "control is of another model"),
        ({"ROUND_SETTINGS": "MOMENTUM", "STATE_DIR": "STATE"}, "set momentum to 0"),
        ({"ROUND_SETTINGS": "WORDS"}, "learning_rate must be of the kind float, not 'fast'"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_said(
    job: Any,
    scripts: Scripts,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    words: str,
) -> None:
    places = spoiled(job, scripts)
    given = {name: str(places.get(value, value)) for name, value in variables.items()}
    for name, value in job.variables(**given).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RESULT_DIR", str(job.task.parent / "result"))
    monkeypatch.setattr(sys, "argv", ["train_model.py"])
    with pytest.raises(scripts("task").TaskError, match=re.escape(words)):
        scripts("train_model").main()


def spoiled(job: Any, scripts: Scripts) -> dict[str, Path]:
    """Files of other models, of no kind, and what a round may ask."""
    folder = job.task.parent
    scripts("weights").save(torch.nn.Linear(1, 1), folder / "OTHER")
    (folder / "BROKEN").write_bytes(b"neither this nor that")
    asks = {
        "SCAFFOLD": {"scaffold": True},
        "MOMENTUM": {"scaffold": True, "momentum": 0.5},
        "WORDS": {"learning_rate": "fast"},
    }
    for name, settings in asks.items():
        (folder / name).write_text(json.dumps({"strategy": "s", "settings": settings}))
    return {name: folder / name for name in ("OTHER", "BROKEN", "STATE", *asks)}


def test_a_mistake_is_one_line_and_no_traceback(job: Any, start: Run) -> None:
    done = start("sh", job.script, **job.variables(DATA_DIR="/nowhere"))
    assert done.returncode == 1
    assert done.stderr == (
        "error: there is no folder /nowhere: set DATA_DIR, or use --data FOLDER\n"
    )


@pytest.mark.parametrize(
    "script", ["load_data", "model", "train_model", "evaluate_model", "federate"]
)
def test_each_script_explains_itself(
    scripts: Scripts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{script}.py", "--help"])
    with pytest.raises(SystemExit) as end:
        scripts(script).main()
    assert end.value.code == 0
    assert f"usage: {script}.py" in capsys.readouterr().out


def test_the_scripts_import_nothing_of_the_marketplace(job: Any) -> None:
    texts = [script.read_text() for script in job.task.glob("*.py")]
    assert len(texts) >= 8
    assert not any(f"{word} decentralml" in text for text in texts for word in ("import", "from"))


def test_by_hand_a_first_model_is_made_and_measured(
    job: Any, start: Run, tmp_path: Path, make_blots: Callable[..., Examples]
) -> None:
    made = tmp_path / "first.safetensors"
    assert start(sys.executable, job.task / "model.py", made, "--seed", "5").returncode == 0
    assert sum(array.size for array in read_layers(made).values()) == 431_080
    make_blots(50, 2).save(tmp_path / "test" / "digits.npz")
    done = start(
        sys.executable, job.task / "evaluate_model.py", "--data", tmp_path / "test", made, job.model
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [set(line) for line in said] == [{"examples", "accuracy", "loss"}] * 2
    assert all(line["examples"] == 50 and 2.0 < line["loss"] < 2.6 for line in said)


def test_a_creator_measures_models_by_a_folder_of_the_template_with_data(
    job: Any, make_blots: Callable[..., Examples]
) -> None:
    make_blots(50, 2).save(job.task / "held-out.npz")
    figures = measuring(job.task)(job.model)
    assert set(figures) == {"accuracy", "loss"}
    assert 2.0 < figures["loss"] < 2.6


def test_a_creator_s_notebook_averages_models_by_their_examples(
    job: Any, scripts: Scripts, tmp_path: Path
) -> None:
    federate, weights, model = scripts("federate"), scripts("weights"), scripts("model")
    contributions = []
    for number, (value, examples) in enumerate([(1.0, 10), (4.0, 20)]):
        module = model.build_model()
        module.load_state_dict(
            {n: torch.full_like(t, value) for n, t in module.state_dict().items()}
        )
        folder = tmp_path / f"from-{number}"
        folder.mkdir()
        weights.save(module, folder / f"model-who{number}.safetensors")
        (folder / "result.json").write_text(json.dumps({"examples": examples, "metrics": {}}))
        loaded, count, who = federate.load_contributors_model(folder)
        assert (count, who) == (examples, f"who{number}")
        contributions.append((loaded, count))
    mean = federate.federated_contributors_model(contributions)
    assert all((tensor == 3.0).all() for tensor in mean.state_dict().values())
