"""What a delivery's content must be, by the kind of its task."""

from __future__ import annotations

from pathlib import Path

from decentralml.chain.records import Task, TaskKind, TaskResult
from decentralml.learning import models
from decentralml.learning.answers import ITEMS, read_answers, read_questionnaire
from decentralml.learning.errors import CopiedWeights, MissingFile
from decentralml.learning.layers import fingerprint
from decentralml.learning.results import ANSWERS, ContributorResult, read_result
from decentralml.roles.verdicts import Checked
from decentralml.types import AccountId


class Checker:
    """Checks the deliveries of one round, the earliest sent first.

    Of two models with equal weights the later one is refused as a copy. Equal answers of annotators
    are no copies: they agree.

    Args:
        task: the task.
        bundle: its verified bundle.
        base: the model whose structure a contribution must have; None when the task has none.
    """

    def __init__(self, task: Task, bundle: Path, base: Path | None) -> None:
        self._task, self._bundle, self._base = task, bundle, base
        self._seen: dict[str, AccountId] = {}

    def check(self, result: TaskResult, folder: Path) -> Checked:
        """The delivery with its figures.

        Args:
            result: what the chain says of it.
            folder: its ``result/`` folder, hostile.

        Raises: ResultRefused: by the name of what is wrong.
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
        read_answers(found.answers, read_questionnaire(self._bundle / ITEMS))

    def _check_model(self, result: TaskResult, found: ContributorResult) -> None:
        if found.model is None:
            raise MissingFile("model (.keras or .safetensors)")
        same = self._task.terms.kind is TaskKind.CONTRIBUTION and self._base is not None
        template = models.read_template(self._base) if same and self._base else None
        mark = fingerprint(models.read_layers(found.model, template))
        first = self._seen.setdefault(mark, result.worker)
        if first != result.worker:
            raise CopiedWeights(first)
