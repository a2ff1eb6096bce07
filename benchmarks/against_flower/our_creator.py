"""Our side of `benchmarks.peers`: the creator, in a process of its own.

    python -m benchmarks.against_flower.our_creator CASE URL FOLDER POLICY OUT

Prints the task's number once it is posted. A round lasts from the block that started it to the one
that starts the next; the last one, which has no next, until its model is made and everybody paid.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from benchmarks.against_flower import job, market
from decentralml.chain.keys import Keypair
from decentralml.chain.node import Node
from decentralml.chain.records import AutoAccept, Manual, ResultStatus, TaskKind
from decentralml.roles.creator import Creator
from decentralml.roles.events import Did, Event
from decentralml.roles.job.plan import Plan
from decentralml.roles.posting import Offer
from decentralml.types import Planck

REWARD = Planck(10**10)
SCRIPT = "#!/bin/sh\nexit 64\n"


class Clock:
    """Notes when rounds begin, without what measuring the model took."""

    def __init__(self) -> None:
        self.marks: list[float] = []
        self.accuracy: list[float] = []
        self._measuring = 0.0

    def now(self) -> float:
        """Seconds, without those of measuring."""
        return time.perf_counter() - self._measuring

    def told(self, event: Event) -> None:
        """An event of the creator."""
        if event.did is Did.ROUND_STARTED:
            self.marks.append(self.now())

    def measure(self, model: Path) -> Mapping[str, float]:
        """The model's accuracy, outside of the rounds' time."""
        began = time.perf_counter()
        value = job.accuracy(market.load_arrays(model))
        self.accuracy.append(value)
        self._measuring += time.perf_counter() - began
        return {"accuracy": value}


def main() -> None:
    """Post the task, run the job, check that everybody was paid, write the figures."""
    case, url, folder = job.case_named(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    policy = AutoAccept() if sys.argv[4] == "auto" else Manual()
    clock, rounds = Clock(), case.rounds + 1
    bundle = folder / "bundle"
    bundle.mkdir(parents=True)
    (bundle / "start_task.sh").write_text(SCRIPT)
    model = folder / "model.safetensors"
    market.write_arrays(model, job.first_arrays(case.size), 1)
    offer = Offer(
        kind=TaskKind.CONTRIBUTION,
        title=case.name,
        reward=REWARD,
        slots=case.clients,
        rounds=rounds,
        policy=policy,
    )
    alice = Keypair.create_from_uri("//Alice", ss58_format=42)
    with Node(url) as node, market.rooms(node, alice, folder, clock.told) as rooms:
        creator = Creator(rooms)
        node.runtime()  # read once, before the job
        before = job.cpu_seconds()
        task = creator.create_task(bundle, offer, model=model).task
        print(int(task), flush=True)
        measure = clock.measure if case.trains else None
        plan = Plan(min_results=case.clients, evaluate=measure)
        report = creator.run_job(task, plan)
        marks, cpu = [*clock.marks, clock.now()], job.cpu_seconds() - before
        results = rooms.market.results_of(task)
        moved = rooms.store.moved  # type: ignore[attr-defined]
    assert len(report.rounds) == rounds, report.ended
    assert len(results) == rounds * case.clients
    assert all(r.status is ResultStatus.ACCEPTED and r.paid == REWARD for r in results)
    figures = {
        "seconds": [after - before for before, after in pairwise(marks)],
        "accuracy": clock.accuracy[1 : case.rounds + 1],  # the first is of the untrained model
        "moved": moved,
        "cpu": cpu,
        "peak": job.peak_bytes(),
    }
    Path(sys.argv[5]).write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
