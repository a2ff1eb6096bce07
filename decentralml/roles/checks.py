"""What a delivery's content must be, by the kind of its task."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

from decentralml.chain.records import Task, TaskKind, TaskResult
from decentralml.errors import OutOfOrder
from decentralml.learning import models
from decentralml.learning.answers import ITEMS, Questionnaire, read_answers, read_questionnaire
from decentralml.learning.errors import MissingFile, ResultRefused
from decentralml.learning.intake import Intake
from decentralml.learning.results import ANSWERS, ContributorResult, read_result
from decentralml.learning.updates import Readable
from decentralml.roles.verdicts import Checked
from decentralml.types import AccountId


class Checker:
    """Checks the deliveries of one round, the earliest sent first.

    Of two models with equal weights the later one is refused as a copy. Equal answers of annotators
    are no copies: they agree.

    Args:
        task: the task.
        bundle: gives its verified bundle; asked for where the check needs it.
        base: gives the model whose structure a contribution must have; None from it when the task
            has none.
    """

    def __init__(
        self, task: Task, bundle: Callable[[], Path], base: Callable[[], Path | None]
    ) -> None:
        self._task, self._bundle, self._base = task, bundle, base
        # For models whose arrays do not lie plainly in their file; removed with the checker.
        self._scratch = Path(tempfile.mkdtemp(prefix="decentralml-"))
        weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self._questions: Questionnaire | None = None
        self._intake: Intake | None = None

    def is_sealed(self, worker: AccountId) -> bool:
        """Whether a sealing task's result is sealed: here, everybody's."""
        return True

    def check(self, result: TaskResult, folder: Path) -> Checked:
        """The delivery with its figures.

        Args:
            result: what the chain says of it.
            folder: its ``result/`` folder, hostile.

        Raises:
            ResultRefused: by the name of what is wrong with it.
            OutOfOrder: the task's own bundle or model cannot be used to check anything.
            AssetError: the task's own bundle or model could not be had.
        """
        if self._task.terms.kind.is_annotation:
            found = read_result(folder)
            self._check_answers(found)
        else:
            found, _ = self._models().take(folder, result.worker, again=True)
        return Checked(
            result, folder, examples=found.examples, metrics=tuple(sorted(found.metrics.items()))
        )

    def _check_answers(self, found: ContributorResult) -> None:
        if found.answers is None:
            raise MissingFile(ANSWERS)
        read_answers(found.answers, self._questionnaire())

    def _questionnaire(self) -> Questionnaire:
        if self._questions is None:
            bundle = self._bundle()
            try:
                self._questions = read_questionnaire(bundle / ITEMS)
            except ResultRefused as error:
                raise self._own_fault(error) from error
        return self._questions

    def _models(self) -> Intake:
        if self._intake is None:
            self._intake = Intake(self._round_model(), self._scratch)
        return self._intake

    def _round_model(self) -> Readable | None:
        if self._task.terms.kind is not TaskKind.CONTRIBUTION:
            return None
        base = self._base()
        if base is None:
            return None
        try:
            return models.open_model(base, self._scratch)
        except ResultRefused as error:
            raise self._own_fault(error) from error

    def _own_fault(self, error: ResultRefused) -> OutOfOrder:
        """No worker is to be refused for what the creator published."""
        return OutOfOrder(
            f"check the results of task {self._task.id}",
            f"what the task itself published is unusable ({error.reason})",
            "judge the results yourself, or withdraw the task",
        )
