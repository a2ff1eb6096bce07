"""The development chain: start to first block, one transaction, and many.

    python benchmarks/chain.py [--count 3000] [--json]

Starts a chain as a process of its own (twice: the first start compiles the runtime if nobody did
before), and speaks to it as any client does. With `--url` it measures a node that runs already.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from substrateinterface import Keypair, SubstrateInterface
from websockets.sync.client import ClientConnection, connect

ALICE, BOB = (Keypair.create_from_uri(f"//{name}") for name in ("Alice", "Bob"))
Figures = dict[str, float]
PATIENCE = 120  # seconds for all of them to be in blocks


@contextmanager
def chain_process() -> Iterator[tuple[str, float, int]]:
    """A chain's address, when its process was started, and that process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pallets_mock", "--port", "0", "--json-ready"]
        start = time.perf_counter()
        with subprocess.Popen(
            [*command, "--path", folder], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                yield json.loads(process.stdout.readline())["url"], start, process.pid
            finally:
                process.terminate()


class Socket:
    """JSON-RPC over one WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._id = 0

    def send(self, method: str, *params: Any) -> int:
        self._id += 1
        request = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}
        self._socket.send(json.dumps(request))
        return self._id

    def receive(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._socket.recv(120))
        return answer

    def call(self, method: str, *params: Any) -> Any:
        id_ = self.send(method, *params)
        while True:
            answer = self.receive()
            if answer.get("id") == id_:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]


def first_block(url: str, start: float) -> float:
    """Seconds from the start of the process to a block that holds a transaction of ours."""
    with connect(url, compression=None, max_size=None) as opened:
        Socket(opened).call("dev_newBlock")
        return time.perf_counter() - start


def one_transaction(client: SubstrateInterface, count: int) -> Figures:
    """Sign, submit, wait for the block, read the events: the median, in ms."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call = client.compose_call(
            "Balances", "transfer_keep_alive", {"dest": BOB.ss58_address, "value": 10**12}
        )
        extrinsic = client.create_signed_extrinsic(call, ALICE)
        receipt = client.submit_extrinsic(extrinsic, wait_for_inclusion=True)
        assert receipt.is_success
        assert receipt.triggered_events
        times.append((time.perf_counter() - start) * 1000)
    return {"sign to events, median ms": statistics.median(times), "fastest ms": min(times)}


def sign_many(client: SubstrateInterface, count: int, call: Callable[[int], Any]) -> list[str]:
    """That many extrinsics of one account, from its next nonce on; not part of the time."""
    first = client.get_account_nonce(ALICE.ss58_address)
    extrinsics = [
        client.create_signed_extrinsic(call(number), ALICE, nonce=first + number)
        for number in range(count)
    ]
    return [extrinsic.data.to_hex() for extrinsic in extrinsics]


def many(url: str, extrinsics: list[str]) -> float:
    """Transactions a second, from the first sent to the last in a block."""
    with connect(url, compression=None, max_size=None) as opened:
        socket = Socket(opened)
        first = int(socket.call("chain_getHeader")["number"], 16) + 1
        start = time.perf_counter()
        for extrinsic in extrinsics:
            socket.send("author_submitExtrinsic", extrinsic)
        for _ in extrinsics:
            assert "result" in socket.receive()
        included = 0
        while included < len(extrinsics):
            best = int(socket.call("chain_getHeader")["number"], 16)
            for number in range(first, best + 1):
                block = socket.call("chain_getBlock", socket.call("chain_getBlockHash", number))
                included += len(block["block"]["extrinsics"]) - 1
            first = best + 1
            if time.perf_counter() - start > PATIENCE:
                raise SystemExit(
                    f"{len(extrinsics) - included} of {len(extrinsics)} not in a block"
                )
        return len(extrinsics) / (time.perf_counter() - start)


def measure(count: int) -> Figures:
    figures: Figures = {}
    with chain_process() as (url, start, _):
        figures["start to first block, first time s"] = first_block(url, start)
    with chain_process() as (url, start, pid):
        figures["start to first block, warm s"] = first_block(url, start)
        figures |= measure_running(url, count, pid)
    return figures


def cpu_seconds(pid: int | None) -> float:
    """What a process has used so far; unlike the clock it does not see what else runs here."""
    if pid is None:
        return float("nan")
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def measure_running(url: str, count: int, pid: int | None = None) -> Figures:
    with SubstrateInterface(url=url) as client:
        figures = one_transaction(client, 50)
        value = {"dest": BOB.ss58_address, "value": 10**9}
        transfer = client.compose_call("Balances", "transfer_keep_alive", value)
        transfers = sign_many(client, count, lambda _: transfer)
        before = cpu_seconds(pid)
        figures["transfers a second"] = many(url, transfers)
        figures["the chain's CPU, ms a transfer"] = (cpu_seconds(pid) - before) / count * 1000
        remark = client.compose_call("System", "remark", {"remark": "0x" + "00" * 32})
        remarks = sign_many(client, count, lambda _: remark)
        before = cpu_seconds(pid)
        figures["remarks a second"] = many(url, remarks)
        figures["the chain's CPU, ms a remark"] = (cpu_seconds(pid) - before) / count * 1000
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=3000, help="transactions of each kind")
    parser.add_argument("--url", help="a node that runs already, instead of a chain started here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure_running(options.url, options.count) if options.url else measure(options.count)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:40}{figure:10.2f}")


if __name__ == "__main__":
    main()
