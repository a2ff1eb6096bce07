"""Servers that misbehave: one that says what it is told to, one that stands before a real one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[[socket.socket], None]
"""What a server does with a connection."""


@dataclass
class Faulty:
    """A server on this machine; `connections` counts who came."""

    port: int
    connections: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(talk: Callable[[int, socket.socket], None]) -> Iterator[Faulty]:
    """Hands each connection, with its number, to a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Faulty(listening.getsockname()[1])
        closed: list[socket.socket] = []

        def serve(number: int, connection: socket.socket) -> None:
            with connection, suppress(OSError):
                talk(number, connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    closed.append(connection)
                    thread = threading.Thread(
                        target=serve, args=(server.connections, connection), daemon=True
                    )
                    server.connections += 1
                    thread.start()
                    server.threads.append(thread)

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for connection in closed:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in [accepting, *server.threads]:
                thread.join(10)


def request_of(connection: socket.socket) -> bytes:
    """A request's head."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError
        head += more
    return head


def answer(status: str, body: str = "", kind: str = "application/xml") -> Talk:
    """Says the same to every request, and closes."""

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall((head + body).encode())

    return talk


def s3_error(status: str, code: str) -> Talk:
    """An error as S3 writes it; its message holds what must not be repeated."""
    return answer(
        status,
        f'<?xml version="1.0"?><Error><Code>{code}</Code>'
        f"<Message>secret=hunter2</Message><RequestId>1</RequestId></Error>",
    )


def silence(connection: socket.socket) -> None:
    """Takes a request and never answers."""
    while connection.recv(65536):
        pass


def endless(connection: socket.socket) -> None:
    """Sends without end, whatever was asked for."""
    request_of(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nConnection: close\r\n\r\n')
    while True:
        connection.sendall(bytes(65536))


def far_too_long(connection: socket.socket) -> None:
    """Says that a terabyte comes, and begins to send it."""
    request_of(connection)
    connection.sendall(
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1099511627776\r\n"
        b"Connection: close\r\n\r\n"
    )
    while True:
        connection.sendall(bytes(65536))


def forwarding(port: int, cut_after: int | None = None) -> Talk:
    """Passes everything on to a real server; the connection ends after so many bytes to it."""

    def talk(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as real:
            back = threading.Thread(target=_copy, args=(real, connection, None), daemon=True)
            back.start()
            _copy(connection, real, cut_after)
            back.join(10)

    return talk


def _copy(source: socket.socket, target: socket.socket, most: int | None) -> None:
    passed = 0
    with suppress(OSError):
        while data := source.recv(65536):
            passed += len(data)
            if most is not None and passed > most:
                break
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
