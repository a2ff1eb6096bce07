"""What clients of every validator were told is final, held against what is final afterwards."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType

from decentralml.chain.node import Node
from decentralml.chain.watch import Heads
from decentralml.errors import NodeUnreachable
from decentralml.localnet import LocalNetwork
from decentralml.types import BlockNumber


class Beliefs:
    """A client at each validator, which notes the blocks that it is told are final."""

    def __init__(self, network: LocalNetwork) -> None:
        self._nodes = [Node(one.url, timeout=240) for one in network.validators]
        self._told: list[dict[BlockNumber, str]] = [{} for _ in self._nodes]
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, args=pair, daemon=True)
            for pair in zip(self._nodes, self._told, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def _listen(self, node: Node, told: dict[BlockNumber, str]) -> None:
        heads = Heads(node)
        with suppress(NodeUnreachable):  # closed when it is over
            while not self._over.is_set():
                if heads.wait(1.0):
                    final = node.finalised()
                    told[final.number] = final.hash

    def check(self, network: LocalNetwork) -> None:
        """Every block that anybody was told is final is so for everybody now."""
        all_told = [dict(told) for told in self._told]
        highest = max(number for told in all_told for number in told)
        network.wait_until(lambda now: all((v.finalised or 0) >= highest for v in now.validators))
        for validator in network.validators:
            with Node(validator.url) as node:
                for told in all_told:
                    assert told
                    for number, block_hash in told.items():
                        assert node.block_hash(number) == block_hash, (validator.name, number)

    def __enter__(self) -> Beliefs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for node in self._nodes:
            node.close()
        for thread in self._threads:
            thread.join(30)
