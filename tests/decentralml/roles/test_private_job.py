"""Jobs under differential privacy: noise at the creator, or before anything leaves."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning import curves
from decentralml.learning.models import read_layers
from decentralml.learning.privacy.accountant import Releases
from decentralml.learning.privacy.central import Private
from decentralml.learning.privacy.local import LocalPrivacy
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.roles.contributor import Contributor
from decentralml.roles.job.plan import Plan
from decentralml.roles.private_work import write_private
from decentralml.roles.worker import Wanted
from decentralml.types import TaskId
from tests.decentralml.roles.town import BASE, Town, adding, an_offer


class Killed(BaseException):
    """The process ends at a checkpoint."""


def test_what_leaves_a_private_contributor_is_a_noisy_model_and_nothing_else(town: Town) -> None:
    alice, task = town.creator("Alice"), post(town)
    private = LocalPrivacy(clip=2.0, noise=0.5)
    seen: list[str] = []

    def kill_once(name: str) -> None:
        if name not in seen:
            seen.append(name)
            raise Killed

    machine = replace(town.machine("Bob"), privacy=private)
    for _ in range(100):
        with suppress(Killed):
            bob = Contributor(town.rooms("Bob", checkpoint=kill_once), machine)
            bob.work(Wanted(tasks=frozenset({task})), once=True)
            break

    (sent,) = alice.fetch_results(task)
    assert town.runs("Bob") == 1
    assert {f"run/{task}/1:raw", f"run/{task}/1:private"} <= set(seen)
    assert sent.refusal is None
    assert sent.folder is not None
    assert sorted(path.name for path in sent.folder.iterdir()) == [
        "model.safetensors",
        "result.json",
    ]
    assert (sent.examples, sent.metrics) == (1, ())
    change = np.concatenate(
        [
            (layer - BASE[name]).reshape(-1)
            for name, layer in read_layers(sent.folder / "model.safetensors").items()
        ]
    )
    # The script adds 1 to each of nine numbers: length 3, clipped to 2, so 2/3 each without noise.
    assert np.unique(change).size == 9
    assert np.abs(change - 2 / 3).max() < 2 * 2.0 * 0.5 * 8  # eight standard deviations


def post(town: Town) -> TaskId:
    offer = an_offer(rounds=2, slots=1)
    return town.creator("Alice").create_task(town.bundle(), offer, model=town.base_model()).task


def test_epsilon_of_the_rounds_so_far_is_a_figure_of_each_round(town: Town, tmp_path: Path) -> None:
    alice = town.creator("Alice")
    task = post(town)
    plan = Plan(strategy=Private(FedAvg(), clip=1.0, noise=2.0, expected=1), curves=tmp_path / "c")
    for _ in range(2):
        town.participant("Bob", adding(1.0)).take_part(task, once=True)
        report = alice.run_job(task, plan, once=True)

    expected = [Releases(rounds).epsilon(2.0, 1e-5) for rounds in (1, 2)]
    assert [done.figures["epsilon"] for done in report.rounds] == expected
    assert [line["federated"]["epsilon"] for line in curves.read(tmp_path / "c")] == expected


def test_a_keras_model_leaves_with_noise_and_with_the_rounds_own_structure(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    from assets_templates.mnist.model import build_model
    from decentralml.learning.frameworks.keras import save_model

    base, raw, private = tmp_path / "base.keras", tmp_path / "raw", tmp_path / "private"
    save_model(build_model(), base)
    raw.mkdir()
    private.mkdir()
    shutil.copyfile(base, raw / "model-5FHneW.keras")
    (raw / "result.json").write_text('{"examples": 600, "metrics": {"accuracy": 0.9}}')

    write_private(base, raw, private, LocalPrivacy(clip=1.0, noise=0.01))

    assert json.loads((private / "result.json").read_text()) == {"examples": 1}
    noisy, before = read_layers(private / "model.keras"), read_layers(base)
    assert list(noisy) == list(before)
    moved = np.concatenate([(noisy[name] - before[name]).reshape(-1) for name in before])
    assert np.std(moved) == pytest.approx(2 * 1.0 * 0.01, rel=0.05)
