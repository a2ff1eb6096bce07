"""A contributor trains a task's model on data that never leaves the contributor's machine."""

from __future__ import annotations

from typing import ClassVar

from decentralml.chain.records import TaskKind
from decentralml.roles.private_work import PrivateWork
from decentralml.roles.secure.work import SecureWork
from decentralml.roles.worker import Worker


class Contributor(PrivateWork, SecureWork, Worker):
    """Does contribution tasks: trains the round's model on the person's own data."""

    name: ClassVar[str] = "contributor"
    kinds: ClassVar[frozenset[TaskKind]] = frozenset({TaskKind.CONTRIBUTION})
