"""JSON-RPC 2.0: from a message's text to its answer's, whatever it came through."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pallets_mock.errors import PalletsMockError
from pallets_mock.rpc.errors import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RESPONSE_TOO_BIG,
    RpcError,
    from_error,
)
from pallets_mock.rpc.limits import RpcLimits
from pallets_mock.rpc.params import Parameter, bind, parameters_of
from pallets_mock.rpc.subscriptions import Session, Sink

Handler = Callable[..., Any]
"""A method: its arguments come from the request, its result (awaited if need be) is JSON."""

log = logging.getLogger("pallets_mock.rpc")


class Namespace(Protocol):
    """A group of methods that see one room."""

    def methods(self) -> dict[str, Handler]:
        """Handlers by wire name."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A handler that takes a `Sink` first and sends to it until it is closed.

    Args:
        notification: `method` of what is sent.
        unsubscribe: names that end it.
    """

    handler: Callable[..., Any]
    notification: str
    unsubscribe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionMethod:
    """A handler that takes the `Session` first, because it acts on what the client opened."""

    handler: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Method:
    call: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    takes_session: bool = False
    notification: str | None = None


class Dispatcher:
    """Every method by name.

    Args:
        before: awaited with a method's name before it is called; may raise.
        after: called with its name before its result is answered; may raise.
    """

    def __init__(
        self,
        limits: RpcLimits,
        before: Callable[[str], Awaitable[None]] | None = None,
        after: Callable[[str], None] | None = None,
    ) -> None:
        self.limits, self._before, self._after = limits, before, after
        self._methods: dict[str, _Method] = {}

    @property
    def names(self) -> list[str]:
        """All that can be called, sorted."""
        return sorted(self._methods)

    def add(self, name: str, handler: Handler | Subscription | SessionMethod) -> None:
        """Let a handler answer to a name."""
        if isinstance(handler, Subscription):
            parameters = parameters_of(handler.handler, skip=1)
            self._methods[name] = _Method(
                handler.handler, parameters, notification=handler.notification
            )
            for unsubscribe in handler.unsubscribe:
                self.add(unsubscribe, SessionMethod(_unsubscribe))
        elif isinstance(handler, SessionMethod):
            parameters = parameters_of(handler.handler, skip=1)
            self._methods[name] = _Method(handler.handler, parameters, takes_session=True)
        else:
            self._methods[name] = _Method(handler, parameters_of(handler))

    async def answer(self, message: str | bytes, session: Session) -> str | None:
        """The answer to a message, None if it wants none. Never raises for what was sent."""
        try:
            request = json.loads(message)
        except (ValueError, RecursionError):
            return _failure(None, RpcError(PARSE_ERROR, "Parse error"))
        if not isinstance(request, list):
            return await self._answer_one(request, session)
        if not request:
            return _failure(None, RpcError(INVALID_REQUEST, "Invalid request"))
        if len(request) > self.limits.batch:
            data = f"Exceeded max limit of {self.limits.batch}"
            return _failure(None, RpcError(-32010, "The batch request was too large", data))
        answers, size = [], 0
        for one in request:
            answer = await self._answer_one(one, session)
            if answer is not None:
                answers.append(answer)
                size += len(answer)
            if size > self.limits.response_bytes:
                return _failure(None, _too_big(self.limits.response_bytes, batch=True))
        return f"[{','.join(answers)}]" if answers else None

    async def _answer_one(self, request: Any, session: Session) -> str | None:
        if not isinstance(request, dict):
            return _failure(None, RpcError(INVALID_REQUEST, "Invalid request"))
        id_, method = request.get("id"), request.get("method")
        fits = request.get("jsonrpc") == "2.0" and _is_id(id_)
        if not isinstance(method, str) or not fits:
            return _failure(
                id_ if _is_id(id_) else None, RpcError(INVALID_REQUEST, "Invalid request")
            )
        if "id" not in request:  # a notification: a node ignores it too
            return None
        try:
            result, sink = await self._call(method, request.get("params"), session)
            answer = json.dumps({"jsonrpc": "2.0", "id": id_, "result": result})
        except RpcError as error:
            return _failure(id_, error)
        if len(answer) > self.limits.response_bytes:
            return _failure(id_, _too_big(self.limits.response_bytes))
        if sink is not None:
            session.opened(sink)
        return answer

    async def _call(self, name: str, params: Any, session: Session) -> tuple[Any, Sink | None]:
        method = self._methods.get(name)
        if method is None or (method.notification and not session.can_subscribe):
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        if self._before is not None:
            await self._before(name)
        arguments = bind(method.parameters, params)
        sink = session.new_sink(method.notification) if method.notification else None
        if sink is not None:
            arguments.insert(0, sink)
        elif method.takes_session:
            arguments.insert(0, session)
        try:
            result = method.call(*arguments)
            if inspect.isawaitable(result):
                result = await result
            if self._after is not None:
                self._after(name)
        except BaseException as error:
            if sink is not None:
                sink.close()
            raise _as_rpc_error(name, error) from error
        return (sink.id, sink) if sink is not None else (result, None)


def _unsubscribe(session: Session, subscription: str | int) -> bool:
    return session.unsubscribe(str(subscription))


def _as_rpc_error(name: str, error: BaseException) -> BaseException:
    if isinstance(error, RpcError | ConnectionAbortedError) or not isinstance(error, Exception):
        return error
    if isinstance(error, PalletsMockError):
        return from_error(error)
    log.error("%s failed", name, exc_info=error)
    return RpcError(INTERNAL_ERROR, "Internal error", type(error).__name__)


def _is_id(id_: Any) -> bool:
    return id_ is None or isinstance(id_, str) or (type(id_) is int and 0 <= id_ < 1 << 64)


def _too_big(limit: int, *, batch: bool = False) -> RpcError:
    what = "The batch response was too large" if batch else "Response is too big"
    code = -32011 if batch else RESPONSE_TOO_BIG
    return RpcError(code, what, f"Exceeded max limit of {limit}")


def _failure(id_: Any, error: RpcError) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": id_, "error": error.as_json()})
