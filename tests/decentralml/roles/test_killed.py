"""Killed at any step and started again, a role ends as if nothing had happened.

Each scene is played once undisturbed, noting the checkpoints it passes: one before and one after
each effect. Then it is played once for each checkpoint, by a process that kills itself there with
SIGKILL, and again by a new process. What the chain, the person's money and the count of training
runs then say must be what they say after the undisturbed play.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from decentralml.chain.records import AutoAccept, Delegated, Manual, Reject, TaskStatus
from decentralml.learning import curves
from decentralml.types import BlockNumber, Round, TaskId
from pallets_mock.testing import DevChain
from tests.chains import SharedChain, as_many
from tests.decentralml.roles.town import REWARD, STAKE, Town, an_offer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLED = -9


@dataclass
class Theatre:
    """Plays scenes in processes of their own."""

    town: Town
    chain: DevChain | SharedChain
    stage: subprocess.Popen[str]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def play(self, scene: str, name: str, kill_at: int | None = None, **order: object) -> int:
        """The exit status of the process."""
        trace = self.town.folder / f"{name}.trace"
        trace.unlink(missing_ok=True)
        line = {"scene": scene, "name": name, "trace": str(trace), "kill_at": kill_at, **order}
        assert self.stage.stdin is not None
        assert self.stage.stdout is not None
        self.stage.stdin.write(json.dumps(line) + "\n")
        self.stage.stdin.flush()
        return int(self.stage.stdout.readline())

    def checkpoints(self, name: str) -> int:
        """How many checkpoints the last play passed."""
        return len((self.town.folder / f"{name}.trace").read_text().splitlines())

    def someone(self) -> str:
        """A new person with money and data."""
        name = f"Person{next(self.numbers)}"
        self.town.fund(name, tokens=50)
        self.town.data(name)
        return name


@pytest.fixture(scope="module")
def theatre(
    chain_of_module: DevChain | SharedChain, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Theatre]:
    chain, folder = chain_of_module, tmp_path_factory.mktemp("town")
    script = Path(__file__).with_name("role_process.py")
    town = Town(chain.url, folder)
    town.bundle()
    town.base_model()
    stage = subprocess.Popen(
        [sys.executable, str(script), chain.url, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        yield Theatre(town, chain, stage)
    finally:
        assert stage.stdin is not None
        stage.stdin.close()
        stage.wait(30)
        town.close()


Setting = Callable[[str], dict[str, Any]]
Outcome = Callable[[str, dict[str, Any]], object]


def killed_everywhere(
    theatre: Theatre, scene: str, setting: Setting, outcome: Outcome, *, at_least: int
) -> None:
    """Play ``scene`` undisturbed, then killed at each of its checkpoints.

    Args:
        setting: prepares the scene for a new person; gives the order's arguments.
        outcome: what counts in the end, without what differs from person to person.
        at_least: how many checkpoints there must be, so that none is lost by accident.
    """
    name = theatre.someone()
    order = setting(name)
    assert theatre.play(scene, name, **order) == 0
    expected = outcome(name, order)
    count = theatre.checkpoints(name)
    assert count >= at_least
    for point in points(theatre, count):
        name = theatre.someone()
        order = setting(name)
        assert theatre.play(scene, name, point, **order) == KILLED
        assert theatre.play(scene, name, **order) == 0
        assert outcome(name, order) == expected, f"killed at {point}"


def points(theatre: Theatre, count: int) -> list[int]:
    """All checkpoints; on a network, where each play takes half a minute, the one in the middle."""
    return list(range(count)) if isinstance(theatre.chain, DevChain) else [count // 2]


def post(theatre: Theatre, **terms: Any) -> TaskId:
    creator = theatre.town.creator("Alice")
    town = theatre.town
    posted = creator.create_task(town.bundle(), an_offer(**terms), model=town.base_model())
    return posted.task


def work_done(theatre: Theatre, name: str, order: dict[str, Any]) -> dict[str, object]:
    """What the chain and the data say of a worker."""
    market, account = theatre.town.market("Alice"), theatre.town.address(name)
    task = market.task(TaskId(order["task"]))
    assignment = market.assignment(task.id, account)
    result = market.result(task.id, Round(1), account)
    assert assignment is not None
    return {
        "trained": theatre.town.runs(name),
        "transactions": theatre.town.nonce(name),
        "paid": task.paid,
        "owed": task.owed,
        "ended": assignment.ended,
        "result": None if result is None else (result.status, result.paid),
    }


@pytest.mark.parametrize("scene", ["contribute", "contribute_by_hand", "participate"])
def test_a_contributor_trains_sends_and_is_paid_once(theatre: Theatre, scene: str) -> None:
    def setting(name: str) -> dict[str, Any]:
        return {"task": post(theatre, policy=AutoAccept(), slots=1)}

    def outcome(name: str, order: dict[str, Any]) -> object:
        done = work_done(theatre, name, order)
        assert done["trained"] == 1
        assert done["paid"] == REWARD
        assert done["transactions"] == 2  # accepted, sent
        return done

    killed_everywhere(theatre, scene, setting, outcome, at_least=18)


def test_a_sealed_result_is_sealed_and_sent_once(theatre: Theatre) -> None:
    key = theatre.town.creator("Alice").sealing_key().raw

    def setting(name: str) -> dict[str, Any]:
        return {"task": post(theatre, policy=AutoAccept(), slots=1, sealing_key=key)}

    def outcome(name: str, order: dict[str, Any]) -> object:
        done = work_done(theatre, name, order)
        assert done["trained"] == 1
        assert done["paid"] == REWARD
        assert done["transactions"] == 2  # accepted, sent
        (checked,) = theatre.town.creator("Alice").fetch_results(order["task"])
        assert checked.refusal is None
        return done

    killed_everywhere(theatre, "contribute", setting, outcome, at_least=20)


def test_a_contributor_claims_once(theatre: Theatre) -> None:
    def setting(name: str) -> dict[str, Any]:
        task = post(theatre, policy=Manual(), slots=1, validate_time=BlockNumber(3))
        assert theatre.play("contribute", name, task=task) == 0
        theatre.chain.new_block(3)
        return {"task": task}

    def outcome(name: str, order: dict[str, Any]) -> object:
        done = work_done(theatre, name, order)
        assert done["paid"] == REWARD
        assert done["transactions"] == 3  # accepted, sent, claimed
        return done

    killed_everywhere(theatre, "claim", setting, outcome, at_least=4)


def test_an_assignment_is_given_up_once(theatre: Theatre) -> None:
    def setting(name: str) -> dict[str, Any]:
        task = post(theatre)
        theatre.town.contributor(name).accept_task(task)
        return {"task": task}

    def outcome(name: str, order: dict[str, Any]) -> object:
        done = work_done(theatre, name, order)
        assert done["ended"]
        assert done["transactions"] == 2
        return done

    killed_everywhere(theatre, "give_up", setting, outcome, at_least=4)


def test_a_rejection_is_disputed_once(theatre: Theatre) -> None:
    def setting(name: str) -> dict[str, Any]:
        task = post(theatre)
        assert theatre.play("contribute", name, task=task) == 0
        creator = theatre.town.creator("Alice")
        worker = theatre.town.address(name)
        creator.validate_task_result(task, Round(1), worker, Reject("not good enough"))
        return {"task": task}

    def outcome(name: str, order: dict[str, Any]) -> object:
        done = work_done(theatre, name, order)
        assert done["transactions"] == 3
        return done

    killed_everywhere(theatre, "dispute", setting, outcome, at_least=4)


@pytest.mark.parametrize("key", ["the-job", None])
def test_a_task_is_posted_and_its_pay_locked_once(theatre: Theatre, key: str | None) -> None:
    def setting(name: str) -> dict[str, Any]:
        return {"key": key}

    def outcome(name: str, order: dict[str, Any]) -> object:
        # Without a key, a posting that was finished before the kill is followed by another one.
        address = theatre.town.address(name)
        market = theatre.town.market(name)
        tasks = [t for t in market.open_tasks() if t.creator == address]
        return {
            "tasks": len(tasks),
            "held": market.balance().held,
            "transactions": theatre.town.nonce(name),
        }

    if key is None:
        post_without_key(theatre, setting, outcome)
    else:
        killed_everywhere(theatre, "post", setting, outcome, at_least=5)


def post_without_key(theatre: Theatre, setting: Setting, outcome: Outcome) -> None:
    """Only the very last checkpoint, after which nothing was under way, leads to a second task."""
    name = theatre.someone()
    assert theatre.play("post", name, **setting(name)) == 0
    expected = outcome(name, {})
    for point in points(theatre, theatre.checkpoints(name) - 1):
        name = theatre.someone()
        assert theatre.play("post", name, point, **setting(name)) == KILLED
        assert theatre.play("post", name, **setting(name)) == 0
        assert outcome(name, {}) == expected, f"killed at {point}"


def test_a_round_is_validated_federated_and_followed_once(theatre: Theatre) -> None:
    town = theatre.town

    def setting(name: str) -> dict[str, Any]:
        posted = town.creator(name).create_task(
            town.bundle(), an_offer(rounds=2, slots=2), model=town.base_model()
        )
        workers = [theatre.someone() for _ in range(2)]
        (town.data(workers[1]) / "step").write_text("4.0")
        for worker in workers:
            assert theatre.play("contribute", worker, task=posted.task) == 0
        return {"task": posted.task}

    def outcome(name: str, order: dict[str, Any]) -> object:
        market = town.market(name)
        task = market.task(TaskId(order["task"]))
        results = sorted(r.status for r in market.results_of(task.id))
        assert task.paid == 2 * REWARD
        assert task.round == 2
        return {
            "results": results,
            "model": task.model,
            "owed": task.owed,
            "held": market.balance().held,
            "transactions": town.nonce(name),
        }

    killed_everywhere(theatre, "close_round", setting, outcome, at_least=12)


def growth(theatre: Theatre, development: float) -> float:
    """By how much longer the next process may live; on a network all takes so much longer."""
    return development if isinstance(theatre.chain, DevChain) else 2.0


def a_job(theatre: Theatre, name: str) -> dict[str, Any]:
    town = theatre.town
    offer = an_offer(rounds=3, slots=2)
    posted = town.creator(name).create_task(town.bundle(), offer, model=town.base_model())
    return {"task": posted.task, "workers": [theatre.someone(), theatre.someone()]}


def job_done(theatre: Theatre, name: str, order: dict[str, Any]) -> dict[str, object]:
    """What the chain, the curves and the workers' data say of a job in the end."""
    town = theatre.town
    market, task = town.market(name), TaskId(order["task"])
    now = market.task(task)
    lines = curves.read(town.folder / f"{name}.jsonl")
    assert (now.paid, now.owed) == (6 * REWARD, 0)
    assert now.status is TaskStatus.COMPLETED
    assert [line["round"] for line in lines] == [1, 2, 3]
    # The mean of the steps is 1.5, 2.5, 3.5, and half of the last movement comes on top.
    assert [line["federated"]["accuracy"] for line in lines] == [1.5, 4.75, 9.875]
    for worker in order["workers"]:
        paid = [r.paid for r in market.results_of(task) if r.worker == town.address(worker)]
        assert paid == [REWARD] * 3
        assert theatre.town.nonce(worker) == 4  # accepted, and sent three times
    return {
        "model": [line["model"] for line in lines],
        "held": market.balance().held,
        "transactions": town.nonce(name),  # posted; verdicts of three rounds; two rounds begun
    }


def test_a_job_of_three_rounds_goes_on_wherever_its_creator_is_killed(theatre: Theatre) -> None:
    def outcome(name: str, order: dict[str, Any]) -> object:
        done = job_done(theatre, name, order)
        assert done["transactions"] == 6
        assert [theatre.town.runs(worker) for worker in order["workers"]] == [3, 3]
        return done

    killed_everywhere(theatre, "run_job", lambda name: a_job(theatre, name), outcome, at_least=45)


def test_a_job_whose_people_are_killed_at_any_moment_ends_as_if_nothing_had_happened(
    theatre: Theatre,
) -> None:
    """Creator and contributors live in one process here, which dies again and again."""
    moments = random.Random(1986)
    for _ in range(as_many(theatre.chain, development=3, network=1)):
        name = theatre.someone()
        order = a_job(theatre, name)
        kills, patience = 0, 0.1
        while theatre.play("run_job", name, kill_after=moments.uniform(0, patience), **order):
            kills, patience = kills + 1, patience * growth(theatre, 1.2)
        assert kills > 3
        assert job_done(theatre, name, order)["transactions"] == 6


def test_an_evaluator_gives_each_verdict_once(theatre: Theatre) -> None:
    def setting(name: str) -> dict[str, Any]:
        task = post(theatre, policy=Delegated(theatre.town.address(name)))
        for _ in range(2):
            worker = theatre.someone()
            (theatre.town.data(worker) / "step").write_text(f"{len(worker)}.{worker[6:]}")
            assert theatre.play("contribute", worker, task=task) == 0
        return {"task": task}

    def outcome(name: str, order: dict[str, Any]) -> object:
        assert theatre.town.market("Alice").task(TaskId(order["task"])).paid == 2 * REWARD
        return theatre.town.nonce(name)

    killed_everywhere(theatre, "evaluate", setting, outcome, at_least=10)


def test_a_task_is_withdrawn_and_cleaned_up_once(theatre: Theatre) -> None:
    def setting(name: str) -> dict[str, Any]:
        town = theatre.town
        posted = town.creator(name).create_task(town.bundle(), an_offer(), model=town.base_model())
        return {"task": posted.task}

    def outcome(name: str, order: dict[str, Any]) -> object:
        market = theatre.town.market(name)
        assert market.balance().held == 0
        return theatre.town.nonce(name)

    killed_everywhere(theatre, "wind_up", setting, outcome, at_least=8)


def test_a_training_that_is_killed_with_its_role_is_begun_anew_and_delivered_once(
    theatre: Theatre,
) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    town, name = theatre.town, theatre.someone()
    waits = (
        "#!/bin/sh\nset -eu\necho waiting\n"
        '[ -e "$DATA_DIR/go" ] || sleep 60\nexec python train.py\n'
    )
    posted = town.creator("Alice").create_task(
        _with_script(town.bundle(), waits),
        an_offer(policy=AutoAccept()),
        model=town.base_model(),
    )
    order = {"task": posted.task, "kill_in_script": True}
    assert theatre.play("contribute_in_sandbox", name, **order) == KILLED
    (town.data(name) / "go").touch()
    order["kill_in_script"] = False
    assert theatre.play("contribute_in_sandbox", name, **order) == 0
    done = work_done(theatre, name, order)
    assert done["transactions"] == 2
    assert done["paid"] == REWARD
    town.bundle()


def _with_script(folder: Path, script: str) -> Path:
    (folder / "start_task.sh").write_text(script)
    return folder


def test_a_contributor_killed_at_any_moment_ends_as_if_nothing_had_happened(
    theatre: Theatre,
) -> None:
    """Not at named points but after any time, again and again until it is through."""
    moments = random.Random(2026)
    for _ in range(as_many(theatre.chain, development=8, network=1)):
        name = theatre.someone()
        order = {"task": post(theatre, policy=AutoAccept(), slots=1)}
        kills, patience = 0, 0.05
        while theatre.play("contribute", name, kill_after=moments.uniform(0, patience), **order):
            kills, patience = kills + 1, patience * growth(theatre, 1.3)
        assert kills > 0
        done = work_done(theatre, name, order)
        assert done["transactions"] == 2
        assert done["paid"] == REWARD
        assert done["ended"]


def test_stakes_of_all_who_finished_are_back(theatre: Theatre) -> None:
    """After all the killing, a last worker's stake comes back to the unit."""
    name = theatre.someone()
    task = post(theatre, policy=AutoAccept(), slots=1)
    before = theatre.town.market(name).balance().held
    assert before == 0
    assert theatre.play("contribute", name, task=task) == 0
    held = theatre.town.market(name).balance().held
    assert held < STAKE  # only the deposits of what the chain keeps
