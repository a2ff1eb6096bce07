"""An engineer changes a task's model."""

from __future__ import annotations

from typing import ClassVar

from decentralml.chain.records import TaskKind
from decentralml.roles.worker import Worker


class Engineer(Worker):
    """Does engineering tasks: gives the model another structure, and shows that it works."""

    name: ClassVar[str] = "engineer"
    kinds: ClassVar[frozenset[TaskKind]] = frozenset({TaskKind.ENGINEERING})
