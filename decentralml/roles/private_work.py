"""Noise on what a script learnt, before it leaves: by this process, whatever the script does."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from decentralml.chain.records import Task
from decentralml.errors import LearningError, TaskFailed
from decentralml.learning import models
from decentralml.learning.intake import Intake
from decentralml.learning.privacy.local import LocalPrivacy, privatize
from decentralml.learning.results import NOTE
from decentralml.learning.updates import read_whole
from decentralml.learning.weights import WeightsHeader
from decentralml.roles.round_work import RoundWork, ended_key
from decentralml.roles.workspace import RoundFolder

EXAMPLES = 1
"""What every private result says: the real count would tell something that no noise covers."""


class PrivateWork(RoundWork):
    """Keeps the person's wish for local differential privacy, `Machine.privacy`.

    What leaves is a model with noise, and nothing else: no metrics, no count of examples, no
    further arrays.
    """

    def record_result(self, task: Task) -> None:
        """As `RoundWork.record_result`; what the script left is made private before."""
        folder, wish = self.workspace.round(task.id, task.round), self.machine.privacy
        raw = folder.folder / "raw"
        done = self.workspace.journal.note(ended_key(task.id, task.round)) is not None
        if wish is not None and not done:
            self._hide(task, folder, raw, wish)
        super().record_result(task)
        shutil.rmtree(raw, ignore_errors=True)

    def _judge(self, task: Task, folder: RoundFolder) -> None:
        """What was being made private had been judged before."""
        if not (folder.folder / "raw").exists():
            super()._judge(task, folder)

    def _hide(self, task: Task, folder: RoundFolder, raw: Path, wish: LocalPrivacy) -> None:
        """Have ``run/`` private; until that is recorded, ``raw/`` has what the script left.

        May be interrupted anywhere and repeated: then the noise is another, and of the two results
        one leaves.
        """
        if not raw.exists():
            if not (folder.run / NOTE).exists():
                return  # no model was trained in this round
            folder.run.rename(raw)
            self.checkpoint(f"run/{task.id}/{task.round}:raw")
        given = self._round_files(task)
        try:
            if given is None:
                raise TaskFailed("there is no model that noise could be put on", None, "")
            being_made = folder.fresh(folder.folder / "private.tmp")
            being_made.mkdir()
            write_private(given.model, raw, being_made, wish)
        except (LearningError, TaskFailed) as error:
            folder.fresh(folder.record)
            folder.fresh(raw)
            failure = TaskFailed(str(error), None, "")
            self._failed(task, failure)
            raise failure from error
        folder.fresh(folder.run)
        being_made.rename(folder.run)
        self.checkpoint(f"run/{task.id}/{task.round}:private")


def write_private(base_file: Path, raw: Path, target: Path, wish: LocalPrivacy) -> None:
    """Write the result in ``raw`` into the empty folder ``target``, as it may leave.

    Raises: ResultRefused: what the script left is no result of this round.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="private-") as scratch:
        base = models.open_model(base_file, Path(scratch))
        _, update = Intake(base, Path(scratch)).take(raw, "")
        private = privatize(read_whole(base), read_whole(update), wish.clip, wish.noise)
    header = WeightsHeader(examples=EXAMPLES)
    models.write_like(base_file, private, target / f"model{base_file.suffix}", header)
    (target / NOTE).write_text(json.dumps({"examples": EXAMPLES}))
