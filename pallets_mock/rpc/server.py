"""One port for WebSocket and HTTP. The only importer of websockets.

The first bytes of a connection say which it is: a WebSocket begins with a GET, and JSON-RPC over
HTTP is a POST.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from pallets_mock.rpc.dispatch import Dispatcher
from pallets_mock.rpc.http import HttpConnection, HttpRules
from pallets_mock.rpc.subscriptions import Session

FIRST_BYTES_SECONDS = 10.0
BACKLOG_CHARACTERS = 4 * 1024 * 1024
"""Above this, a client must read its answers before it is asked for more questions."""

LOCAL_ORIGINS = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?|https://polkadot\.js\.org"
"""Pages that may ask by default, as with a node: those on this machine, and the well-known app."""

_TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

log = logging.getLogger("pallets_mock.rpc")


class Server:
    """Serves a dispatcher until it is closed.

    Args:
        origins: regular expression of the origins whose pages may ask. Clients that are no
            browsers send none and are not asked for any.
    """

    def __init__(self, dispatcher: Dispatcher, *, origins: str = LOCAL_ORIGINS) -> None:
        self._dispatcher = dispatcher
        self._origins = re.compile(origins)
        self._fronts: set[_Front] = set()
        self._server: WebSocketServer | None = None

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Start to listen; returns the address, with the port that was free if it was 0.

        Raises:
            OSError: the port is taken.
        """
        self._server = await serve(
            self._handle,
            host,
            port,
            process_request=self._plain_get,
            compression=None,
            max_size=self._dispatcher.limits.request_bytes,
            max_queue=64,
            ping_interval=30,
            ping_timeout=120,
            close_timeout=1,
            create_connection=self._front,  # type: ignore[arg-type]
            server_header=None,
        )
        address = next(iter(self._server.sockets)).getsockname()
        return str(address[0]), int(address[1])

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is None:
            return
        self._server.close()
        for front in list(self._fronts):
            if not front.is_websocket:  # the others say goodbye first
                front.end()
        await self._server.wait_closed()

    def drop_connections(self) -> int:
        """Cut every connection at once, as a broken network does; returns how many."""
        fronts = list(self._fronts)
        for front in fronts:
            front.abort()
        return len(fronts)

    # Either kind

    def origin_allowed(self, origin: str) -> bool:
        """Whether a page of that origin may ask."""
        return self._origins.fullmatch(origin) is not None

    def _front(self, protocol: ServerProtocol, server: WebSocketServer, **options: Any) -> _Front:
        def websocket(closed: Callable[[], None]) -> ServerConnection:
            return _WebSocket(closed, protocol, server, **options)

        return _Front(self, websocket)

    def admit(self, front: _Front) -> bool:
        """Whether there is room for one more connection."""
        if len(self._fronts) >= self._dispatcher.limits.connections:
            return False
        self._fronts.add(front)
        return True

    def leave(self, front: _Front) -> None:
        """A connection ended."""
        self._fronts.discard(front)

    # HTTP

    def http_connection(self, closed: Callable[[], None]) -> HttpConnection:
        """The protocol of a connection that began with a POST."""
        rules = HttpRules(self._dispatcher.limits.request_bytes, self.origin_allowed)
        return HttpConnection(self._answer_http, rules, closed)

    async def _answer_http(self, body: bytes) -> str | None:
        session = Session(self._dispatcher.limits, can_subscribe=False)
        return await self._dispatcher.answer(body, session)

    def _plain_get(self, connection: ServerConnection, request: Request) -> Response | None:
        origin = request.headers.get("Origin")
        if origin is not None and not self.origin_allowed(origin):
            return connection.respond(HTTPStatus.FORBIDDEN, "pages of this origin may not ask\n")
        if "Upgrade" in request.headers:
            return None
        if request.path in ("/health", "/health/readiness"):
            return connection.respond(HTTPStatus.OK, '{"peers":0,"isSyncing":false}')
        text = "connect by WebSocket, or POST a JSON-RPC request\n"
        return connection.respond(HTTPStatus.METHOD_NOT_ALLOWED, text)

    # WebSocket

    async def _handle(self, connection: ServerConnection) -> None:
        overflow = connection.transport.abort
        session = Session(self._dispatcher.limits, can_subscribe=True, overflow=overflow)
        writer = asyncio.get_running_loop().create_task(_write(connection, session))
        try:
            async for message in connection:
                answer = await self._dispatcher.answer(message, session)
                if answer is not None:
                    session.send(answer)
                session.answered()
                while session.backlog > BACKLOG_CHARACTERS and not writer.done():
                    await asyncio.sleep(0.01)
        except (ConnectionClosed, ConnectionAbortedError):
            connection.transport.abort()
        finally:
            session.close()
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                await writer


async def _write(connection: ServerConnection, session: Session) -> None:
    while True:
        text = await session.outgoing.get()
        await connection.send(text)
        session.sent(text)


class _WebSocket(ServerConnection):
    """A WebSocket that tells when it is gone."""

    def __init__(
        self,
        closed: Callable[[], None],
        protocol: ServerProtocol,
        server: WebSocketServer,
        **options: Any,
    ) -> None:
        super().__init__(protocol, server, **options)
        self._closed = closed

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._closed()


class _Front(asyncio.Protocol):
    """A connection that has not yet said what it is."""

    def __init__(
        self, server: Server, websocket: Callable[[Callable[[], None]], ServerConnection]
    ) -> None:
        self._server, self._websocket = server, websocket
        self.is_websocket = False
        self._admitted = False
        self._transport: asyncio.Transport | None = None
        self._late: asyncio.TimerHandle | None = None
        self._start = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        self._admitted = self._server.admit(self)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(FIRST_BYTES_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._start += data
        if len(self._start) < 4 or self._transport is None:
            return
        if self._late is not None:
            self._late.cancel()
        if not self._admitted:  # said only now: before it asked, a client would not hear it
            self._transport.write(_TOO_MANY)
            self._transport.close()
            return
        self.is_websocket = self._start.startswith(b"GET ")
        make = self._websocket if self.is_websocket else self._server.http_connection
        protocol: asyncio.Protocol = make(lambda: self._server.leave(self))
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._start)

    def connection_lost(self, _: Exception | None) -> None:
        if self._late is not None:
            self._late.cancel()
        self._server.leave(self)

    def end(self) -> None:
        """Close when what was written is out."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut."""
        if self._transport is not None:
            self._transport.abort()
