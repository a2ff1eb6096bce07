"""Every call of the market, by many people at once: stages whose calls hang on those before.

Of three tasks one is paid over two rounds, one is disputed, and one is left to silence. Every call
of the pallet occurs, and transfers between them; none may fail.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from websockets.sync.client import connect

from benchmarks.chain import Socket
from decentralml.chain import calls
from decentralml.chain.blocks import Block
from decentralml.chain.calls import PALLET, Call
from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import ERA_BLOCKS, NEEDED_CALLS, Node
from decentralml.chain.records import Accept, Manual, Reject, Ruling, Schedule, TaskKind, Terms
from decentralml.chain.runtime import extrinsic_hash
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

TOKEN = 10**12
PURSE = Planck(500 * TOKEN)
BUNDLE = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
FIRST, SECOND = Round(1), Round(2)
VALIDATE_BLOCKS = 6
PATIENCE = 300.0  # seconds for one stage
AT_ONCE = 100  # transfers in one transaction that funds people
STAGES = 9

NO_TASK = TaskId(-1)
Signed = tuple[Keypair, Call]


@dataclass
class Three:
    """The people around one task: who posts it, who works, and a second worker or arbiter."""

    number: int
    creator: Keypair
    worker: Keypair
    second: Keypair
    task: TaskId = NO_TASK

    @classmethod
    def of(cls, number: int) -> Three:
        """People whom nobody else is."""

        def key(role: str) -> Keypair:
            return Keypair.create_from_uri(f"//load{number}//{role}")

        return cls(number, key("creator"), key("worker"), key("second"))

    def people(self) -> tuple[Keypair, Keypair, Keypair]:
        """All three."""
        return self.creator, self.worker, self.second

    def terms(self) -> Terms:
        """What the task asks."""
        path = self.number % 3
        return Terms(
            kind=TaskKind.CONTRIBUTION,
            title="Digits",
            bundle=BUNDLE,
            model=BUNDLE if path == 0 else None,
            rounds=2 if path == 0 else 1,
            reward=Planck(2 * TOKEN),
            stake=Planck(TOKEN),
            slots=2 if path == 2 else 1,
            policy=Manual(),
            arbiter=account(self.second) if path == 1 else None,
            schedule=Schedule(
                *map(BlockNumber, (2000, 200, VALIDATE_BLOCKS if path == 2 else 200, 200))
            ),
        )

    def stage(self, stage: int) -> list[Signed]:
        """What these three sign in that stage."""
        if stage == 0:
            return [(self.creator, calls.create_task(self.terms()))]
        path = (self._paid, self._disputed, self._silent)[self.number % 3]
        return path()[stage - 1]

    def _paid(self) -> list[list[Signed]]:
        creator, worker, task = self.creator, self.worker, self.task
        by = account(worker)
        return [
            [(worker, calls.accept_task(task))],
            [(worker, calls.send_task_result(task, FIRST, BUNDLE))],
            [(creator, calls.validate_task_result(task, FIRST, by, Accept()))],
            [(creator, calls.start_round(task, BUNDLE))],
            [(worker, calls.send_task_result(task, SECOND, BUNDLE))],
            [(creator, calls.validate_task_result(task, SECOND, by, Accept()))],
            [(creator, calls.prune_task(task, 100))],
            [(worker, calls.transfer(account(creator), Planck(TOKEN)))],
        ]

    def _disputed(self) -> list[list[Signed]]:
        creator, worker, task = self.creator, self.worker, self.task
        by = account(worker)
        return [
            [(worker, calls.accept_task(task))],
            [(worker, calls.send_task_result(task, FIRST, BUNDLE))],
            [(creator, calls.validate_task_result(task, FIRST, by, Reject("blurred")))],
            [(worker, calls.dispute_result(task, FIRST))],
            [(self.second, calls.resolve_dispute(task, FIRST, by, Ruling.WORKER))],
            [(creator, calls.prune_task(task, 100))],
            [(worker, calls.transfer(account(creator), Planck(TOKEN)))],
            [(creator, calls.transfer(by, Planck(TOKEN)))],
        ]

    def _silent(self) -> list[list[Signed]]:
        creator, worker, second, task = self.creator, self.worker, self.second, self.task
        return [
            [(worker, calls.accept_task(task)), (second, calls.accept_task(task))],
            [
                (worker, calls.send_task_result(task, FIRST, BUNDLE)),
                (second, calls.release_assignment(task, account(second))),
            ],
            [(second, calls.transfer(account(creator), Planck(TOKEN)))],
            [(creator, calls.transfer(account(second), Planck(TOKEN)))],
            [(second, calls.transfer(account(worker), Planck(TOKEN)))],
            [(second, calls.claim_result(task, FIRST, account(worker)))],
            [(creator, calls.withdraw_task(task))],
            [(creator, calls.prune_task(task, 100))],
        ]


def account(key: Keypair) -> AccountId:
    """The key's address."""
    return AccountId(key.ss58_address)


@dataclass
class Load:
    """The load on one chain.

    Attributes:
        urls: where the chain's nodes are; transactions are spread over them.
        tasks: how many at once.
        after: called with each stage's number when all of it is in blocks.
        seconds, transactions, per_block: what it came to, funding and waiting left out.
    """

    urls: Sequence[str]
    tasks: int
    after: Callable[[int], None] = lambda _: None
    seconds: float = 0.0
    transactions: int = 0
    per_block: list[int] = field(default_factory=list)
    _sent_at: int = 0  # the block after which a result's silence counts
    _called: set[str] = field(default_factory=set)

    def run(self) -> None:
        """All stages, one after another. Ends the program when a call fails or none is made."""
        groups = [Three.of(number) for number in range(self.tasks)]
        with Node(self.urls[0], timeout=PATIENCE, wait="inclusion") as self._node:
            self._nonces = {account(p): 0 for group in groups for p in group.people()}
            self._fund(groups)
            for stage in range(STAGES):
                if stage == 6:
                    self._wait_for_block(self._sent_at + VALIDATE_BLOCKS + 1)
                blocks = self._stage([c for group in groups for c in group.stage(stage)])
                if stage == 0:
                    self._learn_tasks(groups, blocks)
                if stage == 2:
                    self._sent_at = int(blocks[-1].number)
                self.after(stage)
        if left_out := NEEDED_CALLS - self._called:
            raise SystemExit(f"not every call was made: {', '.join(sorted(left_out))} missing")

    def _fund(self, groups: Sequence[Three]) -> None:
        alice = Market(self._node, Keypair.create_from_uri("//Alice"))
        gifts = [calls.transfer(account(p), PURSE) for g in groups for p in g.people()]
        for start in range(0, len(gifts), AT_ONCE):
            alice.call(calls.batch(gifts[start : start + AT_ONCE]))

    def _wait_for_block(self, height: int) -> None:
        while self._node.best().number < height:
            if self._node.is_development():
                self._node.request("dev_newBlock")
            else:
                self._node.pause(0.5)

    def _stage(self, wanted: Sequence[Signed]) -> list[Block]:
        """Sign all, then send them and wait until they are in blocks; only that is timed."""
        extrinsics = list(self._signed(wanted))
        first = self._node.best().number + 1
        begin = time.perf_counter()
        self._send(extrinsics)
        blocks = self._included(first, {extrinsic_hash(each) for each in extrinsics})
        self.seconds += time.perf_counter() - begin
        self.transactions += len(extrinsics)
        self.per_block += [len(block.extrinsics) - 1 for block in blocks]
        self._check(blocks)
        return blocks

    def _signed(self, wanted: Sequence[Signed]) -> Iterator[str]:
        runtime, birth = self._node.runtime(), self._node.finalised()
        hashes = {0: self._node.genesis, int(birth.number): birth.hash}
        for key, call in wanted:
            nonce = self._nonces[account(key)]
            self._nonces[account(key)] += 1
            self._called.add(call.name)
            yield runtime.sign(call, key, nonce, ERA_BLOCKS, hashes)[0]

    def _send(self, extrinsics: Sequence[str]) -> None:
        shares = [extrinsics[at :: len(self.urls)] for at in range(len(self.urls))]
        failures: list[object] = []

        def send(url: str, share: Sequence[str]) -> None:
            with connect(url, compression=None, max_size=None) as opened:
                socket = Socket(opened)
                for extrinsic in share:
                    socket.send("author_submitExtrinsic", extrinsic)
                answers = [socket.receive() for _ in share]
                failures.extend(answer for answer in answers if "result" not in answer)

        with ExitStack() as joined:
            for pair in zip(self.urls, shares, strict=True):
                thread = threading.Thread(target=send, args=pair)
                thread.start()
                joined.callback(thread.join)
        if failures:
            raise SystemExit(f"{len(failures)} were not taken: {failures[0]}")

    def _included(self, first: int, missing: set[str]) -> list[Block]:
        """The blocks of the best chain that hold them."""
        end = time.monotonic() + PATIENCE
        known: dict[str, Block] = {}
        while time.monotonic() < end:
            held, blocks = set(missing), []
            for number in range(first, self._node.best().number + 1):
                block_hash = self._node.block_hash(number)
                block = known.get(block_hash or "") or self._node.block(block_hash or "")
                if block is None:
                    break
                known[block.hash] = block
                held -= {extrinsic_hash(each) for each in block.extrinsics}
                blocks.append(block)
            if not held:
                return blocks
            self._node.pause(0.05)
        raise SystemExit(f"{len(missing)} transactions are not in blocks after {PATIENCE} s")

    def _check(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            happened = self._node.events(block, self._node.runtime(), pallet="System")
            failed = [event for event in happened if event.name == "ExtrinsicFailed"]
            if failed:
                raise SystemExit(f"{len(failed)} failed in block {block.number}: {failed[0]}")

    def _learn_tasks(self, groups: Sequence[Three], blocks: Sequence[Block]) -> None:
        by_creator = {account(group.creator): group for group in groups}
        for block in blocks:
            for event in self._node.events(block, self._node.runtime(), pallet=PALLET):
                fields = event.fields or {}
                if event.name == "TaskCreated" and str(fields["creator"]) in by_creator:
                    by_creator[AccountId(str(fields["creator"]))].task = TaskId(fields["task"])
