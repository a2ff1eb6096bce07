"""What an answer may take of time and bytes: on both sides of each bound."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest
import requests

from decentralml.assets import bounded
from decentralml.assets.bounded import (
    HEAD,
    Allowance,
    Cancelled,
    Overdue,
    Overlong,
    Patience,
    bound,
    pieces,
)

LONG = 60.0  # seconds: for ever, in a test
PATIENCE = Patience(connecting=LONG, silent=30, first=60, slowest=1000)


class Clock:
    """Stands in for `time`: it goes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Line:
    """A socket that only remembers what it was told."""

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(bounded, "time", clock)
    return clock


def waited(allowance: Allowance, clock: Clock, seconds: float) -> float:
    """Waits so long for something that comes then; how long it might have taken."""
    line = Line()
    with allowance.waiting(line):
        clock.now += seconds
    return line.timeout


def test_no_single_silence_is_longer_than_is_allowed_nor_all_together(clock: Clock) -> None:
    allowance = Allowance(PATIENCE)
    allowance.grant(0)

    assert waited(allowance, clock, 25) == 30
    assert waited(allowance, clock, 25) == 30
    assert waited(allowance, clock, 9) == 10
    assert waited(allowance, clock, 1) == 1
    with pytest.raises(Overdue, match="nothing came for 60 s"):
        waited(allowance, clock, 0)


def test_what_comes_earns_time_back_but_never_more_than_there_was(clock: Clock) -> None:
    allowance = Allowance(PATIENCE)
    allowance.grant(0)
    waited(allowance, clock, 29)
    waited(allowance, clock, 29)
    allowance.renew(8_000, 0)
    assert waited(allowance, clock, 0) == 10

    allowance.renew(1 << 30, 0)
    for seconds, allowed in ((29, 30), (29, 30), (2, 2)):
        assert waited(allowance, clock, seconds) == allowed
    with pytest.raises(Overdue):
        waited(allowance, clock, 0)


def test_an_answer_may_be_granted_another_time(clock: Clock) -> None:
    allowance = Allowance(PATIENCE)
    allowance.grant(0, seconds=2)

    allowance.renew(1 << 30, 0)
    assert waited(allowance, clock, 2) == 2
    with pytest.raises(Overdue, match="nothing came for 2 s"):
        waited(allowance, clock, 0)


def test_what_is_done_with_what_came_costs_no_time(clock: Clock) -> None:
    allowance = Allowance(PATIENCE)
    allowance.grant(0)
    clock.now += 1_000

    assert waited(allowance, clock, 0) == 30


def test_bytes_are_counted_up_to_the_last_that_is_allowed() -> None:
    allowance = Allowance(PATIENCE)
    allowance.grant(10)
    allowance.take(HEAD + 10)
    with pytest.raises(Overlong, match=rf"more than {HEAD + 10:,} bytes"):
        allowance.take(1)

    allowance.renew(1, 20)
    allowance.take(HEAD + 20)
    with pytest.raises(Overlong):
        allowance.take(1)


class Server(socketserver.ThreadingTCPServer):
    """Answers each connection's first request with what a test wants, then waits for the end."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answer = b""
        self.asked = threading.Event()
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        self.request.recv(1 << 16)
        self.server.asked.set()
        self.request.sendall(self.server.answer)
        self.server.over.wait(LONG)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def session_of(allowance: Allowance) -> requests.Session:
    session = requests.Session()
    bound(session, allowance)
    return session


def test_a_body_of_the_promised_length_comes_whole(server: Server) -> None:
    body = bytes(range(256)) * 4096
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    allowance = Allowance(PATIENCE)
    allowance.grant(len(body))
    with session_of(allowance) as session, session.get(server.url, stream=True) as response:
        found = list(pieces(response))

    assert b"".join(found) == body
    assert max(map(len, found)) <= 256 << 10


def test_a_body_that_stays_away_is_waited_for_no_longer_than_is_allowed(server: Server) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"
    allowance = Allowance(Patience(silent=0.2, first=LONG))
    allowance.grant(9)
    with (
        session_of(allowance) as session,
        session.get(server.url, stream=True) as response,
        pytest.raises(Overdue),
    ):
        list(pieces(response))


def test_more_bytes_than_are_allowed_are_not_read(server: Server) -> None:
    allowance = Allowance(PATIENCE)
    filler = b"x" * (HEAD // 2)
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + filler * 3
    allowance.grant(0)
    with (
        session_of(allowance) as session,
        session.get(server.url, stream=True) as response,
        pytest.raises(Overlong),
    ):
        list(pieces(response))


def test_a_request_that_nobody_reads_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    allowance = Allowance(Patience(silent=0.2, first=LONG))
    allowance.grant(0)
    with ours, theirs, pytest.raises(Overdue):
        bounded._Line(ours, allowance).sendall(bytes(64 << 20))


def test_all_that_is_sent_arrives() -> None:
    ours, theirs = socket.socketpair()
    allowance = Allowance(PATIENCE)
    allowance.grant(0)
    found = bytearray()

    def read() -> None:
        while piece := theirs.recv(1 << 16):
            found.extend(piece)

    reading = threading.Thread(target=read)
    reading.start()
    sent = bytes(range(256)) * (16 << 10)
    with theirs:
        with ours:
            bounded._Line(ours, allowance).sendall(sent)
        reading.join()

    assert found == sent


def test_another_thread_ends_what_is_waited_for_and_all_after_it(server: Server) -> None:
    allowance = Allowance(PATIENCE)
    allowance.grant(0)
    ended: list[Exception] = []

    def ask() -> None:
        with session_of(allowance) as session:
            for _ in range(2):
                try:
                    session.get(server.url)
                except Cancelled as error:
                    ended.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert server.asked.wait(LONG)
    allowance.cancel()
    asking.join(LONG)

    assert len(ended) == 2
