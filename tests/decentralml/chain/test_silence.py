"""A socket that stays open and says nothing: noticed, given up, replaced."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from itertools import islice

import pytest

from decentralml.chain import calls, connection
from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.types import BlockNumber, Planck
from pallets_mock.testing import DevChain
from tests.chains import address_of, uri_of


class Cable:
    """Passes bytes on, until it is cut so that neither side is told."""

    def __init__(self, url: str) -> None:
        self._target = int(url.rsplit(":", 1)[1])
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._door.getsockname()[1]}"
        self._lock, self._ends = threading.Lock(), dict[socket.socket, socket.socket]()
        self._held: list[socket.socket] = []
        self.plugged = 0
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing passes through the connections that there are."""
        with self._lock:
            self._held += self._ends
            self._ends.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self.plugged += 1
                    self._ends |= {client: server, server: client}

    def _pass_on(self) -> None:
        while self._door.fileno() >= 0:
            with self._lock, selectors.DefaultSelector() as ready:
                for end in self._ends:
                    ready.register(end, selectors.EVENT_READ)
                for key, _ in ready.select(0.005):
                    self._move(key.fileobj)  # type: ignore[arg-type]

    def _move(self, source: socket.socket) -> None:
        other = self._ends.get(source)
        with contextlib.suppress(OSError):
            data = source.recv(1 << 16)
            if other is not None and data:
                other.sendall(data)
                return
        for end in (source, other):
            if end is not None:
                self._ends.pop(end, None)
                end.close()

    def close(self) -> None:
        self._door.close()
        self.cut()
        for end in self._held:
            end.close()


@pytest.fixture
def cable(dev_chain: DevChain) -> Iterator[Cable]:
    between = Cable(dev_chain.url)
    yield between
    between.close()


def test_a_watch_on_a_dead_socket_goes_on_with_a_new_one(
    dev_chain: DevChain, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PING_SECONDS", 0.3)
    with Node(cable.url, timeout=60) as node:
        start = dev_chain.best + 1
        watch = Market(node).events(BlockNumber(start))
        dev_chain.new_block(2)
        assert [number for number, _ in islice(watch, 2)] == [start, start + 1]
        cable.cut()
        dev_chain.new_block(2)
        assert [number for number, _ in islice(watch, 2)] == [start + 2, start + 3]
        assert cable.plugged == 2


def test_a_read_on_a_dead_socket_is_asked_again_through_a_new_one(
    dev_chain: DevChain, cable: Cable
) -> None:
    with Node(cable.url, timeout=2) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        before = alice.balance()
        cable.cut()
        assert alice.balance() == before
        assert cable.plugged == 2


def test_a_call_on_a_dead_socket_comes_in_once(
    dev_chain: DevChain, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PING_SECONDS", 0.3)
    with Node(cable.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(calls.transfer(address_of("Ferdie"), Planck(1)))
        cable.cut()
        assert alice.submit(signed).extrinsic_hash == signed.hash
        assert int(node.storage("System", "Account", alice.account)["nonce"]) == 1
