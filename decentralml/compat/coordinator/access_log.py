"""A line for each request and one for each answer: method, URL, status, content type, length."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from decentralml.compat.xain.client import without_secrets

LOG: Final = logging.getLogger("decentralml.coordinator.http")
LONGEST: Final = 200

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class AccessLog:
    """An application whose requests and answers are logged.

    Args:
        app: what answers.
        base: the server's address, as the log shows it: what a request calls it is hostile.
    """

    def __init__(self, app: App, base: str) -> None:
        self._app, self._base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shown = without_secrets(_printable(f"{scope['method']} {self._base}{scope['path']}"))
        LOG.info(">>> %s %s", shown, _described(scope["headers"]))

        async def logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                level = logging.INFO if message["status"] < 400 else logging.WARNING
                said = _described(message.get("headers", ()))
                LOG.log(level, "<<< %s [%d] %s", shown, message["status"], said)
            await send(message)

        await self._app(scope, receive, logged)


def _described(headers: Iterable[tuple[bytes, bytes]]) -> str:
    found = {name.lower(): value.decode("latin-1") for name, value in headers}
    kind = found.get(b"content-type", "no content type")
    length = found.get(b"content-length", "0" if b"transfer-encoding" not in found else "unknown")
    return _printable(f"({kind}, {length} bytes)")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text)[:LONGEST]
