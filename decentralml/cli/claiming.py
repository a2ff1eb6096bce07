"""Settling a result whose time is over: workers and creators do it alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decentralml.cli.output import acted

if TYPE_CHECKING:
    from decentralml.roles.role import Role
    from decentralml.types import AccountId


def claim(role: Role, task: int, number: int, worker: AccountId, as_json: bool) -> None:
    """Settle it and say so; JSON has the result as the chain keeps it now."""
    from decentralml.types import Round, TaskId

    block = role.claim_result(TaskId(task), Round(number), worker)
    settled = role.market.result(TaskId(task), Round(number), worker) if as_json else None
    acted("claimed", block, as_json, result=settled)
