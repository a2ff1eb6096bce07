"""One WebSocket to a node: JSON-RPC requests and subscriptions, from any thread, none without end.

Knows nothing of Substrate. Every request has a time limit; a silent socket is pinged and given
up; whoever waits on a connection that died learns it at once. `node` reconnects.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PING_SECONDS = 20.0
MAX_MESSAGE = 64 * 2**20  # more than any metadata or block; a hostile node cannot fill the memory
MAX_BACKLOG = 10_000  # notifications that a slow reader may leave unread


class ConnectionLost(Exception):
    """The connection is gone; what was asked may or may not have happened."""


class AnswerError(Exception):
    """The node answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.data = code, message, data


class Subscription:
    """Notifications of one subscription, in the order in which the node sent them."""

    def __init__(self, connection: Connection, unsubscribe: str) -> None:
        self._connection, self._unsubscribe = connection, unsubscribe
        self._items: queue.Queue[Any] = queue.Queue(MAX_BACKLOG)
        self.id: str | int = ""

    def put(self, item: Any) -> None:
        """Called by the connection's reader; a reader too slow for `MAX_BACKLOG` loses the rest."""
        with contextlib.suppress(queue.Full):
            self._items.put_nowait(item)

    def next(self, timeout: float) -> Any:
        """The next notification, or None when none came within `timeout` seconds.

        Raises:
            ConnectionLost: it will not come any more.
        """
        item = self._take(0.0)
        if item is None and not self._connection.is_lost:
            item = self._take(timeout)
        if item is None and self._connection.is_lost:
            item = self._take(0.0)  # it may have come just before the end, and after the look
            if item is None:
                self._connection.check()
        return item

    def _take(self, timeout: float) -> Any:
        """What waits, or None; the connection's end is None, too."""
        with contextlib.suppress(queue.Empty):
            return self._items.get(timeout=timeout) if timeout > 0 else self._items.get_nowait()
        return None

    def close(self) -> None:
        """Tell the node that nobody listens; a connection that is gone needs no telling."""
        self._connection.unsubscribe(self, self._unsubscribe)


class Connection:
    """An open socket; useless once `check` raises."""

    def __init__(self, url: str, timeout: float) -> None:
        """Connect.

        Raises:
            ConnectionLost: nobody answers there within `timeout` seconds.
        """
        self.timeout = timeout
        try:
            # Entered here and left in `_close_socket`: it lives as long as this object.
            self._open = contextlib.ExitStack()
            self._socket = self._open.enter_context(
                connect(
                    url,
                    open_timeout=timeout,
                    close_timeout=1,
                    max_size=MAX_MESSAGE,
                    ping_interval=PING_SECONDS,
                    ping_timeout=PING_SECONDS,
                    compression=None,
                    proxy=None,
                )
            )
        except (OSError, WebSocketException, ValueError) as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._opening: dict[int, Subscription] = {}  # asked for, its identifier not known yet
        self._subscriptions: dict[str | int, Subscription] = {}
        self._lost: str | None = None
        threading.Thread(target=self._read, name="chain-reader", daemon=True).start()

    @property
    def is_lost(self) -> bool:
        """Whether nothing will come any more."""
        return self._lost is not None

    def check(self) -> None:
        """Raise ConnectionLost once the connection is gone."""
        if self._lost is not None:
            raise ConnectionLost(self._lost)

    def request(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        """The result of one call.

        Raises:
            AnswerError: the node answered with an error.
            ConnectionLost: no answer within the time limit (the connection is given up then,
                since a late answer has nobody to go to), or the connection is gone.
        """
        return self._ask(method, params, timeout, None)

    def subscribe(self, method: str, params: list[Any], unsubscribe: str) -> Subscription:
        """Begin a subscription; `unsubscribe` is the method that ends it. Raises as `request`."""
        subscription = Subscription(self, unsubscribe)
        self._ask(method, params, None, subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription, method: str) -> None:
        """End a subscription, without waiting for what the node says to it."""
        with self._lock:
            self._subscriptions.pop(subscription.id, None)
            number = next(self._ids)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": [subscription.id]}
        with contextlib.suppress(OSError, WebSocketException):
            self._socket.send(json.dumps(message))

    def close(self) -> None:
        """End the connection; everything that waits on it is told."""
        self._give_up("the connection was closed")

    def _ask(
        self, method: str, params: list[Any], timeout: float | None, opening: Subscription | None
    ) -> Any:
        number, answer = next(self._ids), Future[Any]()
        with self._lock:
            self.check()
            self._waiting[number] = answer
            if opening is not None:
                self._opening[number] = opening
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        limit = self.timeout if timeout is None else timeout
        try:
            self._socket.send(json.dumps(message))
            return answer.result(limit)
        except FutureTimeout:
            self._give_up(f"no answer to {method} within {limit:.0f} s")
            raise ConnectionLost(f"no answer to {method} within {limit:.0f} s") from None
        except (OSError, WebSocketException) as error:
            self._give_up(str(error))
            raise ConnectionLost(str(error)) from error
        finally:
            with self._lock:
                self._waiting.pop(number, None)
                self._opening.pop(number, None)

    def _read(self) -> None:
        try:
            while True:
                self._dispatch(json.loads(self._socket.recv()))
        except (OSError, WebSocketException, ValueError, TypeError, RecursionError) as error:
            # TypeError: a hostile node may put a list where an identifier belongs.
            self._give_up(str(error) or type(error).__name__)

    def _dispatch(self, message: Any) -> None:
        if not isinstance(message, dict):
            raise ValueError("the node sent something that is no JSON-RPC message")
        if "id" in message:
            self._answer(message)
            return
        params = message.get("params")
        if isinstance(params, dict):
            with self._lock:
                subscription = self._subscriptions.get(params.get("subscription", ""))
            if subscription is not None:
                subscription.put(params.get("result"))

    def _answer(self, message: dict[str, Any]) -> None:
        with self._lock:
            number = message["id"]
            answer = self._waiting.pop(number, None) if isinstance(number, int) else None
            opening = self._opening.pop(number, None) if answer is not None else None
            if opening is not None and "result" in message:
                # Under the lock: the first notification may follow in the very next frame.
                opening.id = message["result"]
                self._subscriptions[opening.id] = opening
        if answer is None:
            return
        error = message.get("error")
        if error is None:
            answer.set_result(message.get("result"))
        elif isinstance(error, dict):
            code, text = error.get("code"), str(error.get("message", ""))
            answer.set_exception(AnswerError(int(code or 0), text, error.get("data")))
        else:
            answer.set_exception(AnswerError(0, str(error)))

    def _give_up(self, why: str) -> None:
        with self._lock:
            if self._lost is not None:
                return
            self._lost = why
            waiting, self._waiting = list(self._waiting.values()), {}
            subscriptions = list(self._subscriptions.values())
        for answer in waiting:
            answer.set_exception(ConnectionLost(why))
        for subscription in subscriptions:
            subscription.put(None)  # wakes its reader
        # Closing waits for the peer's goodbye: not the caller's time to spend.
        threading.Thread(target=self._close_socket, name="chain-closer", daemon=True).start()

    def _close_socket(self) -> None:
        with contextlib.suppress(OSError, WebSocketException):
            self._open.close()
