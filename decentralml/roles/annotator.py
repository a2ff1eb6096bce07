"""An annotator labels a task's items."""

from __future__ import annotations

from typing import ClassVar

from decentralml.chain.records import TaskKind
from decentralml.roles.worker import Worker


class Annotator(Worker):
    """Does annotation tasks, of whatever media."""

    name: ClassVar[str] = "annotator"
    kinds: ClassVar[frozenset[TaskKind]] = frozenset(
        kind for kind in TaskKind if kind.is_annotation
    )
