"""The chain that the demo runs on: a development chain, or a real network of validators."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from decentralml.cli.demo.board import Board
from decentralml.cli.demo.stage import development_chain
from decentralml.errors import ChainError
from decentralml.localnet import LocalNetwork, NetworkStatus, find_binary
from decentralml.types import BlockNumber

LOOK_SECONDS = 1.0
AGREE_SECONDS = 120.0

Settled = Callable[[BlockNumber], str | None]
"""Waits until a block is final everywhere; what to tell of it, if there is anything."""


@contextmanager
def chain_of(root: Path, board: Board, validators: int | None) -> Iterator[tuple[str, Settled]]:
    """The demo's chain, stopped at the end. Yields its address, and what settles it.

    Args:
        root: the demo's folder.
        validators: of a network; None: a development chain, on which nothing has to settle.
    Raises:
        ChainError: it did not start.
    """
    if validators is None:
        with development_chain(root / "chain.log") as url:
            yield url, lambda _block: None
        return
    board.says("chain", f"starts {validators} validators")
    network = LocalNetwork.make(root / "network", find_binary(), validators=validators)
    with network:
        network.wait_ready()
        with _told(network, board):
            yield network.validators[0].url, lambda block: _settled(network, block)


def in_a_line(status: NetworkStatus) -> str:
    """How far a network is, for a person."""
    best = max((one.best or 0 for one in status.validators), default=0)
    agree = "all agree" if status.agree else "the validators DISAGREE"
    there = f"{status.running} of {len(status.validators)} validators"
    return f"block {best}, final {status.agreed_at or 0}; {there}, {agree}"


def _settled(network: LocalNetwork, block: BlockNumber) -> str:
    def is_settled(status: NetworkStatus) -> bool:
        return status.agree and all((one.finalised or 0) >= block for one in status.validators)

    status = network.wait_until(is_settled, AGREE_SECONDS)
    return (
        f"{len(status.validators)} validators agree on the state after block {status.agreed_at}: "
        f"{status.validators[0].final_state}"
    )


@contextmanager
def _told(network: LocalNetwork, board: Board) -> Iterator[None]:
    over = threading.Event()

    def tell() -> None:
        while not over.wait(LOOK_SECONDS):
            with contextlib.suppress(ChainError):
                board.is_at("network", in_a_line(network.status()))

    teller = threading.Thread(target=tell, name="demo-network", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
