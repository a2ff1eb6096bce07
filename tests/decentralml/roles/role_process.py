"""A role as a process of its own, killed where the test says.

Started once with ``python role_process.py URL FOLDER``; each line of its input is an order in
JSON, for which it forks a child (so that imports cost nothing) and answers with the child's exit
status. An order names a scene below, its arguments, a file in which each checkpoint passed is
noted, and the number of the checkpoint at which the child kills itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from decentralml.chain.records import AutoAccept
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.roles.events import Did, Event
from decentralml.roles.job.job import Job
from decentralml.roles.job.plan import Plan
from decentralml.roles.participant import Train, Training
from decentralml.roles.posting import Offer
from decentralml.roles.worker import Wanted
from decentralml.runner import find_sandbox
from decentralml.types import Round, TaskId
from tests.decentralml.roles.town import Town, adding, an_offer


class Trace:
    """Notes each checkpoint in a file; kills this process at one of them."""

    def __init__(self, path: Path, kill_at: int | None) -> None:
        self.path, self.kill_at, self.passed = path, kill_at, 0

    def __call__(self, name: str) -> None:
        with self.path.open("a") as file:
            file.write(name + "\n")
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1


def contribute(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Accept, run and send."""
    worker = town.contributor(order["name"], checkpoint=trace)
    worker.work(Wanted(tasks=frozenset({TaskId(order["task"])})), once=True)


def contribute_by_hand(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """The same, step by step."""
    worker = town.contributor(order["name"], checkpoint=trace)
    worker.accept_task(TaskId(order["task"]))
    worker.run(TaskId(order["task"]))
    worker.send_task_result(TaskId(order["task"]))


def contribute_in_sandbox(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Contribute; killed while the script runs, when the order says so."""

    def watch(event: Event) -> None:
        if event.did is Did.PRINTED and event.text == "waiting" and order["kill_in_script"]:
            os.kill(os.getpid(), signal.SIGKILL)

    sandbox = find_sandbox().require()
    worker = town.contributor(order["name"], checkpoint=trace, on_event=watch, sandbox=sandbox)
    worker.work(Wanted(tasks=frozenset({TaskId(order["task"])})), once=True)


def participate(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Contribute by a function of this process."""
    train = counting(town, order["name"], 1.0)
    worker = town.participant(order["name"], train, checkpoint=trace)
    worker.take_part(TaskId(order["task"]), once=True)


def counting(town: Town, name: str, step: float) -> Train:
    """A participant's function that notes its calls, and adds what it kept from the rounds before:
    each of them counts once.
    """
    runs = town.data(name) / "runs"

    def train(training: Training) -> None:
        with runs.open("a") as file:
            file.write(f"round {training.round}\n")
        kept = training.state / "rounds"
        before = int(kept.read_text()) if kept.exists() else 0
        kept.write_text(str(before + 1))
        adding(step + before)(training)

    return train


def evaluate(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Validate what was delegated."""
    town.evaluator(order["name"], checkpoint=trace).work(once=True)


def post(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Post a task, without a key."""
    creator = town.creator(order["name"], checkpoint=trace)
    creator.create_task(
        town.folder / "bundle",
        _offer(order),
        model=town.folder / "model.safetensors",
        key=order.get("key"),
    )


def close_round(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Validate what is there, federate it, start the second round."""
    creator = town.creator(order["name"], checkpoint=trace)
    task = TaskId(order["task"])
    creator.validate_all(task, round_=Round(1))
    creator.federate(task, Round(1))
    creator.start_round(
        task,
        creator.workspace.round(task, Round(1)).federated / "model.safetensors",
        number=Round(2),
    )


def run_job(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """A whole job: its contributors deliver what they can, then the creator goes on, and again."""
    task = TaskId(order["task"])
    plan = Plan(
        strategy=FedAvgM(momentum=0.5, learning_rate=1.0),
        evaluate=lambda model: {"accuracy": float(read_layers(model)["dense/bias"][0])},
        curves=town.folder / f"{order['name']}.jsonl",
    )
    while True:
        for place, worker in enumerate(order["workers"]):
            town.participant(worker, counting(town, worker, 1.0 + place)).take_part(task, once=True)
        report = Job(town.creator(order["name"], checkpoint=trace), task, plan).run(once=True)
        if not report.ended.startswith("stopped"):
            return


def give_up(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Leave a task."""
    town.contributor(order["name"], checkpoint=trace).release_assignment(TaskId(order["task"]))


def claim(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Have the validator's silence paid."""
    worker = town.contributor(order["name"], checkpoint=trace)
    worker.work(Wanted(tasks=frozenset({TaskId(order["task"])})), once=True)


def dispute(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Ask the arbiter."""
    town.contributor(order["name"], checkpoint=trace).dispute_result(
        TaskId(order["task"]), Round(1)
    )


def wind_up(town: Town, order: dict[str, Any], trace: Trace) -> None:
    """Withdraw a task, and have all that the chain keeps of it removed."""
    creator = town.creator(order["name"], checkpoint=trace)
    task = TaskId(order["task"])
    creator.withdraw_task(task)
    creator.prune_task(task)


def _offer(order: dict[str, Any]) -> Offer:
    return an_offer(**({"policy": AutoAccept()} if order.get("auto") else {}))


SCENES: dict[str, Callable[[Town, dict[str, Any], Trace], None]] = {
    scene.__name__: scene
    for scene in (
        contribute,
        contribute_by_hand,
        contribute_in_sandbox,
        participate,
        run_job,
        evaluate,
        post,
        close_round,
        give_up,
        claim,
        dispute,
        wind_up,
    )
}


def play(url: str, folder: Path, order: dict[str, Any]) -> int:
    """One order in this process; its exit status."""
    town = Town(url, folder)
    try:
        SCENES[order["scene"]](town, order, Trace(Path(order["trace"]), order.get("kill_at")))
    except Exception:  # noqa: BLE001 - the parent shows it
        traceback.print_exc()
        return 1
    finally:
        town.close()
    return 0


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    warm = Town(url, folder)  # the runtime's metadata are decoded once, before the first fork
    warm.market("Alice").balance()
    warm.close()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            status = play(url, folder, order)
            sys.stderr.flush()
            os._exit(status)
        if order.get("kill_after") is not None:
            time.sleep(order["kill_after"])  # any instruction may be the one it is killed at
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
