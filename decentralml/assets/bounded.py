"""What an answer over HTTP may take, held on the socket itself: so many bytes, until then.

A limit on each read alone lets an answer drip in for ever, and limits higher up do not see the
head, an error's body or what a decoder gathers. Here all of it counts, whatever lies above: a peer
has a budget of waiting that what it sends earns back, and of bytes.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

HEAD = 1 << 20  # bytes: an answer's head, and what surrounds its body
_BUFFER = 128 << 10  # bytes
_READ = 256 << 10  # bytes that are read at once


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer may let us wait."""

    connecting: float = 10  # seconds
    silent: float = 30  # seconds without a byte
    first: float = 60  # seconds of waiting in all, which what comes earns back, never beyond these
    slowest: int = 16 << 10  # bytes that earn a second


class Overdue(Exception):
    """An answer took longer than was allowed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing came for {seconds:.0f} s")


class Overlong(Exception):
    """An answer is longer than was allowed."""

    def __init__(self, allowed: int) -> None:
        super().__init__(f"it sent more than {allowed:,} bytes")


class Cancelled(Exception):
    """Another thread ended what was being waited for."""


class Allowance:
    """How long one answer at a time may be waited for in all, and how large it may become.

    Only the time spent waiting counts, not what is done with what came. No error is an `OSError`,
    so no library takes it for a broken connection to try again.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._most = self._seconds = 0.0
        self._allowed = self._left = 0
        self._line: Any = None
        self._cancelled = False

    def grant(self, size: int, seconds: float | None = None) -> None:
        """Begins an answer of at most ``size`` bytes of body.

        Args:
            seconds: waited for in all, in place of the patience's ``first``.
        """
        self._most = self._seconds = self._patience.first if seconds is None else seconds
        self._allowed = self._left = size + HEAD

    def renew(self, size: int, more: int) -> None:
        """``size`` bytes of use came: allows ``more`` again, and time for those that came.

        So what comes slower than the patience's ``slowest`` in the long run is stopped, and nobody
        can save up time to be silent in.
        """
        self._seconds = min(self._seconds + size / self._patience.slowest, self._most)
        self._allowed = self._left = more + HEAD

    def cancel(self) -> None:
        """Ends what another thread waits for here; nothing more is waited for from now on."""
        self._cancelled = True
        line = self._line
        if line is not None:
            # Below any TLS, whose own shutdown would take the encryption from under the reader.
            with suppress(OSError), socket.socket(fileno=os.dup(line.fileno())) as below:
                below.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def waiting(self, line: Any) -> Iterator[None]:
        """A read from or a write to a socket, within the time that is left.

        Raises:
            Overdue: it took longer.
            Cancelled: `cancel` was called.
        """
        self._line = line
        if self._cancelled:
            raise Cancelled
        if self._seconds <= 0:
            raise Overdue(self._most)
        allowed = min(self._seconds, self._patience.silent)
        line.settimeout(allowed)
        started = time.monotonic()
        try:
            yield
        except TimeoutError:
            raise Overdue(self._most if allowed == self._seconds else allowed) from None
        except OSError:
            if not self._cancelled:
                raise
        finally:
            self._seconds -= time.monotonic() - started
        if self._cancelled:
            raise Cancelled

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
        # Piece by piece: TLS would give each of its own pieces the whole time anew.
        left = memoryview(data).cast("B")
        while left:
            with self._allowance.waiting(self._line):
                sent = self._line.send(left, *more)
            left = left[sent:]

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

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """As `HTTPAdapter.proxy_manager_for`, with our own connections."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def bound(session: requests.Session, allowance: Allowance) -> None:
    """Has all that a session does keep to an allowance; it is for one request at a time."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(allowance))


def pieces(response: requests.Response) -> Generator[bytes, None, None]:
    """An answer's body, in pieces of bounded length; its connection is used again at the end.

    The libraries would hand over kubo's chunks of 4 KiB one by one, at many times the cost of all
    else, or read a body that comes without chunks into memory, however long.

    Raises:
        requests.ConnectionError: it broke off.
        Overdue, Overlong, Cancelled: as the allowance has it.
    """
    body: Any = response.raw._original_response
    buffer = memoryview(bytearray(_READ))
    try:
        while size := body.readinto(buffer):
            yield bytes(buffer[:size])
        if body.length:
            raise requests.ConnectionError(f"{body.length} bytes less came than were promised")
    except http.client.IncompleteRead as error:
        yield error.partial
        raise requests.ConnectionError(error) from error
    except (http.client.HTTPException, OSError) as error:
        raise requests.ConnectionError(error) from error
    response.raw.release_conn()
