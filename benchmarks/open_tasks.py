"""A client's first page of open tasks, with few tasks on the chain and with very many.

    python -m benchmarks.open_tasks [--tasks 100000]

Two development chains are filled with exact copies of a task that was created on them, under the
keys that the pallet would give them; nothing else makes so many in a reasonable time. Both are
asked by the same client by turns for the newest ten and for the newest hundred: what a figure
counts is one call, from the request to decoded records. The peer of the chain with many tasks is
the one with 100, which has a full page, too. A figure is the median of CPU time, which other load
does not change, of client and chain together.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import Manual, Schedule, TaskKind, Terms
from decentralml.types import BlockNumber, Cid, Planck
from pallets_mock.host.hashing import blake2, twox
from pallets_mock.testing import DevChain

ROUNDS = 31
FEW = 100
BATCH = 20_000
BUDGET = 1.2
TERMS = Terms(
    kind=TaskKind.CONTRIBUTION,
    title="train digits on your own data",
    bundle=Cid("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"),
    reward=Planck(10**12),
    slots=3,
    policy=Manual(),
    schedule=Schedule(*(BlockNumber(span) for span in (100_000, 100, 100, 100))),
)


def fill(chain: DevChain, market: Market, count: int) -> None:
    """Make task 0, then copies of it until there are so many."""
    market.create_task(TERMS)
    tasks, open_tasks = (
        twox(b"DecentralML", 128) + twox(name, 128) for name in (b"Tasks", b"OpenTasks")
    )
    record = chain.call("state_getStorage", "0x" + _key(tasks, 0).hex())
    (entry,) = chain.call("state_getKeysPaged", "0x" + open_tasks.hex(), 10)
    by_kind = bytes.fromhex(entry[2:])[:-8]
    assert record is not None
    assert bytes.fromhex(entry[2:]) == by_kind + _newest_first(0)
    for start in range(1, count, BATCH):
        pairs = []
        for number in range(start, min(start + BATCH, count)):
            pairs.append(["0x" + _key(tasks, number).hex(), record])
            pairs.append(["0x" + (by_kind + _newest_first(number)).hex(), "0x"])
        chain.call("dev_setStorage", pairs)


def _key(prefix: bytes, number: int) -> bytes:
    encoded = number.to_bytes(8, "little")
    return prefix + blake2(encoded, 128) + encoded


def _newest_first(number: int) -> bytes:
    return (2**64 - 1 - number).to_bytes(8, "big")


def milliseconds(market: Market, limit: int, count: int) -> float:
    """Time of one page, which must hold the newest tasks."""
    start = time.process_time()
    page = market.open_tasks(TaskKind.CONTRIBUTION, limit)
    took = (time.process_time() - start) * 1e3
    assert [task.id for task in page] == list(range(count - 1, count - 1 - limit, -1))
    return took


def main() -> None:
    """Measure and print; leaves with 1 where the budget is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=int, default=100_000)
    many_tasks = parser.parse_args().tasks
    alice = Keypair.create_from_uri("//Alice", ss58_format=42)
    worst = 0.0
    with (
        DevChain() as small,
        DevChain() as large,
        Node(small.url) as small_node,
        Node(large.url) as large_node,
    ):
        few, many = Market(small_node, alice), Market(large_node, alice)
        fill(small, few, FEW)
        start = time.perf_counter()
        fill(large, many, many_tasks)
        print(f"made {many_tasks:,} tasks in {time.perf_counter() - start:.0f} s")
        for limit in (10, 100):
            pairs = [
                (milliseconds(few, limit, FEW), milliseconds(many, limit, many_tasks))
                for _ in range(ROUNDS + 1)
            ][1:]
            of_few, of_many = (median(pair[side] for pair in pairs) for side in (0, 1))
            worst = max(worst, of_many / of_few)
            print(
                f"a page of {limit:3}   {FEW} tasks {of_few:6.2f} ms   "
                f"{many_tasks:,} tasks {of_many:6.2f} ms   ratio {of_many / of_few:.2f}"
            )
    print(f"worst ratio {worst:.2f}   budget: at most {BUDGET}")
    raise SystemExit(0 if worst <= BUDGET else 1)


if __name__ == "__main__":
    main()
