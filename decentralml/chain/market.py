"""The market as its users call it: a method for each call of the pallet, and for each read.

A call returns when it counts (see `Node.wait`), or raises what went wrong: a subclass of
`CallRejected` named as the pallet's error when it was included and failed. For steps that must
survive a crash: `sign`, keep the `SignedCall`, `submit` it, again after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decentralml.chain import calls, scale
from decentralml.chain.calls import PALLET, Call
from decentralml.chain.receipts import failure_in, receipt_of
from decentralml.chain.records import (
    Assignment,
    Balance,
    Event,
    Reputation,
    Ruling,
    Task,
    TaskKind,
    TaskResult,
    Terms,
    Token,
    Verdict,
)
from decentralml.chain.signed import Receipt, SignedCall
from decentralml.chain.submission import Submission
from decentralml.chain.watch import BlockEvents, follow
from decentralml.errors import NoSigner, WrongSigner
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

if TYPE_CHECKING:
    from decentralml.chain.keys import Keypair
    from decentralml.chain.node import Node
    from decentralml.chain.runtime import Runtime

PAGE = 100  # the most that the runtime returns at once


class Market:
    """The market behind one node, for one signer (or for a reader, without)."""

    def __init__(self, node: Node, signer: Keypair | None = None) -> None:
        self.node, self._signer = node, signer
        self._unsent: set[str] = set()  # signed here and not sent yet

    @property
    def genesis(self) -> str:
        """Hash of the chain's first block, ``0x…``: which chain this is."""
        return self.node.genesis

    @property
    def account(self) -> AccountId:
        """The signer's address.

        Raises:
            NoSigner: this market was opened without a key.
        """
        return AccountId(self._key("reading your own account").ss58_address)

    def _key(self, call: str) -> Keypair:
        if self._signer is None:
            raise NoSigner(call)
        return self._signer

    # -- calls

    def sign(self, call: Call) -> SignedCall:
        """Sign a call with the next nonce; sends nothing.

        Raises:
            NoSigner: this market was opened without a key.
        """
        signed = self.node.sign(call, self._key(call.name))
        self._unsent.add(signed.hash)
        return signed

    def submit(
        self, signed: SignedCall, on_resign: Callable[[SignedCall], None] | None = None
    ) -> Receipt:
        """Bring a signed call into the chain, once, and wait until it counts.

        May be called any number of times with the same `signed`, also after a restart: when the
        call is in the chain already, its receipt is returned.

        Args:
            on_resign: told of a new `SignedCall` before that one is sent, when the old one can
                never come in (its nonce was used by another process, or its era is over).
        Raises:
            CallRejected: it was included and failed; the subclass says how.
            TransactionPending: not in a block yet; submit the same again.
            TransactionRefused, InsufficientFunds: it was not taken.
            NodeUnreachable: no node answers.
        """

        def resign() -> SignedCall:
            anew = self.sign(signed.call)
            if on_resign is not None:
                on_resign(anew)
            return anew

        if self._signer is not None and self.account != signed.signer:
            raise WrongSigner(signed.signer, self.account)
        fresh = signed.hash in self._unsent
        self._unsent.discard(signed.hash)
        submission = Submission(self.node, signed, resign, fresh=fresh)
        place = submission.run()
        self._unsent.discard(submission.signed.hash)
        runtime = self.node.runtime_of(place.block)
        everything = self.node.events(place.block, runtime)
        events = [event for event in everything if event.extrinsic == place.index]
        receipt = receipt_of(submission.signed.hash, place.block, events)
        failure = failure_in(runtime, signed, receipt, events)
        if failure is not None:
            raise failure
        return receipt

    def call(self, call: Call) -> Receipt:
        """Sign and submit; raises as these do."""
        return self.submit(self.sign(call))

    def create_task(self, terms: Terms) -> tuple[TaskId, Receipt]:
        """Post a task and lock its pay."""
        receipt = self.call(calls.create_task(terms))
        return TaskId(receipt.event("TaskCreated").fields["task"]), receipt

    def accept_task(self, task: TaskId) -> Receipt:
        """Take a slot."""
        return self.call(calls.accept_task(task))

    def start_round(self, task: TaskId, model: Cid) -> Receipt:
        """Publish the next round's model."""
        return self.call(calls.start_round(task, model))

    def send_task_result(self, task: TaskId, round: Round, result: Cid) -> Receipt:  # noqa: A002
        """Deliver a round's result."""
        return self.call(calls.send_task_result(task, round, result))

    def validate_task_result(
        self,
        task: TaskId,
        round: Round,  # noqa: A002
        worker: AccountId,
        verdict: Verdict,
    ) -> Receipt:
        """Accept and pay, or reject with a reason."""
        return self.call(calls.validate_task_result(task, round, worker, verdict))

    def claim_result(self, task: TaskId, round: Round, worker: AccountId) -> Receipt:  # noqa: A002
        """Settle a result whose time is over."""
        return self.call(calls.claim_result(task, round, worker))

    def dispute_result(self, task: TaskId, round: Round) -> Receipt:  # noqa: A002
        """Contest the signer's rejected result."""
        return self.call(calls.dispute_result(task, round))

    def resolve_dispute(
        self,
        task: TaskId,
        round: Round,  # noqa: A002
        worker: AccountId,
        ruling: Ruling,
    ) -> Receipt:
        """Rule on a dispute, as the task's arbiter."""
        return self.call(calls.resolve_dispute(task, round, worker, ruling))

    def release_assignment(self, task: TaskId, worker: AccountId | None = None) -> Receipt:
        """Give the signer's slot up, or open an expired `worker`'s."""
        whose = self.account if worker is None else worker
        return self.call(calls.release_assignment(task, whose))

    def withdraw_task(self, task: TaskId) -> Receipt:
        """End a task early."""
        return self.call(calls.withdraw_task(task))

    def prune_task(self, task: TaskId, limit: int = PAGE) -> Receipt:
        """Remove at most `limit` items of a settled task."""
        return self.call(calls.prune_task(task, limit))

    def transfer(self, to: AccountId, amount: Planck) -> Receipt:
        """Send money.

        Raises:
            InvalidAddress: `to` is mistyped, or an address of another network.
        """
        from decentralml.chain.runtime import check_account

        return self.call(calls.transfer(check_account(to), amount))

    # -- reads

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

    def result(self, task: TaskId, round: Round, worker: AccountId) -> TaskResult | None:  # noqa: A002
        """What a worker delivered for a round."""
        found = self.node.storage(PALLET, "Results", task, round, worker)
        return None if found is None else scale.result_of(task, round, worker, found)

    def results_of(self, task: TaskId, round: Round | None = None) -> list[TaskResult]:  # noqa: A002
        """All results of a task, or those of one round; in a fixed order."""
        runtime = self.node.runtime()
        results, number = _type_of(runtime, "Results"), runtime.encode("u64", task)
        if round is None:
            item, cursor = f"(u32, AccountId, {results})", "Option<(u32, AccountId)>"
            pages = self._pages(_PagedRead("results_of", number, cursor, item, _first_two))
            return [scale.result_of(task, Round(r), AccountId(w), v) for r, w, v in pages]
        fixed, item = number + runtime.encode("u32", round), f"(AccountId, {results})"
        read = _PagedRead("results_of_round", fixed, "Option<AccountId>", item, _first)
        return [scale.result_of(task, round, AccountId(w), v) for w, v in self._pages(read)]

    def reputation(self, account: AccountId) -> Reputation:
        """What the market remembers of an account; zeros for a stranger."""
        found = self.node.storage(PALLET, "Reputations", account)
        return Reputation(account) if found is None else scale.reputation_of(account, found)

    def balance(self, account: AccountId | None = None) -> Balance:
        """An account's money (the signer's without one); zeros for a stranger."""
        whose = self.account if account is None else account
        return scale.balance_of(self.node.storage("System", "Account", whose))

    def owed(self, task: TaskId) -> Planck:
        """What is still on hold to pay a task's results; 0 for one that does not exist."""
        runtime = self.node.runtime()
        raw = self.node.state_call("DecentralMLApi_owed", runtime.encode("u64", task))
        return Planck(runtime.decode("Option<u128>", raw) or 0)

    def head(self) -> BlockNumber:
        """Height of the last block that counts."""
        return self.node.settled().number

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
        """Items of a paged read, page by page at one block, until the last or `limit`."""
        runtime, at = self.node.runtime(), self.node.request("chain_getBlockHash")
        items: list[Any] = []
        while limit is None or len(items) < limit:
            wanted = PAGE if limit is None else min(PAGE, limit - len(items))
            cursor = runtime.encode(read.cursor_type, start)
            argument = read.fixed + cursor + runtime.encode("u32", wanted)
            raw = self.node.state_call(f"DecentralMLApi_{read.method}", argument, at)
            page = runtime.decode(f"Vec<{read.item_type}>", raw)
            items += page
            if len(page) < wanted:
                break
            start = read.cursor_of(page[-1])
        return items


@dataclass(frozen=True, slots=True)
class _PagedRead:
    """A read of the runtime that returns a page: its method, types, and how pages join."""

    method: str
    fixed: bytes  # arguments before the cursor
    cursor_type: str
    item_type: str
    cursor_of: Callable[[Any], Any]  # the cursor that follows an item


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
