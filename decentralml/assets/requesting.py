"""HTTP requests that end: no peer makes us wait for ever, follow it anywhere or unpack anything.

A time limit on each read is not enough: who sends a byte now and then never meets it. So a peer
has a budget of waiting that grows with what it sends, and its socket is shut when that is spent.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from decentralml.errors import StoreRefused, StoreUnreachable

_PIECE = 1 << 20  # bytes of a read, at most
_REDIRECTS = 3
_MOVED = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer may let us wait."""

    connecting: float = 10  # seconds
    silent: float = 30  # seconds without a byte
    first: float = 60  # seconds of waiting in all, and then
    slowest: int = 16 << 10  # bytes that must come for each second more


class _Watch:
    """Shuts a socket once the peer has let us wait for too long."""

    def __init__(self, patience: Patience, connection: socket.socket) -> None:
        self._patience, self._socket = patience, connection
        self._waited, self._received = 0.0, 0
        self._since: float | None = None
        self._expired = False
        self._done = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="patience").start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time in here is waited for the peer.

        Raises: TimeoutError: that was too long; what was read meanwhile may be cut short.
        """
        self._since = time.monotonic()
        try:
            yield
        except (OSError, HTTPException, HTTPError) as error:
            if self._expired:
                raise TimeoutError("timed out") from error
            raise
        finally:
            self._waited += time.monotonic() - self._since
            self._since = None
        if self._expired:
            raise TimeoutError("timed out")

    def received(self, count: int) -> None:
        """The peer has sent so many bytes."""
        self._received += count

    def stop(self) -> None:
        """No longer needed."""
        self._done.set()

    def _run(self) -> None:
        while not self._done.wait(min(1.0, self._patience.first / 4)):
            since = self._since
            waited = self._waited + (0 if since is None else time.monotonic() - since)
            allowed = self._patience.first + self._received / self._patience.slowest
            if since is not None and waited > allowed:
                self._expired = True
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                return


class _Watching:
    """What the two kinds of connection have in common: each answer brings its watch along."""

    patience = Patience()

    def getresponse(self) -> HTTPResponse:
        connected = self.sock  # type: ignore[attr-defined]
        watch = _Watch(self.patience, connected)
        try:
            with watch.waiting():
                response: HTTPResponse = super().getresponse()  # type: ignore[misc]
        except BaseException:
            watch.stop()
            raise
        response.watch = watch  # type: ignore[attr-defined]
        return response


class _Plain(_Watching, HTTPConnection):  # type: ignore[misc]
    pass


class _Secure(_Watching, HTTPSConnection):  # type: ignore[misc]
    pass


class _Adapter(HTTPAdapter):
    def __init__(self, patience: Patience) -> None:
        plain = type("_PlainFor", (_Plain,), {"patience": patience})
        secure = type("_SecureFor", (_Secure,), {"patience": patience})
        self._pools = {
            "http": type("_HttpPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("_HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
        manager = super().proxy_manager_for(*args, **more)
        manager.pool_classes_by_scheme = self._pools
        return manager


class Answer:
    """An answer whose body is read as it comes."""

    def __init__(self, store: str, response: requests.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._store = store
        self._raw: Any = response.raw

    def chunks(self) -> Iterator[bytes]:
        """The body, cut anywhere.

        Raises: StoreUnreachable: it breaks off, or comes too slowly.
        """
        watch: _Watch = self._raw.watch
        while True:
            try:
                with watch.waiting():
                    piece = self._raw.read1(_PIECE, decode_content=False)
            except (HTTPError, OSError) as error:
                raise _gone(self._store, _why(error)) from error
            if not piece:
                break
            watch.received(len(piece))
            yield piece
        if self._raw.length_remaining:
            raise _gone(self._store, "it broke off in the middle")

    def body(self, most: int) -> bytes:
        """The whole body.

        Raises:
            StoreRefused: it is longer than ``most`` bytes.
            StoreUnreachable: as `chunks`.
        """
        whole = bytearray()
        for piece in self.chunks():
            whole += piece
            if len(whole) > most:
                raise StoreRefused(
                    self._store,
                    f"it answers with more than {most:,} bytes where fewer were asked for",
                    "Name another store.",
                )
        return bytes(whole)


class Requester:
    """Asks one server for things; redirects are followed a few times, never to lesser safety."""

    def __init__(self, store: str, patience: Patience) -> None:
        """
        Args:
            store: how messages name the server.
        """
        self._store, self._patience = store, patience
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(patience))
        self._session.headers["Accept-Encoding"] = "identity"

    @contextmanager
    def request(self, method: str, url: str, accept: str) -> Iterator[Answer]:
        """An answer of any status; the connection is let go at the end.

        Raises:
            StoreUnreachable: no answer in time.
            StoreRefused: redirected too often or to elsewhere than HTTP, or packed without asking.
        """
        for _ in range(_REDIRECTS + 1):
            response = self._ask(method, url, accept)
            try:
                if response.status_code not in _MOVED:
                    yield self._checked(response)
                    return
                url = self._following(url, response.headers.get("Location", ""))
            finally:
                self._let_go(response)
        raise self._refused(f"it redirects more than {_REDIRECTS} times")

    def _ask(self, method: str, url: str, accept: str) -> requests.Response:
        limits = (self._patience.connecting, self._patience.silent)
        headers = {"Accept": accept}
        try:
            return self._session.request(
                method, url, headers=headers, stream=True, timeout=limits, allow_redirects=False
            )
        except requests.RequestException as error:
            raise _gone(self._store, _why(error)) from error

    def _checked(self, response: requests.Response) -> Answer:
        packed = response.headers.get("Content-Encoding", "identity")
        if packed != "identity":
            raise self._refused(f"it packs what it sends ({packed[:20]!a}), which nobody asked for")
        return Answer(self._store, response)

    def _following(self, url: str, place: str) -> str:
        target = urljoin(url, place)
        before, after = urlsplit(url).scheme, urlsplit(target).scheme
        if not place or after not in ("http", "https") or (before, after) == ("https", "http"):
            raise self._refused(f"it redirects to {target[:80]!a}")
        return target

    def _let_go(self, response: requests.Response) -> None:
        watch: _Watch | None = getattr(response.raw, "watch", None)
        if watch is not None:
            watch.stop()
        # Not drained: there may be no end to it. What was read whole is used again.
        if response.raw.length_remaining == 0 or response.raw.closed:
            response.raw.release_conn()
        else:
            response.close()

    def _refused(self, why: str) -> StoreRefused:
        return StoreRefused(self._store, why, "Name another store.")


def _gone(store: str, why: str) -> StoreUnreachable:
    return StoreUnreachable(store, why, "Try again later, or name another store with --store.")


_REASONS = {
    "refused": "nothing listens there",
    "resolve": "nobody knows its name",
    "timed out": "it let us wait for too long",
}


def _why(error: Exception) -> str:
    """What went wrong, in a few words and without the library's objects."""
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout):
        return "it let us wait for too long"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate cannot be trusted"
    text = str(error)
    known = (reason for word, reason in _REASONS.items() if word in text)
    return next(known, "the connection broke off")
