"""JSON-RPC over HTTP POST, for clients without a WebSocket. One request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

IDLE_SECONDS = 60.0

Answer = Callable[[bytes], Awaitable["str | None"]]
"""From a request's body to the answer's, None if there is none."""


@dataclass(frozen=True, slots=True)
class HttpRules:
    """What the server allows.

    Args:
        body_bytes: longest body.
        origin_allowed: whether a page of that origin may ask.
    """

    body_bytes: int
    origin_allowed: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes = b""
    kind: bytes = b"text/plain"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class HttpConnection(asyncio.Protocol):
    """An HTTP/1.1 connection whose requests are JSON-RPC messages."""

    def __init__(self, answer: Answer, rules: HttpRules, closed: Callable[[], None]) -> None:
        self._answer, self._rules, self._closed = answer, rules, closed
        self._http = h11.Connection(h11.SERVER)
        self._transport: asyncio.Transport | None = None
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over a connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._wait()
        self._http.receive_data(data)
        self._advance()

    def eof_received(self) -> bool:
        """The client sends no more; it may still wait for its answer."""
        self._http.receive_data(b"")
        self._advance()
        return self._task is not None

    def connection_lost(self, _: Exception | None) -> None:
        """The connection is gone, and with it whoever wanted the answer."""
        if self._idle is not None:
            self._idle.cancel()
        if self._task is not None:
            self._task.cancel()
        self._closed()

    def _wait(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._transport is not None:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(IDLE_SECONDS, self._transport.close)

    def _advance(self) -> None:
        if self._transport is None or self._task is not None:
            return
        try:
            self._read_events()
        except h11.RemoteProtocolError as error:
            self._write(_Reply(error.error_status_hint, str(error).encode()))
            self._transport.close()

    def _read_events(self) -> None:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._request, self._body = event, bytearray()
                refusal = self._refusal(event)
                if refusal is not None:
                    self._write(refusal, close=True)
                    return
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._rules.body_bytes:
                    self._write(_Reply(413, b"the request is too large"), close=True)
                    return
            elif isinstance(event, h11.EndOfMessage):
                self._task = asyncio.get_running_loop().create_task(self._reply())
                return
            else:  # more data is needed, or the client is gone
                if isinstance(event, h11.ConnectionClosed) and self._transport is not None:
                    self._transport.close()
                return

    def _refusal(self, request: h11.Request) -> _Reply | None:
        headers = {bytes(name): bytes(value) for name, value in request.headers}
        origin = headers.get(b"origin")
        if origin is not None and not self._rules.origin_allowed(origin.decode("latin-1")):
            return _Reply(403, b"pages of this origin may not ask")
        if int(headers.get(b"content-length", b"0")) > self._rules.body_bytes:
            return _Reply(413, b"the request is too large")
        method = bytes(request.method)
        if method == b"OPTIONS":
            return None
        if method != b"POST":
            return _Reply(405, b"POST a JSON-RPC request", headers=((b"allow", b"POST, OPTIONS"),))
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind not in (b"application/json", b"application/json-rpc"):
            return _Reply(415, b"the content type must be application/json")
        return None

    async def _reply(self) -> None:
        try:
            if self._request is not None and bytes(self._request.method) == b"OPTIONS":
                reply = _Reply(204)
            else:
                text = await self._answer(bytes(self._body))
                reply = _Reply(200, (text or "").encode(), b"application/json; charset=utf-8")
        except ConnectionAbortedError:
            self._task = None
            if self._transport is not None:
                self._transport.abort()
            return
        self._task = None
        self._write(reply)
        if self._http.our_state is h11.MUST_CLOSE:
            if self._transport is not None:
                self._transport.close()
        elif self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._advance()

    def _write(self, reply: _Reply, *, close: bool = False) -> None:
        if self._transport is None or self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        headers = [(b"content-length", str(len(reply.body)).encode()), *reply.headers]
        if reply.body:
            headers.append((b"content-type", reply.kind))
        if close:
            headers.append((b"connection", b"close"))
        headers += self._cors()
        events = (
            h11.Response(status_code=reply.status, headers=headers),
            h11.Data(data=reply.body),
            h11.EndOfMessage(),
        )
        self._transport.write(b"".join(self._http.send(event) or b"" for event in events))
        if close:
            self._transport.close()

    def _cors(self) -> list[tuple[bytes, bytes]]:
        if self._request is None:
            return []
        origin = dict(self._request.headers).get(b"origin")
        if origin is None or not self._rules.origin_allowed(origin.decode("latin-1")):
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", b"content-type"),
            (b"vary", b"origin"),
        ]
