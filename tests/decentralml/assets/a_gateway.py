"""A gateway over a store's contents that speaks the Trustless Gateway specification."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from decentralml.assets.car import header
from decentralml.assets.cid import to_bytes
from decentralml.assets.fetching import BlockSource, unpack
from decentralml.assets.local import LocalStore
from decentralml.assets.rules import BundleLimits
from decentralml.assets.unixfs import varint
from decentralml.errors import AssetNotFound, ContentMismatch
from decentralml.types import Cid

RAW, CAR = "application/vnd.ipld.raw", "application/vnd.ipld.car"
Fault = Callable[["Handler", str, bytes], bool]


class Gateway(ThreadingHTTPServer):
    """Serves a store's contents; ``fault`` may answer instead (and then says True)."""

    daemon_threads = True

    def __init__(self, kept: LocalStore) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept = kept
        self.asked: list[tuple[str, Cid]] = []
        self.fault: Fault | None = None
        self.readers: dict[Cid, BlockSource] = {}
        self.stack = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Clients of these tests hang up in the middle, as they should."""

    def car(self, cid: Cid) -> bytes:
        sections: dict[bytes, bytes] = {}
        with self.kept.open(cid) as source:
            unpack(source, to_bytes(cid), None, BundleLimits(), sink=sections.setdefault)
        made = [varint(36 + len(block)) + name + block for name, block in sections.items()]
        return header(to_bytes(cid)) + b"".join(made)

    def block(self, cid: Cid) -> bytes:
        """A block of any content kept."""
        for root in self.kept.list():
            if root not in self.readers:
                self.readers[root] = self.stack.enter_context(self.kept.open(root))
            with suppress(ContentMismatch):
                return self.readers[root].get(to_bytes(cid))
        raise KeyError(cid)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        wanted = parse_qs(parts.query)["format"][0]
        cid = Cid(parts.path.removeprefix("/ipfs/"))
        self.server.asked.append((wanted, cid))
        try:
            body = self.server.car(cid) if wanted == "car" else self.server.block(cid)
        except (KeyError, AssetNotFound):
            self.answer(b"not here", "text/plain", 404)
            return
        if self.server.fault is None or not self.server.fault(self, wanted, body):
            self.answer(body, CAR + "; version=1" if wanted == "car" else RAW)

    def answer(self, body: bytes, kind: str, status: int = 200, **headers: Any) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving(kept: LocalStore) -> Iterator[Gateway]:
    """One that runs until the end."""
    with Gateway(kept) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            server.stack.close()
