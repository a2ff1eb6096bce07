"""SIGKILL at any moment loses no block that anybody was told of."""

from __future__ import annotations

import random
from hashlib import blake2b
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from xxhash import xxh64_digest

from pallets_mock.state.compact import compact
from tests.oracles.slow_trie import slow_root
from tests.pallets_mock.offline import OfflineChain, well_known
from tests.pallets_mock.process import ChainProcess
from tests.pallets_mock.wire import Wire

KILLS = 50
LONGEST_STREAM_SECONDS = 0.15


def twox128(text: str) -> bytes:
    return b"".join(xxh64_digest(text.encode(), seed)[::-1] for seed in (0, 1))


NUMBER_KEY = "0x" + (twox128("System") + twox128("Number")).hex()


def hash_of(header: dict[str, Any]) -> str:
    """The hash of a header that came as JSON, as any client works it out."""
    logs = [bytes.fromhex(log[2:]) for log in header["digest"]["logs"]]
    parts = [
        bytes.fromhex(header["parentHash"][2:]),
        compact(int(header["number"], 16)),
        bytes.fromhex(header["stateRoot"][2:]),
        bytes.fromhex(header["extrinsicsRoot"][2:]),
        compact(len(logs)),
        *logs,
    ]
    return "0x" + blake2b(b"".join(parts), digest_size=32).hexdigest()


class Stream:
    """Sends one account's remarks until the chain is gone; keeps every head that it is told."""

    def __init__(self) -> None:
        self._client = OfflineChain().client
        self.seen: dict[str, int] = {}

    def until_killed(self, chain: ChainProcess, seconds: float) -> None:
        with Wire(chain.url) as wire:
            nonce = wire.call("system_accountNextIndex", well_known("Alice").ss58_address)
            heads = wire.call("chain_subscribeNewHeads")
            killer = Timer(seconds, chain.kill)
            killer.start()
            try:
                while True:
                    wire.call("author_submitExtrinsic", self._remark(nonce))
                    nonce += 1
                    self._note(wire.received(heads))
            except ConnectionClosed:
                self._note(wire.received(heads))
            killer.join()

    def _remark(self, nonce: int) -> str:
        alice = well_known("Alice")
        return "0x" + self._client.sign(alice, "System", "remark", nonce, remark="0x00").hex()

    def _note(self, headers: list[dict[str, Any]]) -> None:
        self.seen |= {hash_of(header): int(header["number"], 16) for header in headers}


def check_all_is_there(wire: Wire, seen: dict[str, int]) -> None:
    hashes = wire.call("chain_getBlockHash", list(seen.values()))
    assert hashes == list(seen)
    best = wire.call("chain_getBlockHash")
    for block, number in [*list(seen.items())[-5:], (best, None)]:
        stored = wire.call("state_getStorage", NUMBER_KEY, block) or "0x"  # block 0 has none
        assert number is None or int.from_bytes(bytes.fromhex(stored[2:]), "little") == number
    header = wire.call("chain_getHeader", best)
    pairs = wire.call("state_getPairs", "0x", best)
    state = {bytes.fromhex(key[2:]): bytes.fromhex(value[2:]) for key, value in pairs}
    assert header["stateRoot"] == "0x" + slow_root(state, 1).hex()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_a_client_saw_is_there_after_each_of_fifty_kills(tmp_path: Path):
    moments = random.Random(11)
    stream = Stream()
    for _ in range(KILLS):
        chain = ChainProcess(tmp_path)
        with Wire(chain.url) as wire:
            check_all_is_there(wire, stream.seen)
        stream.until_killed(chain, moments.random() * LONGEST_STREAM_SECONDS)
    with ChainProcess(tmp_path) as chain, Wire(chain.url) as wire:
        check_all_is_there(wire, stream.seen)
    assert len(stream.seen) > KILLS
