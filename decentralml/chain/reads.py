"""The market for whoever looks: each read in one request, a page at a time, and its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decentralml.chain import scale
from decentralml.chain.calls import PALLET
from decentralml.chain.records import (
    Assignment,
    Balance,
    Event,
    Reputation,
    Task,
    TaskKind,
    TaskResult,
    Token,
)
from decentralml.chain.watch import BlockEvents, follow
from decentralml.types import AccountId, BlockNumber, Planck, Round, TaskId

if TYPE_CHECKING:
    from decentralml.chain.node import Node, StorageItem
    from decentralml.chain.runtime import Runtime

PAGE = 100  # the most that the runtime returns at once


class Reader:
    """The market behind one node; needs no key."""

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def genesis(self) -> str:
        """Hash of the chain's first block, ``0x…``: which chain this is."""
        return self.node.genesis

    def task(self, task: TaskId) -> Task:
        """A task as it stands.

        Raises:
            UnknownTask: there is none of that number.
        """
        from decentralml.chain.call_errors import UnknownTask

        found = self.node.storage(PALLET, "Tasks", task)
        if found is None:
            raise UnknownTask(f"reading task {task}", "UnknownTask", self.node.best().hash)
        return scale.task_of(task, found)

    def task_at(self, task: TaskId, block: BlockNumber) -> Task | None:
        """A task as it stood after a block; None where there was none.

        Raises:
            StateDiscarded: the node does not keep states that old.
        """
        at = self.node.block_hash(block)
        if at is None:
            return None
        stored = self.node.stored_bytes(PALLET, "Tasks", task, at=at)
        if stored is None:
            return None
        runtime = self.node.runtime_at(at)
        return scale.task_of(task, runtime.decode(_type_of(runtime, "Tasks"), stored))

    def task_count(self) -> int:
        """How many tasks were ever posted: the newest one's number is one less."""
        return int(self.node.storage(PALLET, "NextTaskId") or 0)

    def open_tasks(
        self, kind: TaskKind | None = None, limit: int = PAGE, start: TaskId | None = None
    ) -> list[Task]:
        """Unfinished tasks with a free slot, newest first.

        One call for up to 100, whatever the market holds. The time to accept one may be over:
        compare `terms.schedule.accept_before` with `head()`.

        Args:
            start: the last task of the page before.
        """
        runtime = self.node.runtime()
        kind_type = runtime.type_named("pallet_decentralml", "TaskKind")
        kind_value = None if kind is None else scale.scale_kind(kind)
        fixed = runtime.encode(f"Option<{kind_type}>", kind_value)
        tasks = _type_of(runtime, "Tasks")
        read = _PagedRead("open_tasks", fixed, "Option<u64>", f"(u64, {tasks})", _first)
        pages = self._pages(read, start, limit)
        return [scale.task_of(TaskId(number), value) for number, value in pages]

    def tasks_of(self, officer: AccountId, limit: int | None = None) -> list[Task]:
        """Tasks in which an account is creator, delegated validator or arbiter, newest first.

        Finished ones too, until they are pruned.
        """
        runtime = self.node.runtime()
        item = f"(u64, {_type_of(runtime, 'Tasks')})"
        read = _PagedRead("tasks_of", runtime.account(officer), "Option<u64>", item, _first)
        pages = self._pages(read, limit=limit)
        return [scale.task_of(TaskId(number), value) for number, value in pages]

    def assignments_of(self, worker: AccountId, limit: int | None = None) -> list[Assignment]:
        """A worker's assignments, newest task first; ended ones too, until they are pruned."""
        runtime = self.node.runtime()
        fixed = runtime.account(worker)
        item = f"(u64, {_assignment_type(runtime)})"
        read = _PagedRead("assignments_of", fixed, "Option<u64>", item, _first)
        pages = self._pages(read, limit=limit)
        return [scale.assignment_of(TaskId(number), worker, value) for number, value in pages]

    def assignment(self, task: TaskId, worker: AccountId) -> Assignment | None:
        """A worker's place in a task, with its deadline as it is now."""
        runtime = self.node.runtime()
        argument = runtime.encode("u64", task) + runtime.account(worker)
        raw = self.node.state_call("DecentralMLApi_assignment", argument)
        found = runtime.decode(f"Option<{_assignment_type(runtime)}>", raw)
        return None if found is None else scale.assignment_of(task, worker, found)

    def workers_of(self, task: TaskId) -> list[AccountId]:
        """Everybody who ever accepted the task, those who left included, until it is pruned."""
        runtime = self.node.runtime()
        prefix, _, _ = runtime.storage_key(PALLET, "Assignments", [task])
        at = self.node.request("chain_getBlockHash")
        keys: list[str] = []
        while len(keys) % PAGE == 0:
            after = [keys[-1]] if keys else [None]
            page = self.node.request("state_getKeysPaged", prefix, PAGE, *after, at)
            if not page:
                break
            keys += page
        # The key ends with the account itself, after its hash.
        return sorted(AccountId(runtime.decode("AccountId", bytes.fromhex(k[-64:]))) for k in keys)

    def result(self, task: TaskId, round: Round, worker: AccountId) -> TaskResult | None:  # noqa: A002
        """What a worker delivered for a round."""
        found = self.node.storage(PALLET, "Results", task, round, worker)
        return None if found is None else scale.result_of(task, round, worker, found)

    def part_of(
        self, worker: AccountId, task: TaskId, rounds: Iterable[Round]
    ) -> tuple[BlockNumber, Task | None, list[TaskResult]]:
        """The head, a task (None where there is none), and a worker's results of these rounds: in
        one request where a block counts at once."""
        numbers = list(rounds)
        wanted: list[StorageItem] = [(PALLET, "Tasks", task)]
        wanted += [(PALLET, "Results", task, number, worker) for number in numbers]
        if self.node.wait == "inclusion":
            *found, head = self.node.storages([*wanted, ("System", "Number")])
        else:
            # Asked first: what is read after it is not older than the head says.
            head = self.node.height()
            found = self.node.storages(wanted)
        kept = None if found[0] is None else scale.task_of(task, found[0])
        results = [
            scale.result_of(task, number, worker, value)
            for number, value in zip(numbers, found[1:], strict=True)
            if value is not None
        ]
        return BlockNumber(head), kept, results

    def results_of(self, task: TaskId, round: Round | None = None) -> list[TaskResult]:  # noqa: A002
        """All results of a task, or those of one round: by round, and as they were sent."""
        runtime = self.node.runtime()
        results, number = _type_of(runtime, "Results"), runtime.encode("u64", task)
        if round is None:
            item, cursor = f"(u32, AccountId, {results})", "Option<(u32, AccountId)>"
            pages = self._pages(_PagedRead("results_of", number, cursor, item, _first_two))
            found = [scale.result_of(task, Round(r), AccountId(w), v) for r, w, v in pages]
            return sorted(found, key=_as_sent)
        fixed, item = number + runtime.encode("u32", round), f"(AccountId, {results})"
        read = _PagedRead("results_of_round", fixed, "Option<AccountId>", item, _first)
        found = [scale.result_of(task, round, AccountId(w), v) for w, v in self._pages(read)]
        return sorted(found, key=_as_sent)

    def reputation(self, account: AccountId) -> Reputation:
        """What the market remembers of an account; zeros for a stranger."""
        found = self.node.storage(PALLET, "Reputations", account)
        return Reputation(account) if found is None else scale.reputation_of(account, found)

    def balance_of(self, account: AccountId) -> Balance:
        """An account's money; zeros for a stranger."""
        return scale.balance_of(self.node.storage("System", "Account", account))

    def owed(self, task: TaskId) -> Planck:
        """What is still on hold to pay a task's results; 0 for one that does not exist."""
        runtime = self.node.runtime()
        raw = self.node.state_call("DecentralMLApi_owed", runtime.encode("u64", task))
        return Planck(runtime.decode("Option<u128>", raw) or 0)

    def head(self) -> BlockNumber:
        """Height of the last block that counts."""
        return self.node.height()

    def token(self) -> Token:
        """How amounts are written here."""
        return self.node.token()

    def is_development(self) -> bool:
        """Whether the chain calls itself a development chain."""
        return self.node.is_development()

    # -- events

    def events(
        self, from_block: BlockNumber | None = None, stop: Callable[[], bool] | None = None
    ) -> Iterator[BlockEvents]:
        """The market's events of every block that counts, from `from_block` on; see `watch`."""
        return follow(self.node, from_block, stop)

    def wait_for(
        self,
        predicate: Callable[[Event], bool],
        until_block: BlockNumber | None = None,
        from_block: BlockNumber | None = None,
    ) -> tuple[BlockNumber, Event] | None:
        """The first event that fits, and its block; None once `until_block` went by without."""
        for number, happened in self.events(from_block):
            for event in happened:
                if predicate(event):
                    return number, event
            if until_block is not None and number >= until_block:
                return None
        return None

    def _pages(self, read: _PagedRead, start: Any = None, limit: int | None = None) -> list[Any]:
        """Items of a paged read until the last or `limit`, all of them as of one block."""
        wanted = PAGE if limit is None else min(PAGE, limit)
        items = self._page(read, start, wanted)
        if len(items) < wanted or wanted == limit:
            return items
        # There is more: from its beginning again, of one block that does not change meanwhile.
        at, items = self.node.request("chain_getBlockHash"), []
        while limit is None or len(items) < limit:
            wanted = PAGE if limit is None else min(PAGE, limit - len(items))
            page = self._page(read, start, wanted, at)
            items += page
            if len(page) < wanted:
                break
            start = read.cursor_of(page[-1])
        return items

    def _page(self, read: _PagedRead, start: Any, wanted: int, at: str | None = None) -> list[Any]:
        runtime = self.node.runtime()
        cursor = runtime.encode(read.cursor_type, start)
        argument = read.fixed + cursor + runtime.encode("u32", wanted)
        raw = self.node.state_call(f"DecentralMLApi_{read.method}", argument, at)
        return list(runtime.decode(f"Vec<{read.item_type}>", raw))


@dataclass(frozen=True, slots=True)
class _PagedRead:
    """A read of the runtime that returns a page: its method, types, and how pages join."""

    method: str
    fixed: bytes  # arguments before the cursor
    cursor_type: str
    item_type: str
    cursor_of: Callable[[Any], Any]  # the cursor that follows an item


def _as_sent(result: TaskResult) -> tuple[int, int, str]:
    return (result.round, result.sent, result.worker)


def _first(item: Any) -> Any:
    return item[0]


def _first_two(item: Any) -> Any:
    return (item[0], item[1])


def _type_of(runtime: Runtime, item: str) -> str:
    return runtime.storage_type(PALLET, item)


def _assignment_type(runtime: Runtime) -> str:
    """`AssignmentInfo`, which the metadata does not describe, from `Assignment`, which it does."""
    kept = runtime.field_types(_type_of(runtime, "Assignments"))
    return runtime.struct(
        "AssignmentInfo",
        {
            "since": kept["since"],
            "until": f"Option<{kept['since']}>",
            "first_round": kept["first_round"],
            "last_round": kept["last_round"],
            "delivered": kept["delivered"],
            "stake": kept["stake"],
            "ended": kept["ended"],
        },
    )
