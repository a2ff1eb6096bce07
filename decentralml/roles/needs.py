"""What must stay in a store so that tasks can go on: bundles, models and results, by CID."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from decentralml.assets.cid import parse
from decentralml.chain.reads import Reader
from decentralml.chain.records import Task
from decentralml.errors import InvalidCid
from decentralml.roles.journal import CallState, Journal
from decentralml.types import AccountId, BlockNumber, Cid, Round, TaskId

_CID = re.compile(r"\bb[a-z2-7]{58}\b")


@dataclass(frozen=True, slots=True)
class Need:
    """A content that a task needs.

    Attributes:
        task: the task's number.
        path: what it is: ``bundle``, ``models/round-2``, ``results/round-1/5F…``.
        cid: its CID, which somebody wrote on the chain; not checked.
    """

    task: TaskId
    path: str
    cid: Cid


def needs_of(
    reader: Reader, task: Task, *, all_models: bool = False, results: bool = True
) -> list[Need]:
    """What a task needs: its bundle, the running round's model, all results.

    Args:
        all_models: the earlier rounds' models too; one request for each round.

    Raises:
        StateDiscarded: the earlier models were asked for, of a node that forgets old states.
    """
    needs = [Need(task.id, "bundle", task.terms.bundle)]
    models = models_of(reader, task) if all_models else [(task.round, task.model)]
    needs += [Need(task.id, f"models/round-{n}", cid) for n, cid in models if cid is not None]
    if results:
        needs += [
            Need(task.id, f"results/round-{found.round}/{found.worker}", found.result)
            for found in reader.results_of(task.id)
        ]
    return needs


def models_of(reader: Reader, task: Task) -> list[tuple[Round, Cid | None]]:
    """The models of all rounds so far, the first round's first.

    The chain keeps only the running round's; so each earlier one is read from the last block
    before the next round began.
    """
    found = [(task.round, task.model)]
    while task.round > 1:
        before = reader.task_at(task.id, BlockNumber(task.round_started - 1))
        if before is None or before.round >= task.round:
            break  # not what a chain can hold; what was found is still right
        task = before
        found.append((task.round, task.model))
    return found[::-1]


def tasks_of(reader: Reader, accounts: Iterable[AccountId]) -> list[Task]:
    """Every task that the chain still keeps in which one of the accounts has a part.

    As creator, validator, arbiter or worker, past ones included until they are pruned.
    """
    found: dict[TaskId, Task] = {}
    for account in accounts:
        found.update((task.id, task) for task in reader.tasks_of(account))
        for assignment in reader.assignments_of(account):
            if assignment.task not in found:
                found[assignment.task] = reader.task(assignment.task)
    return [found[number] for number in sorted(found)]


def noted_in(journal: Journal, tasks: Iterable[TaskId]) -> set[Cid]:
    """CIDs that a journal knows and the chain perhaps does not yet.

    Those of tasks that are drafted but not posted, of calls that are signed and not seen in a
    block, and what is noted of the given tasks: uploads that are not sent, models of rounds.
    """
    kept = {str(int(task)) for task in tasks}
    texts = [entry.signed for entry in journal.calls(state=CallState.SIGNED)]
    for key, value in journal.notes().items():
        kind, _, rest = key.partition("/")
        if kind == "draft":
            posted = journal.call(f"create/{rest}")
            if posted is None or posted.state is not CallState.DONE:
                texts.append(value)
        elif rest.partition("/")[0] in kept:
            texts.append(value)
    return {cid for text in texts for cid in _cids_in(text)}


def well_formed(needs: Iterable[Need]) -> set[Cid]:
    """The CIDs that a store can have; on the chain stands what somebody wrote there."""
    return {cid for need in needs for cid in _cids_in(need.cid)}


def _cids_in(text: str) -> Iterator[Cid]:
    for found in _CID.findall(text):
        try:
            yield parse(found)
        except InvalidCid:
            continue
