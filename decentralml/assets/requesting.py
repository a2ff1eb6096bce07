"""HTTP requests that end: no peer makes us wait for ever, follow it anywhere or unpack anything.

What a peer may take of time and bytes is held on its sockets, by `bounded`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import requests

from decentralml.assets.bounded import (
    Allowance,
    Cancelled,
    Overdue,
    Overlong,
    Patience,
    bound,
    pieces,
)
from decentralml.errors import StoreRefused, StoreUnreachable

_AHEAD = 2 << 20  # bytes that may come beyond what was taken
_REDIRECTS = 3
_MOVED = {301, 302, 303, 307, 308}


class _Caller:
    """A session for one request at a time, and what its answer may take."""

    def __init__(self, patience: Patience) -> None:
        self.allowance = Allowance(patience)
        self.session = requests.Session()
        self.session.headers["Accept-Encoding"] = "identity"
        bound(self.session, self.allowance)


class Answer:
    """An answer whose body is read as it comes."""

    def __init__(self, store: str, response: requests.Response, allowance: Allowance) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._store = store
        self._response = response
        self._allowance = allowance

    def chunks(self) -> Iterator[bytes]:
        """The body, cut anywhere.

        Raises:
            StoreUnreachable: it breaks off, or comes too slowly.
            StoreRefused: what surrounds it has no end.
        """
        with _named(self._store):
            for piece in pieces(self._response):
                self._allowance.renew(len(piece), _AHEAD)
                yield piece

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
    """Asks one server for things; redirects are followed a few times, never to lesser safety.

    Any number of threads may ask; each request under way has a connection of its own.
    """

    def __init__(self, store: str, patience: Patience) -> None:
        """
        Args:
            store: how messages name the server.
        """
        self._store, self._patience = store, patience
        self._lock = threading.Lock()
        self._idle: list[_Caller] = []
        self._busy: set[_Caller] = set()
        self._over = threading.Event()

    def __enter__(self) -> Requester:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cancel(self) -> None:
        """Ends what other threads wait for, with `StoreUnreachable`; nothing is asked any more."""
        with self._lock:
            self._over.set()
            for caller in self._busy:
                caller.allowance.cancel()

    def close(self) -> None:
        """Lets all connections go; no request may be under way, unless in other threads."""
        self.cancel()
        with self._lock:
            while self._idle:
                self._idle.pop().session.close()

    def pause(self, seconds: float) -> None:
        """Waits before the next request.

        Raises: StoreUnreachable: `cancel` was called.
        """
        if self._over.wait(seconds):
            raise self._cancelled()

    @contextmanager
    def request(self, method: str, url: str, accept: str) -> Iterator[Answer]:
        """An answer of any status; the connection is let go at the end.

        Raises:
            StoreUnreachable: no answer in time.
            StoreRefused: redirected too often or to elsewhere than HTTP, or packed without asking.
        """
        with self._caller() as caller:
            for _ in range(_REDIRECTS + 1):
                response = self._ask(caller, method, url, accept)
                try:
                    if response.status_code not in _MOVED:
                        yield self._checked(response, caller.allowance)
                        return
                    url = self._following(url, response.headers.get("Location", ""))
                finally:
                    _let_go(response)
            raise self._refused(f"it redirects more than {_REDIRECTS} times")

    @contextmanager
    def _caller(self) -> Iterator[_Caller]:
        with self._lock:
            if self._over.is_set():
                raise self._cancelled()
            caller = self._idle.pop() if self._idle else _Caller(self._patience)
            self._busy.add(caller)
        try:
            yield caller
        finally:
            with self._lock:
                self._busy.remove(caller)
                if self._over.is_set():
                    caller.session.close()
                else:
                    self._idle.append(caller)

    def _ask(self, caller: _Caller, method: str, url: str, accept: str) -> requests.Response:
        limits = (self._patience.connecting, self._patience.silent)
        headers = {"Accept": accept}
        caller.allowance.grant(_AHEAD)
        with _named(self._store):
            return caller.session.request(
                method, url, headers=headers, stream=True, timeout=limits, allow_redirects=False
            )

    def _checked(self, response: requests.Response, allowance: Allowance) -> Answer:
        packed = response.headers.get("Content-Encoding", "identity")
        if packed != "identity":
            raise self._refused(f"it packs what it sends ({packed[:20]!a}), which nobody asked for")
        return Answer(self._store, response, allowance)

    def _following(self, url: str, place: str) -> str:
        target = urljoin(url, place)
        before, after = urlsplit(url).scheme, urlsplit(target).scheme
        if not place or after not in ("http", "https") or (before, after) == ("https", "http"):
            raise self._refused(f"it redirects to {target[:80]!a}")
        return target

    def _refused(self, why: str) -> StoreRefused:
        return StoreRefused(self._store, why, "Name another store.")

    def _cancelled(self) -> StoreUnreachable:
        return _gone(self._store, "nobody waits for it any more")


def _let_go(response: requests.Response) -> None:
    """Not drained: there may be no end to it. What was read whole is used again."""
    if response.raw.length_remaining == 0 or response.raw.closed:
        response.raw.release_conn()
    else:
        response.close()


@contextmanager
def _named(store: str) -> Iterator[None]:
    """Gives every failure of a request its name."""
    try:
        yield
    except Overdue as error:
        raise _gone(store, "it let us wait for too long") from error
    except Overlong as error:
        raise StoreRefused(store, str(error), "Name another store.") from error
    except Cancelled as error:
        raise _gone(store, "nobody waits for it any more") from error
    except requests.RequestException as error:
        raise _gone(store, _why(error)) from error


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
