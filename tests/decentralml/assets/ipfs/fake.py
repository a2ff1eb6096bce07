"""A server that speaks a daemon's API as far as it wants to; honest unless a test has it lie."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from decentralml.assets.adding import add_path
from decentralml.assets.car import header
from decentralml.assets.cid import to_bytes, to_text
from decentralml.assets.unixfs import varint
from decentralml.types import Cid


class Call:
    """One request, and the socket to answer it on."""

    def __init__(self, line: socket.socket, path: str, head: dict[str, str], begun: bytes) -> None:
        parts = urlsplit(path)
        self.name = parts.path.removeprefix("/api/v0/")
        self.options = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.head = head
        self.line = line
        self.begun = begun  # of the body

    @property
    def cid(self) -> str:
        return self.options.get("arg", "")

    def begin(self, status: str = "200 OK", *more: str, length: int | None = None) -> None:
        lines = [f"HTTP/1.1 {status}", *more]
        lines.append("Connection: close" if length is None else f"Content-Length: {length}")
        self.line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def answer(self, body: bytes, status: str = "200 OK", *more: str) -> None:
        self.begin(status, *more, length=len(body))
        self.line.sendall(body)

    def tell(self, value: object, status: str = "200 OK") -> None:
        self.answer(json.dumps(value).encode(), status, "Content-Type: application/json")

    def body(self) -> bytes:
        """What was sent along, in its chunks."""
        found = self.begun
        while not found.endswith(b"\r\n0\r\n\r\n"):
            piece = self.line.recv(1 << 16)
            if not piece:
                break
            found += piece
        return found

    def missing(self) -> None:
        message = f"block was not found locally (offline): ipld: could not find {self.cid}"
        self.tell({"Message": message, "Code": 0, "Type": "error"}, "500 Internal Server Error")


Handler = Callable[[Call], None]


class FakeDaemon(socketserver.ThreadingTCPServer):
    """Has blocks and answers for them; a test puts its own answer in place of any.

    Attributes:
        blocks: CID's text -> bytes.
        answers: name of a request -> what answers it.
        asked: (name, CID) of all requests so far, in order.
        heads: the head of each.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int = 0) -> None:
        self.blocks: dict[str, bytes] = {}
        self.order: list[bytes] = []
        self.asked: list[tuple[str, str]] = []
        self.heads: list[dict[str, str]] = []
        self.over = threading.Event()
        self.answers: dict[str, Handler] = {
            "block/get": self.give,
            "block/stat": lambda call: (
                call.tell({"Key": call.cid, "Size": len(self.blocks[call.cid])})
                if call.cid in self.blocks
                else call.missing()
            ),
            "dag/import": self.take,
            "dag/export": lambda call: call.answer(self.car(Cid(call.cid))),
        }
        super().__init__(("127.0.0.1", port), _Conversation)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def location(self) -> str:
        return f"ipfs://127.0.0.1:{self.port}"

    def add(self, path: Path) -> Cid:
        """Has the blocks of a file or folder; tells their root."""

        def keep(cid: bytes, block: bytes | memoryview) -> None:
            self.blocks[to_text(cid)] = bytes(block)

        return to_text(add_path(path, keep).cid)

    def give(self, call: Call) -> None:
        if call.cid in self.blocks:
            call.answer(self.blocks[call.cid])
        else:
            call.missing()

    @staticmethod
    def take(call: Call) -> None:
        call.body()
        call.tell({"Stats": {"BlockCount": 1, "BlockBytesCount": 0}})

    def car(self, root: Cid) -> bytes:
        """All blocks, the root's first; in no particular order, which a reader must bear."""
        rest = [cid for cid in self.blocks if cid != root]
        return header(to_bytes(root)) + b"".join(map(self.section, [root, *rest]))

    def section(self, cid: str) -> bytes:
        binary, block = to_bytes(cid), self.blocks[cid]
        return varint(len(binary) + len(block)) + binary + block

    def asked_for(self, name: str) -> list[str]:
        return [cid for called, cid in self.asked if called == name]


class _Conversation(socketserver.BaseRequestHandler):
    server: FakeDaemon

    def handle(self) -> None:
        with suppress(OSError):
            while self._once():
                pass

    def _once(self) -> bool:
        text = b""
        while b"\r\n\r\n" not in text:
            piece = self.request.recv(1 << 16)
            if not piece:
                return False
            text += piece
        text, _, begun = text.partition(b"\r\n\r\n")
        lines = text.decode().split("\r\n")
        head = dict(line.split(": ", 1) for line in lines[1:] if line)
        call = Call(self.request, lines[0].split(" ")[1], head, begun)
        self.server.asked.append((call.name, call.cid))
        self.server.heads.append(head)
        unknown = f"no answer for {call.name}"
        answer = self.server.answers.get(call.name, lambda c: c.answer(unknown.encode(), "404 No"))
        answer(call)
        return True


@contextmanager
def fake_daemon(port: int = 0) -> Iterator[FakeDaemon]:
    """One that runs until the end."""
    with FakeDaemon(port) as daemon:
        thread = threading.Thread(target=daemon.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield daemon
        finally:
            daemon.over.set()
            daemon.shutdown()
            thread.join()
