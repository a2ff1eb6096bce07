"""The socket: answers, subscriptions, silence, and a node that means harm."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.sync.server import Server, ServerConnection, serve

from decentralml.chain.connection import AnswerError, Connection, ConnectionLost

Behaviour = Callable[[ServerConnection, dict[str, Any]], None]


class Peer:
    """A WebSocket server whose every answer the test decides."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.behave: Behaviour = lambda socket, request: answer(socket, request, request["params"])
        self._server: Server = serve(self._serve, "127.0.0.1", 0, max_size=None)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def _serve(self, connection: ServerConnection) -> None:
        for frame in connection:
            request = json.loads(frame)
            self.asked.append(request)
            self.behave(connection, request)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()


def answer(connection: ServerConnection, request: dict[str, Any], result: Any) -> None:
    connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}))


def notify(connection: ServerConnection, subscription: Any, result: Any) -> None:
    params = {"subscription": subscription, "result": result}
    connection.send(json.dumps({"jsonrpc": "2.0", "method": "news", "params": params}))


@pytest.fixture
def peer() -> Iterator[Peer]:
    running = Peer()
    yield running
    running.stop()


@pytest.fixture
def connection(peer: Peer) -> Iterator[Connection]:
    opened = Connection(peer.url, 5.0)
    yield opened
    opened.close()


def test_an_answer_goes_to_who_asked(connection: Connection) -> None:
    assert connection.request("echo", [1]) == [1]


def test_answers_out_of_order_go_to_who_asked(peer: Peer, connection: Connection) -> None:
    held: list[dict[str, Any]] = []
    both = threading.Barrier(2, timeout=5)

    def backwards(socket: ServerConnection, request: dict[str, Any]) -> None:
        held.append(request)
        if len(held) == 2:
            for earlier in reversed(held):
                answer(socket, earlier, earlier["params"])

    peer.behave = backwards
    got: dict[int, Any] = {}

    def ask(number: int) -> None:
        both.wait()
        got[number] = connection.request("echo", [number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert got == {1: [1], 2: [2]}


def test_an_error_answer_keeps_code_message_and_data(peer: Peer, connection: Connection) -> None:
    error = {"code": 1010, "message": "Invalid Transaction", "data": "outdated"}
    peer.behave = lambda socket, request: socket.send(
        json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error})
    )
    with pytest.raises(AnswerError) as refusal:
        connection.request("author_submitExtrinsic", [])
    assert (refusal.value.code, refusal.value.data) == (1010, "outdated")


def test_silence_ends_with_the_time_limit_and_the_connection(
    peer: Peer, connection: Connection
) -> None:
    peer.behave = lambda socket, request: None
    with pytest.raises(ConnectionLost, match="no answer to slow"):
        connection.request("slow", [], timeout=0.1)
    with pytest.raises(ConnectionLost):
        connection.request("next", [])


def test_who_waits_is_told_when_the_node_goes(peer: Peer, connection: Connection) -> None:
    peer.behave = lambda socket, request: socket.close()
    with pytest.raises(ConnectionLost):
        connection.request("any", [])


def test_nobody_there_is_said_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(ConnectionLost):
        Connection(f"ws://127.0.0.1:{port}", 30.0)
    assert time.monotonic() - began < 10


def test_who_is_no_websocket_is_said_within_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(ConnectionLost):
        Connection(f"ws://127.0.0.1:{mute.getsockname()[1]}", 0.2)


def test_notifications_come_in_order_even_right_behind_the_answer(
    peer: Peer, connection: Connection
) -> None:
    def subscribe(socket: ServerConnection, request: dict[str, Any]) -> None:
        answer(socket, request, "s1")
        for number in range(100):
            notify(socket, "s1", number)

    peer.behave = subscribe
    feed = connection.subscribe("subscribe", [], "unsubscribe")
    assert [feed.next(5) for _ in range(100)] == list(range(100))
    assert feed.next(0) is None


def test_a_notification_for_nobody_is_dropped(peer: Peer, connection: Connection) -> None:
    def stray(socket: ServerConnection, request: dict[str, Any]) -> None:
        notify(socket, "unknown", 1)
        answer(socket, request, "done")

    peer.behave = stray
    assert connection.request("any", []) == "done"


def test_a_subscription_learns_that_its_connection_is_gone(
    peer: Peer, connection: Connection
) -> None:
    def subscribe(socket: ServerConnection, request: dict[str, Any]) -> None:
        answer(socket, request, "s1")
        notify(socket, "s1", "last")
        socket.close()

    peer.behave = subscribe
    feed = connection.subscribe("subscribe", [], "unsubscribe")
    assert feed.next(5) == "last"  # what came before the end is not lost
    with pytest.raises(ConnectionLost):
        feed.next(5)


def test_what_came_between_a_look_and_the_end_is_not_lost(
    peer: Peer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.behave = lambda socket, request: answer(socket, request, "s1")
    feed = connection.subscribe("subscribe", [], "unsubscribe")
    look = feed._take
    looked = 0

    def take(timeout: float) -> Any:
        nonlocal looked
        looked += 1
        found = look(0.0)
        if looked == 1:  # nothing there; then the last one comes, and the end right behind it
            feed.put("last")
            connection.close()
        return found

    monkeypatch.setattr(feed, "_take", take)
    assert feed.next(5) == "last"
    with pytest.raises(ConnectionLost):
        feed.next(5)


def test_closing_a_subscription_tells_the_node(peer: Peer, connection: Connection) -> None:
    peer.behave = lambda socket, request: answer(socket, request, "s1")
    connection.subscribe("subscribe", [], "unsubscribe").close()
    connection.request("after", [])  # answered after what was told before it
    peer.asked.pop()
    assert (peer.asked[-1]["method"], peer.asked[-1]["params"]) == ("unsubscribe", ["s1"])


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "no json",
        "[]",
        "7",
        "null",
        "[" * 100_000,
        '{"id": [1], "result": 1}',
        '{"id": {}, "error": 7}',
        '{"params": {"subscription": [], "result": 1}}',
        '{"id": 1, "error": {"code": "x"}}',
        '{"id": 1, "error": {"code": []}}',
        b"\xff\xfe",
    ],
    ids=repr,
)
def test_garbage_ends_in_an_error_and_never_in_a_hang(
    peer: Peer, connection: Connection, frame: str | bytes
) -> None:
    def garbage(socket: ServerConnection, request: dict[str, Any]) -> None:
        socket.send(frame)
        socket.close()

    peer.behave = garbage
    with pytest.raises((ConnectionLost, AnswerError)):
        connection.request("any", [], timeout=5)


def test_closing_wakes_who_waits(peer: Peer, connection: Connection) -> None:
    asked = threading.Event()
    peer.behave = lambda socket, request: asked.set()
    failure: list[Exception] = []

    def ask() -> None:
        try:
            connection.request("never", [], timeout=30)
        except ConnectionLost as error:
            failure.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    assert asked.wait(5)
    connection.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert "closed" in str(failure[0])
