"""Every call of the market once at least, signed by the well-known people of one chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from decentralml.chain import calls
from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import (
    Accept,
    AutoAccept,
    Manual,
    Reject,
    Ruling,
    Schedule,
    TaskKind,
    Terms,
)
from decentralml.types import BlockNumber, Cid, Planck, Round, TaskId

TOKEN = 10**12
BUNDLE = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
RESULT = Cid("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
FIRST, SECOND = Round(1), Round(2)
VALIDATE_BLOCKS = 6


@dataclass
class MarketStory:
    """Tells the story through one node.

    Attributes:
        node: where everybody sends.
        pass_blocks: lets so many blocks pass.
    """

    node: Node
    pass_blocks: Callable[[int], object]

    def market(self, name: str) -> Market:
        """Who signs as ``//name``."""
        return Market(self.node, Keypair.create_from_uri(f"//{name}", ss58_format=42))

    def tell(self) -> None:
        """All calls of the pallet, in blocks of their own; some fail, as calls do."""
        self._paid_and_disputed()
        self._rounds()
        self._silence_and_leaving()
        self._money()

    def _terms(self, **changes: object) -> Terms:
        values: dict[str, object] = {
            "kind": TaskKind.CONTRIBUTION,
            "title": "Digits",
            "bundle": BUNDLE,
            "reward": Planck(2 * TOKEN),
            "stake": Planck(TOKEN),
            "slots": 2,
            "policy": Manual(),
            "arbiter": self.market("Dave").account,
            "schedule": Schedule(*map(BlockNumber, (2000, 100, 100, 100))),
        }
        return Terms(**{**values, **changes})  # type: ignore[arg-type]

    def _paid_and_disputed(self) -> None:
        alice, bob, charlie = (self.market(name) for name in ("Alice", "Bob", "Charlie"))
        task, _ = alice.create_task(self._terms())
        for worker in (bob, charlie):
            worker.accept_task(task)
            worker.send_task_result(task, FIRST, RESULT)
        alice.validate_task_result(task, FIRST, bob.account, Accept())
        alice.validate_task_result(task, FIRST, charlie.account, Reject("blurred"))
        charlie.dispute_result(task, FIRST)
        self.market("Dave").resolve_dispute(task, FIRST, charlie.account, Ruling.WORKER)
        alice.prune_task(task)

    def _rounds(self) -> None:
        alice, bob = self.market("Alice"), self.market("Bob")
        terms = self._terms(policy=AutoAccept(), model=BUNDLE, rounds=2, slots=1)
        task, _ = alice.create_task(terms)
        bob.accept_task(task)
        bob.send_task_result(task, FIRST, RESULT)
        alice.start_round(task, RESULT)
        bob.send_task_result(task, SECOND, BUNDLE)

    def _silence_and_leaving(self) -> None:
        alice, bob, charlie = (self.market(name) for name in ("Alice", "Bob", "Charlie"))
        schedule = Schedule(*map(BlockNumber, (2000, 100, VALIDATE_BLOCKS, 100)))
        task, _ = alice.create_task(self._terms(schedule=schedule))
        bob.accept_task(task)
        charlie.accept_task(task)
        charlie.release_assignment(task)
        bob.send_task_result(task, FIRST, RESULT)
        self.pass_blocks(VALIDATE_BLOCKS)
        charlie.claim_result(task, FIRST, bob.account)
        alice.withdraw_task(task)

    def _money(self) -> None:
        alice, eve = self.market("Alice"), self.market("Eve")
        mixed = [calls.transfer(eve.account, Planck(TOKEN)), calls.withdraw_task(TaskId(2**40))]
        receipt = alice.call(calls.batch_each(mixed))
        assert receipt.items == (None, "UnknownTask")
        eve.call(calls.appoint(alice.account))
        eve.call(calls.dismiss(alice.account))
