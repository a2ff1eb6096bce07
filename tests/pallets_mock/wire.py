"""A client of ten lines, that shows what is on the wire and nothing else."""

from __future__ import annotations

import json
from collections import deque
from contextlib import ExitStack
from typing import Any

from websockets.sync.client import ClientConnection, connect

SECONDS = 20.0


class Refused(Exception):
    """An answer with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.code, self.message = error["code"], error["message"]
        self.data = error.get("data")


class Wire:
    """One WebSocket; requests one after the other, notifications kept by subscription."""

    def __init__(self, url: str, max_size: int | None = None) -> None:
        self._stack = ExitStack()
        opening = connect(url, max_size=max_size, compression=None)
        self.socket: ClientConnection = self._stack.enter_context(opening)
        self._id = 0
        self._notified: dict[str, deque[Any]] = {}

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def call(self, method: str, *params: Any) -> Any:
        answer = self.raw({"method": method, "params": list(params)})
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def raw(self, request: dict[str, Any]) -> dict[str, Any]:
        self._id += 1
        self.socket.send(json.dumps({"jsonrpc": "2.0", "id": self._id, **request}))
        while True:
            message = self._receive()
            if message.get("id") == self._id:
                return message

    def next(self, subscription: str) -> Any:
        """The next notification of a subscription; waits for it."""
        waiting = self._notified.setdefault(subscription, deque())
        while not waiting:
            self._receive()
        return waiting.popleft()

    def received(self, subscription: str) -> list[Any]:
        """What a subscription was told so far and nobody took yet; does not wait."""
        waiting = self._notified.pop(subscription, deque())
        return list(waiting)

    def _receive(self) -> dict[str, Any]:
        message = json.loads(self.socket.recv(SECONDS))
        if "params" in message:
            params = message["params"]
            self._notified.setdefault(params["subscription"], deque()).append(params["result"])
        return message
