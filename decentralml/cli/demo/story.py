"""The demo's story: who does what, in which order."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decentralml.cli.demo.board import Board
from decentralml.cli.demo.people import Person
from decentralml.cli.demo.stage import Event, Running, Stage
from decentralml.cli.output import remark
from decentralml.roles.events import Did
from decentralml.runner.finding import find_sandbox
from decentralml.types import TaskId

WORKERS = {"contributor", "engineer", "annotator"}


@dataclass(frozen=True)
class Told:
    """What the story left behind.

    Attributes:
        tasks: name of the task → its number.
        rounds: what `creator federate` said of each round.
        model: the last federated model.
        source: where the digits come from.
    """

    tasks: Mapping[str, TaskId]
    rounds: tuple[Any, ...]
    model: Path
    source: str


class Story:
    """One run of the main job, with everybody as a process.

    Args:
        root: the folder of the demo; ``root/job`` is made by the creator.
    """

    def __init__(
        self, stage: Stage, people: Mapping[str, Person], board: Board, root: Path
    ) -> None:
        self.stage, self.people, self.board = stage, people, board
        self.job = root / "job"
        self.creator = people["creator"]
        self.contributors = [p for p in people.values() if p.role == "contributor"]
        self.validated: Counter[tuple[int, int]] = Counter()
        self.isolated = find_sandbox().sandbox is not None
        if not self.isolated:
            remark("No sandbox here (see `decentralml doctor`): the demo trusts its own templates.")

    def tell(self, *, quick: bool) -> Told:
        """Everything, from the first model to the last federated one.

        Raises: ProcessFailed: somebody's command failed.
        """
        self.stage.told = self._hear
        prepared = self._prepare(quick)
        tasks = self._post(int(prepared["rounds"]))
        workers = [self._start(p) for p in self.people.values() if p.role in WORKERS]
        self.stage.start(self.creator, "watch", str(tasks["contribution"]))
        self.stage.start(self.people["evaluator"], "work")
        rounds = tuple(self._round(tasks, n, prepared) for n in range(1, prepared["rounds"] + 1))
        self.stage.until(lambda: not any(self.stage.goes_on(worker) for worker in workers))
        return Told(tasks, rounds, self._output, str(prepared["source"]))

    def _prepare(self, quick: bool) -> Any:
        self._says("builds a model and trains it on the few digits it has")
        command = [sys.executable, "-m", "decentralml.cli.demo.prepare", str(self.job)]
        return self.stage.run(self.creator, [*command, *(["--quick"] if quick else [])])

    def _post(self, rounds: int) -> dict[str, TaskId]:
        evaluator = self.people["evaluator"].account
        model = ("--model", str(self.job / "creator" / "model" / "model.keras"))
        many = ("--slots", str(len(self.contributors)), "--rounds", str(rounds))
        return {
            "contribution": self._create(
                "contribution", "contribution", "Train the model",
                "--reward", "10", "--policy", "manual", *many, *model,
            ),
            "engineering": self._create(
                "engineering", "engineering", "Add a layer",
                "--reward", "25", "--policy", evaluator, *model,
            ),
            "annotation": self._create(
                "annotation", "annotation-image", "Which digit is this?",
                "--reward", "5", "--policy", "auto-accept",
            ),
        }  # fmt: skip

    def _create(self, name: str, kind: str, title: str, *words: str) -> TaskId:
        self._says(f"posts: {title}")
        folder = str(self.job / "tasks" / name)
        said = self._ask("create-task", folder, "--kind", kind, "--title", title, *words)
        return TaskId(int(said["task"]))

    def _start(self, person: Person) -> Running:
        words = ["work", "--tasks", "1", "--trust", self.creator.account]
        words += ["--data", str(self.job / "people" / person.name / "data")]
        return self.stage.start(person, *words, *([] if self.isolated else ["--no-sandbox"]))

    def _round(self, tasks: Mapping[str, TaskId], number: int, prepared: Mapping[str, Any]) -> Any:
        task, wanted = tasks["contribution"], len(self.contributors)
        self._says(f"waits for round {number} of {prepared['rounds']}")
        self.stage.until(lambda: self.validated[task, number] >= wanted)
        self._says(f"federates round {number}, and measures every model on held-out digits")
        measure = ("--evaluate", str(self.job / "creator"), "--output", str(self._output))
        said = self._ask("federate", str(task), "--round", str(number), *measure)
        if number < prepared["rounds"]:
            self._says(f"publishes the model of round {number + 1}")
            self._ask("start-round", str(task))
        return said

    def _hear(self, person: Person, event: Event) -> None:
        self.board.event(person, event)
        if event["did"] == Did.VALIDATED.value:
            self.validated[event["task"], event["round"]] += 1

    @property
    def _output(self) -> Path:
        return self.job / "creator" / "federated.keras"

    def _ask(self, *words: str) -> Any:
        return self.stage.ask(self.creator, *words)

    def _says(self, text: str) -> None:
        self.board.says(self.creator.name, text)
