"""How far each validator is, and whether all have the same chain."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from decentralml.localnet.rpc import NoAnswer, ask
from decentralml.localnet.validator import Validator


@dataclass(frozen=True, slots=True)
class ValidatorStatus:
    """What one validator says; heights and peers are None when it does not answer.

    Attributes:
        name: what it is called.
        url: where clients connect.
        pid: its process; None: it does not run.
        exit_status: how it ended (negative: by that signal); None while it runs.
        best: height of its best block.
        finalised: height of the last block that it knows to be final.
        peers: how many nodes it is connected to.
        final_state: state root after block `NetworkStatus.agreed_at`.
    """

    name: str
    url: str
    pid: int | None
    exit_status: int | None
    best: int | None = None
    finalised: int | None = None
    peers: int | None = None
    final_state: str | None = None

    @property
    def answers(self) -> bool:
        """Whether it said anything."""
        return self.best is not None


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """All validators at one moment.

    Attributes:
        validators: in their order.
        agreed_at: the highest block that is final for all who answer; None: nobody answers.
        agree: whether all who answer have the same state after it.
    """

    validators: tuple[ValidatorStatus, ...]
    agreed_at: int | None
    agree: bool

    @property
    def running(self) -> int:
        """How many validators run."""
        return sum(one.pid is not None for one in self.validators)

    @property
    def needed(self) -> int:
        """How many must run for blocks to become final: more than two thirds."""
        return 2 * len(self.validators) // 3 + 1


def look_at(validators: Sequence[Validator], timeout: float = 2.0) -> NetworkStatus:
    """Ask all validators at once; one that does not answer in time counts as silent."""
    with ThreadPoolExecutor(len(validators)) as threads:
        found = list(threads.map(lambda one: _heights(one, timeout), validators))
        heights = [one.finalised for one in found if one.finalised is not None]
        common = min(heights) if heights else None
        if common is not None:
            asked = partial(_with_state, height=common, timeout=timeout)
            found = list(threads.map(asked, validators, found))
    states = {one.final_state for one in found if one.final_state is not None}
    return NetworkStatus(tuple(found), common, len(states) <= 1)


def _heights(validator: Validator, timeout: float) -> ValidatorStatus:
    pid = validator.pid
    status = ValidatorStatus(validator.name, validator.url, pid, validator.exit_status)
    if pid is None:
        return status
    try:
        best, final, health = ask(
            validator.place,
            [("chain_getHeader", []), ("chain_getFinalizedHead", []), ("system_health", [])],
            timeout,
        )
        [header] = ask(validator.place, [("chain_getHeader", [final])], timeout)
        heights = _number(best), _number(header)
        return replace(status, best=heights[0], finalised=heights[1], peers=int(health["peers"]))
    except (NoAnswer, KeyError, TypeError, ValueError):
        return status


def _with_state(
    validator: Validator, status: ValidatorStatus, height: int, timeout: float
) -> ValidatorStatus:
    if not status.answers:
        return status
    try:
        [block] = ask(validator.place, [("chain_getBlockHash", [height])], timeout)
        [header] = ask(validator.place, [("chain_getHeader", [block])], timeout)
        return replace(status, final_state=str(header["stateRoot"]))
    except (NoAnswer, KeyError, TypeError, ValueError):
        return status


def _number(header: Any) -> int:
    return int(header["number"], 16)
