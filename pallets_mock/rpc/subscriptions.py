"""What a client has open: its subscriptions, and what waits to be sent to it."""

from __future__ import annotations

import asyncio
import json
import secrets
import string
from collections.abc import Callable
from typing import Any

from pallets_mock.rpc.errors import TOO_MANY_SUBSCRIPTIONS, RpcError
from pallets_mock.rpc.limits import RpcLimits

_ID_CHARACTERS = string.ascii_letters + string.digits


class Sink:
    """One subscription. What is sent before the client knows its id waits until then."""

    def __init__(self, session: Session, notification: str) -> None:
        self.id = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(16))
        self.session, self._notification = session, notification
        self._waiting: list[str] | None = []
        self._on_close: list[Callable[[], object]] = []
        self.closed = False

    def send(self, result: Any) -> None:
        """Notify the client; nothing if it is gone."""
        if self.closed:
            return
        params = {"subscription": self.id, "result": result}
        text = json.dumps({"jsonrpc": "2.0", "method": self._notification, "params": params})
        if self._waiting is None:
            self.session.send(text)
        else:
            self._waiting.append(text)

    def on_close(self, callback: Callable[[], object]) -> None:
        """Call this once when the subscription ends, from whichever side; now if it has."""
        if self.closed:
            callback()
        else:
            self._on_close.append(callback)

    def open(self) -> None:
        """The client was told the id."""
        waiting, self._waiting = self._waiting or [], None
        for text in waiting:
            self.session.send(text)

    def close(self) -> None:
        """Nothing more is sent; what was sent before still arrives. Twice is harmless."""
        if self.closed:
            return
        self.closed = True
        self.session.forget(self.id)
        for callback in self._on_close:
            callback()


class Session:
    """One client's connection.

    Args:
        can_subscribe: whether the transport can carry notifications.
        overflow: called once when the client does not read what it asked for.
    """

    def __init__(
        self, limits: RpcLimits, *, can_subscribe: bool, overflow: Callable[[], None] | None = None
    ) -> None:
        self.limits, self.can_subscribe = limits, can_subscribe
        self._overflow = overflow
        self._sinks: dict[str, Sink] = {}
        self._opened: list[Sink] = []
        self._queued_bytes = 0
        self.outgoing: asyncio.Queue[str] = asyncio.Queue()
        self.attached: dict[str, Any] = {}
        self._on_close: list[Callable[[], None]] = []

    def send(self, text: str) -> None:
        """Queue a message for the client."""
        self._queued_bytes += len(text)
        if self._queued_bytes > self.limits.queued_bytes:
            if self._overflow is not None:
                overflow, self._overflow = self._overflow, None
                overflow()
            return
        self.outgoing.put_nowait(text)

    def sent(self, text: str) -> None:
        """A queued message left."""
        self._queued_bytes -= len(text)

    @property
    def backlog(self) -> int:
        """Characters that wait to be sent."""
        return self._queued_bytes

    def new_sink(self, notification: str) -> Sink:
        """A new subscription. Raises RpcError: the client has too many."""
        if len(self._sinks) >= self.limits.subscriptions:
            raise RpcError(
                TOO_MANY_SUBSCRIPTIONS,
                "Too many subscriptions on the connection",
                f"Exceeded max limit of {self.limits.subscriptions}",
            )
        sink = Sink(self, notification)
        self._sinks[sink.id] = sink
        return sink

    def sink(self, id_: str) -> Sink | None:
        """The subscription of that id."""
        return self._sinks.get(id_)

    def opened(self, sink: Sink) -> None:
        """Its id is in the answer that `answered` will follow."""
        self._opened.append(sink)

    def answered(self) -> None:
        """The answer was queued: what waits for it may follow."""
        opened, self._opened = self._opened, []
        for sink in opened:
            sink.open()

    def unsubscribe(self, id_: str) -> bool:
        """End a subscription; False if there is none of that id."""
        sink = self._sinks.get(id_)
        if sink is None:
            return False
        sink.close()
        return True

    def forget(self, id_: str) -> None:
        """The subscription ended."""
        self._sinks.pop(id_, None)

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call this when the client is gone."""
        self._on_close.append(callback)

    def close(self) -> None:
        """The client is gone: end all it had."""
        for sink in list(self._sinks.values()):
            sink.close()
        for callback in self._on_close:
            callback()
