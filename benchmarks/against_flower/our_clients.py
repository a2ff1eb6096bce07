"""Our side of `benchmarks.peers`: some contributors, each with an account, in one process.

python -m benchmarks.against_flower.our_clients CASE URL FOLDER FIRST LAST TASK
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.against_flower import job, market
from decentralml.chain.node import Node
from decentralml.roles.participant import Participant, Training
from decentralml.roles.waiting import wait_for_news
from decentralml.roles.worker import never
from decentralml.types import TaskId

NEWS = {"RoundStarted", "TaskCompleted", "TaskWithdrawn", "ResultValidated"}


def participant(stack: ExitStack, case: job.Case, node: Node, folder: Path, n: int) -> Participant:
    """Client `n`."""
    train = job.training(case, n)

    def round_(training: Training) -> None:
        assert training.model is not None
        arrays, examples = train(market.load_arrays(training.model), training.round)
        market.write_arrays(training.result / market.FILE, arrays, examples)
        note = {"examples": examples, "metrics": {}}
        (training.result / "result.json").write_text(json.dumps(note))

    rooms = stack.enter_context(market.rooms(node, market.key_of(n), folder))
    return Participant(rooms, round_)


def main() -> None:
    """Take part until the task is over; prints CPU seconds, and bytes that were moved."""
    case, url, folder = job.case_named(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    numbers, task = range(int(sys.argv[4]), int(sys.argv[5])), TaskId(int(sys.argv[6]))
    with ExitStack() as stack:
        node = stack.enter_context(Node(url))
        node.runtime()  # read once by each process, before it takes part
        people = [participant(stack, case, node, folder, number) for number in numbers]
        working, before = list(people), job.cpu_seconds()
        while working:
            head = working[0].market.head()
            working = [p for p in working if task not in p.take_part(task, once=True).finished]
            if working:
                concerns = working[0].market, head, None, lambda t, e: t == task and e in NEWS
                wait_for_news(*concerns, never)
        moved = sum(p.store.moved for p in people)  # type: ignore[attr-defined]
        print(job.cpu_seconds() - before, moved)


if __name__ == "__main__":
    main()
