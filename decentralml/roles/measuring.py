"""A validator's own figures on a job: each round's model, and each delivery, on held-out data.

What is measured is noted in the journal, so nothing is measured twice; the curves are made from the
notes. The chain carries verdicts only: the figures stay with who measured them, in these files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decentralml.chain.records import Task, TaskKind, Verdict
from decentralml.errors import AssetError, LearningError, OutOfOrder
from decentralml.learning import curves
from decentralml.learning.results import read_result
from decentralml.roles.events import Did
from decentralml.roles.federation import Evaluate, Figures
from decentralml.roles.validator import Validator
from decentralml.roles.verdicts import Checked, Judge
from decentralml.types import Round, TaskId


@dataclass(frozen=True, slots=True)
class Measurer:
    """Measures what a validator sees.

    Attributes:
        validator: downloads the models.
        evaluate: measures a model's file.
        lines: a file of JSON lines, one a round: ``base``, the figures of the model that the round
            began with (so of the round before, federated), and ``measured``, each delivery's.
        picture: a PNG with a curve of ``metric`` for each task.
        metric: what is drawn.
    """

    validator: Validator
    evaluate: Evaluate
    lines: Path | None = None
    picture: Path | None = None
    metric: str = "accuracy"

    def judge(self, decide: Judge) -> Judge:
        """`decide`, with each delivery measured before it is decided."""

        def measured(checked: Checked) -> Verdict | None:
            if checked.refusal is None and checked.folder is not None:
                self.delivery(checked)
            return decide(checked)

        return measured

    def delivery(self, checked: Checked) -> Figures:
        """The figures of one delivery; empty for one without a model."""
        result, folder = checked.result, checked.folder
        model = None if folder is None else read_result(folder).model
        if model is None:
            return {}
        return self._measure(result.task, result.round, result.worker, model)

    def look(self, task: TaskId) -> None:
        """Measure the model of the task's current round, unless that was done; show all figures."""
        now = self.validator.show_if_kept(task)
        if now is not None and now.terms.kind is TaskKind.CONTRIBUTION and now.model is not None:
            try:
                self._model(now)
            except (AssetError, LearningError) as error:
                self.validator.tell(Did.FAILED, task, now.round, f"the round's model: {error}")
        self._show()

    def _model(self, task: Task) -> None:
        if self._noted(task.id, task.round, "model") is None:
            base = self.validator.base_file(task)
            if base is not None:
                self._measure(task.id, task.round, "model", base)

    def _noted(self, task: TaskId, number: Round, who: str) -> str | None:
        return self.validator.workspace.journal.note(f"measured/{task}/{number}/{who}")

    def _measure(self, task: TaskId, number: Round, who: str, model: Path) -> Figures:
        noted = self._noted(task, number, who)
        if noted is not None:
            figures: Figures = json.loads(noted)
            return figures
        figures = self.evaluate(model)
        key = f"measured/{task}/{number}/{who}"
        self.validator.workspace.journal.write_note(key, json.dumps(dict(figures)))
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        self.validator.tell(Did.MEASURED, task, number, f"{who}: {shown}")
        return figures

    def _show(self) -> None:
        found = self._found()
        if self.lines is not None:
            self._write(self.lines, found)
        points: dict[str, list[tuple[int, float]]] = {}
        for line in found:
            if self.metric in line["base"]:
                curve = points.setdefault(f"task {line['task']}", [])
                curve.append((line["round"] - 1, line["base"][self.metric]))
        if self.picture is not None and points:
            share = self.metric == "accuracy"
            curves.draw(self.picture, points, label=self.metric, percent=share)

    def _found(self) -> list[dict[str, Any]]:
        """A line for each round that was seen, by task and round."""
        rounds: dict[tuple[int, int], dict[str, Any]] = {}
        for key, text in self.validator.workspace.journal.notes("measured/").items():
            _, task, number, who = key.split("/")
            place = int(task), int(number)
            line = rounds.setdefault(
                place, {"task": place[0], "round": place[1], "base": {}, "measured": {}}
            )
            figures = json.loads(text)
            if who == "model":
                line["base"] = figures
            else:
                line["measured"][who] = figures
        return [rounds[place] for place in sorted(rounds)]

    @staticmethod
    def _write(path: Path, found: list[dict[str, Any]]) -> None:
        there = curves.read(path)
        if there == found:
            return
        if any(not {"task", "round", "base", "measured"} <= set(line) for line in there):
            raise OutOfOrder(
                f"write figures to {path}", "that file is of something else", "name another file"
            )
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text("".join(json.dumps(line) + "\n" for line in found))
        temporary.replace(path)
