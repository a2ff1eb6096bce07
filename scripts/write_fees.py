"""Writes docs/reference/fees.md from the runtime's own answers; `--check` only compares.

Every fee is what `payment_queryInfo` says of a signed transaction on a fresh embedded chain, every
deposit what a new item there holds: nothing is computed here that the chain computes itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from decentralml.chain import calls
from decentralml.chain.calls import Call
from decentralml.chain.keys import well_known
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
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId
from pallets_mock.testing import DevChain

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "fees.md"
TOKEN = 10**12
CID = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
TASK, ROUND = TaskId(7), Round(1)

HEAD = """# Fees and deposits

Written from the runtime's own answers: `python scripts/write_fees.py`; a test compares.

A fee is paid for every transaction, also for one that fails. It is the weight of the call, one
smallest unit (10⁻¹² tokens) for each picosecond of reference time, and of its length, one unit a
byte, times a multiplier that is 1 until blocks are more than a quarter full. The weights are
measured (`scripts/benchmark_weights.sh`). A deposit is held while an item is stored, and comes back
when it is removed.
"""


def market_calls(me: AccountId, worker: AccountId) -> Iterator[tuple[str, Call]]:
    """Each call of the market, with arguments as people have them."""
    yield "one round", calls.create_task(terms())
    yield "", calls.accept_task(TASK)
    yield "", calls.start_round(TASK, CID)
    yield "", calls.send_task_result(TASK, ROUND, CID)
    yield "accepted", calls.validate_task_result(TASK, ROUND, worker, Accept())
    reason = Reject("the accuracy is below that of the model that it began with")
    yield "rejected in a sentence", calls.validate_task_result(TASK, ROUND, worker, reason)
    verdicts = [calls.validate_task_result(TASK, ROUND, worker, Accept())] * 100
    yield "a hundred in one transaction", calls.batch_each(verdicts)
    yield "", calls.claim_result(TASK, ROUND, worker)
    yield "", calls.dispute_result(TASK, ROUND)
    yield "", calls.resolve_dispute(TASK, ROUND, worker, Ruling.WORKER)
    yield "", calls.release_assignment(TASK, worker)
    yield "", calls.withdraw_task(TASK)
    yield "one item", calls.prune_task(TASK, 1)
    yield "a hundred items", calls.prune_task(TASK, 100)
    yield "governance", Call("set_byte_price", {"price": 10**7})
    yield "", calls.transfer(me, Planck(TOKEN))


def terms(**changes: Any) -> Terms:
    """A task like those that people post."""
    values: dict[str, Any] = {
        "kind": TaskKind.CONTRIBUTION,
        "title": "Digits from 0 to 9",
        "bundle": CID,
        "reward": Planck(TOKEN),
        "slots": 3,
        "policy": Manual(),
        "schedule": Schedule(*map(BlockNumber, (1000, 100, 100, 100))),
    }
    return Terms(**{**values, **changes})


def fee_rows(node: Node) -> Iterator[Sequence[str]]:
    """Call, with what, bytes, milliseconds, kilobytes of proof, fee."""
    key, worker = well_known("//Alice", node), well_known("//Bob", node)
    me, other = AccountId(key.ss58_address), AccountId(worker.ss58_address)
    for note, call in market_calls(me, other):
        signed = node.sign(call, key)
        info = node.request("payment_queryInfo", signed.extrinsic)
        yield (
            f"`{call.pallet}.{call.name}`",
            note,
            str(len(signed.extrinsic) // 2 - 1),
            f"{info['weight']['ref_time'] / 10**9:.3f}",
            f"{info['weight']['proof_size'] / 1000:.1f}",
            tokens(int(info["partialFee"])),
        )


def deposit_rows(chain: DevChain) -> Iterator[Sequence[str]]:
    """Item, who pays, deposit; of one task, assignment and result each."""
    with Node(chain.url) as alice, Node(chain.url) as bob:
        creator = Market(alice, well_known("//Alice", alice))
        worker = Market(bob, well_known("//Bob", bob))
        for policy, name in ((Manual(), "validated by its creator"), (AutoAccept(), "unchecked")):
            task, _ = creator.create_task(terms(policy=policy))
            worker.accept_task(task)
            worker.send_task_result(task, ROUND, CID)
            items: Sequence[tuple[str, str, str, tuple[Any, ...]]] = (
                ("task", "creator", "Tasks", (task,)),
                ("assignment", "worker", "Assignments", (task, worker.account)),
                ("result", "worker", "Results", (task, ROUND, worker.account)),
            )
            for item, who, storage, key in items:
                stored = alice.storage("DecentralML", storage, *key)
                yield f"{item}, {name}", who, tokens(int(stored["deposit"]))


def tokens(amount: int) -> str:
    """An amount in tokens, to the seventh place."""
    return f"{amount / TOKEN:.7f}"


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def page() -> str:
    """The whole page, anew."""
    with DevChain() as chain, Node(chain.url) as node:
        head = ("call", "with", "bytes", "ms", "kB of proof", "fee in tokens")
        fees = table(head, fee_rows(node))
        deposits = table(("item", "held from", "tokens"), deposit_rows(chain))
    return f"{HEAD}\n## Fees by call\n\n{fees}\n## Deposits of a small task\n\n{deposits}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    written = page()
    if not parser.parse_args().check:
        PAGE.write_text(written)
        return 0
    if PAGE.exists() and PAGE.read_text() == written:
        return 0
    sys.stderr.write(f"{PAGE} is older than the runtime: python scripts/write_fees.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
