"""The how-to's Python is run as it stands."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
import pytest

from assets_templates.mnist.job import QUICK, make_job
from decentralml.learning.datasets import load_digits, mnist_folder
from decentralml.learning.models import read_layers
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.participant import Training
from tests.decentralml.roles.town import REWARD, Town, an_offer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "federated-job.md"


@pytest.fixture
def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)


def a_little_further(by: float) -> object:
    def train(training: Training) -> None:
        assert training.model is not None
        noise = np.random.default_rng(int(by * 100))
        layers = {
            name: (layer + noise.normal(0, by, layer.shape)).astype(layer.dtype)
            for name, layer in read_layers(training.model).items()
        }
        save_weights(training.result / "w.safetensors", layers, WeightsHeader(examples=5))
        (training.result / "result.json").write_text('{"examples": 5}')

    return train


def test_the_job_is_run_as_the_how_to_says(
    town: Town,
    blocks: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("keras")
    make_job(tmp_path / "JOB", load_digits(mnist_folder(), None), QUICK)
    monkeypatch.chdir(tmp_path)
    job, part = blocks
    creator = town.creator("Alice")
    posted = creator.create_task(
        town.bundle(), an_offer(), model=Path("JOB/creator/model/model.keras")
    )
    town.participant("Bob", a_little_further(0.01)).take_part(posted.task, once=True)  # type: ignore[arg-type]

    assert "    ...  # read" in part

    def contribute() -> None:
        """The contributor's block, its "..." filled in; over when the task is."""
        fill = a_little_further(0.02)
        known = {"rooms": town.rooms("Charlie"), "task": posted.task, "filled": fill}
        exec(
            compile(re.sub(r"    \.\.\..*", "    filled(training)", part), "how-to", "exec"), known
        )

    charlie = threading.Thread(target=contribute, daemon=True)
    charlie.start()
    names = {"creator": creator, "posted": posted}
    exec(compile(job, "how-to", "exec", dont_inherit=True), names)
    charlie.join(120)
    assert not charlie.is_alive()
    said = capsys.readouterr().out
    assert "every round is done Best(round=1" in said
    assert str(REWARD) in said
    assert Path("digits.png").is_file()
    assert len(Path("digits.jsonl").read_text().splitlines()) == 1
