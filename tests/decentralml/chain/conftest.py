"""The chain of a test, its people, and a proxy that can tamper with answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import Manual, Schedule, TaskKind, Terms
from decentralml.types import AccountId, BlockNumber, Cid, Planck
from pallets_mock.fixtures import start_chain  # noqa: F401
from pallets_mock.testing import DevChain
from tests.chains import SharedChain, uri_of

TOKEN = 10**12
BUNDLE = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")


class People:
    """Markets of the well-known accounts, each with a connection of its own."""

    def __init__(self, url: str, **options: Any) -> None:
        self._url, self._options = url, {"timeout": 20.0, **options}
        self._nodes: list[Node] = []

    def market(self, name: str, **options: Any) -> Market:
        """A market that signs as this person."""
        node = Node(self._url, **{**self._options, **options})
        self._nodes.append(node)
        return Market(node, well_known(uri_of(name), node))

    def in_name_of(self, name: str, account: AccountId) -> Market:
        """A market in which this person signs for `account`."""
        node = self.market(name).node
        return Market(node, well_known(uri_of(name), node), in_name_of=account)

    def close(self) -> None:
        for node in self._nodes:
            node.close()


@pytest.fixture
def dev_chain(a_chain: DevChain | SharedChain) -> DevChain | SharedChain:
    return a_chain


@pytest.fixture
def people(dev_chain: DevChain | SharedChain) -> Iterator[People]:
    everybody = People(dev_chain.url)
    yield everybody
    everybody.close()


@pytest.fixture
def alice(people: People) -> Market:
    return people.market("Alice")


@pytest.fixture
def bob(people: People) -> Market:
    return people.market("Bob")


@pytest.fixture
def terms(dev_chain: DevChain | SharedChain) -> Callable[..., Terms]:
    """Terms of a small task; what is named is changed."""
    accept_before = dev_chain.best + 1000

    def make(**changes: Any) -> Terms:
        values: dict[str, Any] = {
            "kind": TaskKind.CONTRIBUTION,
            "title": "Digits",
            "bundle": BUNDLE,
            "reward": Planck(2 * TOKEN),
            "slots": 3,
            "policy": Manual(),
            "schedule": Schedule(*map(BlockNumber, (accept_before, 100, 100, 100))),
        }
        return Terms(**{**values, **changes})

    return make


Tamper = Callable[[Any], Any]


class Proxy:
    """Between a client and a real chain; changes the results of methods that a test names.

    To a client it is a node: with two of them one chain has two.
    """

    def __init__(self, url: str) -> None:
        self._target = url
        self.tamper: dict[str, Tamper] = {}  # by method, also of notifications
        self.refuse: dict[str, dict[str, Any]] = {}  # by method: the error that is answered
        self.asked: list[str] = []
        self.silent = threading.Event()  # while it is set, nothing is passed on
        self._listen(0)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def _listen(self, port: int) -> None:
        self._server: Server = serve(self._serve, "127.0.0.1", port, max_size=None)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def start_again(self) -> None:
        """Be there again after `stop`, at the same address."""
        self._listen(int(self.url.rpartition(":")[2]))

    def _serve(self, client: ServerConnection) -> None:
        methods: dict[int, str] = {}
        with connect(self._target, max_size=None) as chain:

            def back() -> None:
                try:
                    while True:
                        client.send(json.dumps(self._changed(json.loads(chain.recv()), methods)))
                except WebSocketException:
                    client.close()

            answers = threading.Thread(target=back)
            answers.start()
            try:
                while True:
                    request = json.loads(client.recv())
                    methods[request["id"]] = request["method"]
                    self.asked.append(request["method"])
                    if self.silent.is_set():
                        continue
                    error = self.refuse.get(request["method"])
                    if error is None:
                        chain.send(json.dumps(request))
                    else:
                        client.send(json.dumps({"id": request["id"], "error": error}))
            except WebSocketException:
                pass
        answers.join(10)

    def _changed(self, answer: Any, methods: dict[int, str]) -> Any:
        if "params" in answer and answer["method"] in self.tamper:
            answer["params"]["result"] = self.tamper[answer["method"]](answer["params"]["result"])
        tamper = self.tamper.get(methods.get(answer.get("id"), ""))
        if tamper is not None and "result" in answer:
            answer["result"] = tamper(answer["result"])
        return answer

    def stop(self) -> None:
        """Be gone: nobody listens any more, open connections end."""
        self._server.shutdown()
        self._thread.join()


@pytest.fixture
def proxy(dev_chain: DevChain | SharedChain) -> Iterator[Proxy]:
    running = Proxy(dev_chain.url)
    yield running
    running.stop()
