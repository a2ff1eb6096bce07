"""A contributor's result folder, hostile, into an update that a strategy may read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from decentralml.learning import models
from decentralml.learning.decompression import open_update
from decentralml.learning.errors import CopiedWeights, MissingFile
from decentralml.learning.inspection import Inspector, check_readable
from decentralml.learning.limits import DEFAULT_RESULT_LIMITS, ResultLimits
from decentralml.learning.results import UPDATE, ContributorResult, read_result
from decentralml.learning.updates import FileUpdate, Readable

NO_MODEL: Final = f"model (.keras, .safetensors or {UPDATE})"


class Intake:
    """Takes the results of one round, the earliest first.

    Each is read once, in pieces; what is kept of it is where its numbers lie.

    Args:
        base: the round's model, which updates must be like; None where any model is taken.
        scratch: an own folder that lives as long as the updates are read.
        limits: of one result.
    """

    def __init__(
        self, base: Readable | None, scratch: Path, limits: ResultLimits = DEFAULT_RESULT_LIMITS
    ) -> None:
        self._base, self._scratch, self._limits = base, scratch, limits
        self._inspector = Inspector()

    def take(
        self, folder: Path, contributor: str, *, again: bool = False
    ) -> tuple[ContributorResult, FileUpdate]:
        """The result and its update, every value of which is finite.

        Args:
            folder: what a script left in ``RESULT_DIR``.
            contributor: whose it is.
            again: whether the same contributor's same numbers may come again (a second look).

        Raises:
            ResultRefused: by the name of what is wrong with it; ``CopiedWeights`` where an earlier
                result has the same numbers.
        """
        result = read_result(folder, self._limits)
        update = FileUpdate(
            self._model_of(result), result.examples, contributor, self._extras_of(result)
        )
        owner = self._inspector.inspect(update.model, contributor)
        if owner is not None and not (again and owner == contributor):
            raise CopiedWeights(owner)
        return result, update

    def _model_of(self, result: ContributorResult) -> Readable:
        if result.update is not None:
            if self._base is None:
                raise MissingFile("model of its own: there is none that it could be a change of")
            return open_update(result.update, self._base, self._limits.model)
        if result.model is None:
            raise MissingFile(NO_MODEL)
        return self._open(result.model)

    def _extras_of(self, result: ContributorResult) -> Readable | None:
        if result.extras is None:
            return None
        extras = self._open(result.extras)
        check_readable(extras)
        return extras

    def _open(self, path: Path) -> Readable:
        template = None if self._base is None else self._base.template
        return models.open_model(path, self._scratch, template, self._limits.model)
