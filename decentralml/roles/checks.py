"""What a delivery's content must be, by the kind of its task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from decentralml.chain.records import Task, TaskKind, TaskResult
from decentralml.errors import OutOfOrder
from decentralml.learning import models
from decentralml.learning.answers import ITEMS, Questionnaire, read_answers, read_questionnaire
from decentralml.learning.errors import CopiedWeights, MissingFile, ResultRefused
from decentralml.learning.layers import Template, fingerprint
from decentralml.learning.results import ANSWERS, ContributorResult, read_result
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
        self._seen: dict[str, AccountId] = {}
        self._expected: Template | Questionnaire | None = None

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
        found = read_result(folder)
        if self._task.terms.kind.is_annotation:
            self._check_answers(found)
        else:
            self._check_model(result, found)
        return Checked(
            result, folder, examples=found.examples, metrics=tuple(sorted(found.metrics.items()))
        )

    def _check_answers(self, found: ContributorResult) -> None:
        if found.answers is None:
            raise MissingFile(ANSWERS)
        read_answers(found.answers, self._questionnaire())

    def _check_model(self, result: TaskResult, found: ContributorResult) -> None:
        if found.model is None:
            raise MissingFile("model (.keras or .safetensors)")
        mark = fingerprint(models.read_layers(found.model, self._template()))
        first = self._seen.setdefault(mark, result.worker)
        if first != result.worker:
            raise CopiedWeights(first)

    def _questionnaire(self) -> Questionnaire:
        if not isinstance(self._expected, Questionnaire):
            bundle = self._bundle()
            try:
                self._expected = read_questionnaire(bundle / ITEMS)
            except ResultRefused as error:
                raise self._own_fault(error) from error
        return self._expected

    def _template(self) -> Template | None:
        if self._task.terms.kind is not TaskKind.CONTRIBUTION:
            return None
        if self._expected is None:
            base = self._base()
            if base is None:
                return None
            try:
                self._expected = models.read_template(base)
            except ResultRefused as error:
                raise self._own_fault(error) from error
        return None if isinstance(self._expected, Questionnaire) else self._expected

    def _own_fault(self, error: ResultRefused) -> OutOfOrder:
        """No worker is to be refused for what the creator published."""
        return OutOfOrder(
            f"check the results of task {self._task.id}",
            f"what the task itself published is unusable ({error.reason})",
            "judge the results yourself, or withdraw the task",
        )
