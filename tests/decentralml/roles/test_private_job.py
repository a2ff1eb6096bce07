"""A job under differential privacy tells in its curves what it has cost so far."""

from __future__ import annotations

from pathlib import Path

from decentralml.learning import curves
from decentralml.learning.privacy.accountant import Releases
from decentralml.learning.privacy.central import Private
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.roles.job_plan import Plan
from tests.decentralml.roles.town import Town, adding, an_offer


def test_epsilon_of_the_rounds_so_far_is_a_figure_of_each_round(town: Town, tmp_path: Path) -> None:
    alice = town.creator("Alice")
    task = alice.create_task(
        town.bundle(), an_offer(rounds=2, slots=1), model=town.base_model()
    ).task
    plan = Plan(strategy=Private(FedAvg(), clip=1.0, noise=2.0, expected=1), curves=tmp_path / "c")
    for _ in range(2):
        town.participant("Bob", adding(1.0)).take_part(task, once=True)
        report = alice.run_job(task, plan, once=True)

    expected = [Releases(rounds).epsilon(2.0, 1e-5) for rounds in (1, 2)]
    assert [done.figures["epsilon"] for done in report.rounds] == expected
    assert [line["federated"]["epsilon"] for line in curves.read(tmp_path / "c")] == expected
