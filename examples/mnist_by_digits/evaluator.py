"""The evaluator's process: validates every result, and judges all models after some rounds.

    python -m examples.mnist_by_digits.evaluator DATA --judged 1 11 21 31 40

It is the task's delegated validator, so nobody is paid but by its verdict. A round's federated
model is what the next round begins with; that of the last round it is told on standard input, as
the CID of a bundle.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from decentralml.chain.records import TaskStatus, Verdict
from decentralml.cli import wiring
from decentralml.config import load_settings
from decentralml.learning.datasets import Examples, load_shards
from decentralml.learning.results import read_result
from decentralml.roles.evaluator import Evaluator
from decentralml.roles.events import ignore
from decentralml.roles.round_bundle import round_files
from decentralml.roles.verdicts import Checked, by_checks
from decentralml.types import Cid, Round

from .job import counts
from .judging import JUDGED, Judgement, judge, table

FEDERATED = "federated"
ENDS = (TaskStatus.COMPLETED, TaskStatus.WITHDRAWN)


class Judging:
    """Validates by the checks, and judges models on the way.

    Args:
        evaluator: the role.
        examples: the test images.
        judged: after which rounds.
        names: address → name, for the table.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        examples: Examples,
        judged: tuple[int, ...],
        names: Mapping[str, str],
    ) -> None:
        self.evaluator, self.examples, self.judged, self.names = evaluator, examples, judged, names
        self.alone: dict[Round, dict[str, Judgement]] = {}
        self.told: set[Round] = set()

    def verdict(self, checked: Checked) -> Verdict | None:
        """By the checks; in a round to be judged the worker's own model is looked at too."""
        result = checked.result
        model = None if checked.folder is None else read_result(checked.folder).model
        if result.round in self.judged and model is not None:
            own = self.alone.setdefault(result.round, {})
            own[self.names.get(result.worker, result.worker)] = judge(model, self.examples)
        self._tell_of_the_round_before(result.round)
        return by_checks(checked)

    def tell_of(self, number: Round, federated: Path) -> None:
        """Print the table of a round."""
        own = sorted(self.alone.pop(number, {}).items())
        judged = [(FEDERATED, judge(federated, self.examples)), *own]
        print("\n".join(table(number, judged)), flush=True)
        self.told.add(number)

    def is_over(self) -> bool:
        """Whether there was a task, and all is settled."""
        tasks = self.evaluator.tasks()
        return bool(tasks) and all(t.status in ENDS and not t.unsettled for t in tasks)

    def tell_of_the_last(self, cid: Cid) -> None:
        """Print the last round's table, whose federated model no round began with."""
        task = self.evaluator.tasks()[0]
        if task.round in self.judged:
            folder = self.evaluator.workspace.task(task.id) / "last-model"
            self.evaluator.fetch(cid, folder, task.id, task.round, "the last model")
            self.tell_of(task.round, round_files(folder).model)

    def _tell_of_the_round_before(self, number: Round) -> None:
        before, task = Round(number - 1), self.evaluator.tasks()[0]
        if before not in self.judged or before in self.told or task.model is None:
            return
        if task.round == number:
            folder = self.evaluator.workspace.round(task.id, number).model
            self.evaluator.fetch(task.model, folder, task.id, number, "model")
            self.tell_of(before, round_files(folder).model)


def main() -> None:
    """Parses the options; validates until the task is over, then judges the last model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judged", type=int, nargs="+", default=JUDGED)
    parser.add_argument("--names", default="{}", help="JSON: address → name")
    options = parser.parse_args()
    examples = load_shards(options.data)
    print(f"has {counts(examples.labels)}", flush=True)
    with wiring.rooms(load_settings({}, None), ignore) as rooms:
        evaluator = Evaluator(rooms)
        judging = Judging(evaluator, examples, tuple(options.judged), json.loads(options.names))
        evaluator.work(judging.verdict, stop=judging.is_over)
        judging.tell_of_the_last(Cid(sys.stdin.readline().strip()))


if __name__ == "__main__":
    main()
