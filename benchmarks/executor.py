"""How fast the development chain applies a transfer, against the plain way, in the same run.

    python -m benchmarks.executor [TRANSFERS]

Two executors run the same blocks on the same state, by turns, so that other load on the
machine meets both:

    plain    every host function in Python, through wasmtime-py's own functions
    native   what the chain uses: memory and hashes in WebAssembly, the rest in Python
             without wasmtime-py's trampoline

A figure is CPU time, the median over the rounds.
"""

from __future__ import annotations

import itertools
import sys
import time
from statistics import median

from tests.pallets_mock.offline import UNIT, OfflineChain, well_known

ROUNDS = 7
BUDGET = 4.0


def transfers(chain: OfflineChain, count: int) -> list[bytes]:
    alice, bob = well_known("Alice"), well_known("Bob")
    return [chain.client.transfer(alice, bob, UNIT, nonce) for nonce in range(count)]


def milliseconds(chain: OfflineChain, extrinsics: list[bytes]) -> dict[str, float]:
    """CPU time of each step, of one extrinsic where there are several."""
    times = [time.process_time()]
    builder = chain.builder()
    times.append(time.process_time())
    for extrinsic in extrinsics:
        builder.apply(extrinsic)
    times.append(time.process_time())
    for extrinsic in extrinsics:
        argument = b"\x02" + extrinsic + bytes(32)  # from outside, at genesis' hash
        chain.executor.call("TaggedTransactionQueue_validate_transaction", argument, chain.head)
    times.append(time.process_time())
    builder.finalise(chain.authority)
    times.append(time.process_time())
    begin, apply, validate, finalise = (
        (after - before) * 1e3 for before, after in itertools.pairwise(times)
    )
    count = len(extrinsics)
    return {
        "start a block": begin,
        "apply a transfer": apply / count,
        "validate a transfer": validate / count,
        f"finalise {count} transfers": finalise,
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    plain, native = OfflineChain(python_hosts=True), OfflineChain()
    extrinsics = transfers(native, count)
    measured: list[tuple[dict[str, float], dict[str, float]]] = []
    for _ in range(ROUNDS + 1):
        measured.append((milliseconds(plain, extrinsics), milliseconds(native, extrinsics)))
    del measured[0]  # warming up
    print(f"{'ms, median of ' + str(ROUNDS):32} {'plain':>8} {'native':>8} {'ratio':>7}")
    for step in measured[0][0]:
        slow = median(one[step] for one, _ in measured)
        fast = median(one[step] for _, one in measured)
        print(f"{step:32} {slow:8.2f} {fast:8.2f} {slow / fast:6.1f}x")
    print(f"budget: applying a transfer at least {BUDGET:.0f}x faster than plain")


if __name__ == "__main__":
    main()
