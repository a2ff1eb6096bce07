"""What an answer may take, held on the socket itself: so many bytes, until then.

A limit on each read alone lets an answer drip in for ever, and limits higher up do not see the
head, an error's body or what a decoder gathers. Here all of it counts, whatever lies above.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

HEAD = 1 << 20  # bytes: an answer's head, and what surrounds its body
_BUFFER = 128 << 10  # bytes
_SLOWEST = 64 << 10  # bytes a second; slower counts as hanging


class Overdue(Exception):
    """An answer took longer than was allowed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing came for {seconds:.0f} s")


class Overlong(Exception):
    """An answer is longer than was allowed."""

    def __init__(self, allowed: int) -> None:
        super().__init__(f"it sent more than {allowed:,} bytes")


class Allowance:
    """How long an answer may be waited for in all, and how large it may become.

    Only the time spent waiting counts, not what is done with what came. Neither error is an
    `OSError`, so no library takes it for a broken connection to try again.
    """

    def __init__(self) -> None:
        self._patience = self._seconds = 0.0
        self._allowed = self._left = 0

    def grant(self, seconds: float, size: int) -> None:
        """Begins an answer of at most ``size`` bytes of body, for which ``seconds`` are waited."""
        self._patience = self._seconds = seconds
        self._allowed = self._left = size + HEAD

    def renew(self, size: int, more: int) -> None:
        """``size`` bytes of use came: allows ``more`` again, and time for those that came.

        So what comes slower than 64 KiB a second in the long run is stopped.
        """
        self._seconds = min(self._seconds + size / _SLOWEST, self._patience)
        self._allowed = self._left = more + HEAD

    @contextmanager
    def waiting(self, line: Any) -> Iterator[None]:
        """A read from or a write to a socket, within the time that is left.

        Raises: Overdue: it took longer.
        """
        if self._seconds <= 0:
            raise Overdue(self._patience)
        line.settimeout(self._seconds)
        started = time.monotonic()
        try:
            yield
        except TimeoutError:
            raise Overdue(self._patience) from None
        finally:
            self._seconds -= time.monotonic() - started

    def take(self, size: int) -> None:
        """Counts what came. Raises: Overlong: that was too much."""
        self._left -= size
        if self._left < 0:
            raise Overlong(self._allowed)


class _Line:
    """A socket (or its TLS) whose every read and write keeps to the allowance."""

    def __init__(self, line: Any, allowance: Allowance) -> None:
        self._line = line
        self._allowance = allowance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)

    def recv_into(self, buffer: Any, *more: Any) -> int:
        with self._allowance.waiting(self._line):
            size = int(self._line.recv_into(buffer, *more))
        self._allowance.take(size)
        return size

    def sendall(self, data: Any, *more: Any) -> None:
        with self._allowance.waiting(self._line):
            self._line.sendall(data, *more)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        # As `socket.makefile` does: the socket closes once all files made of it are closed.
        self._line._io_refs += 1
        return io.BufferedReader(socket.SocketIO(self, "rb"), _BUFFER)  # type: ignore[arg-type]


class BoundedAdapter(HTTPAdapter):
    """Connects sessions by lines that keep to an allowance."""

    def __init__(self, allowance: Allowance) -> None:
        class Plain(urllib3.connection.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                self.sock = _Line(self.sock, allowance)

        class Secure(urllib3.connection.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                self.sock = _Line(self.sock, allowance)

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        self._pools = {"http": PlainPool, "https": SecurePool}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As `HTTPAdapter.init_poolmanager`, with our own connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools


def bound(session: requests.Session, allowance: Allowance) -> None:
    """Has all that a session does keep to an allowance."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(allowance))
