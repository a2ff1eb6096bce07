"""A daemon's API: few requests, each bounded in time and size, and every failure by its name.

The only importer of ipfshttpclient, whose own checks are too few for a daemon that errs: nothing
here is trusted to be whole, to end, or to be what was asked for.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from decentralml.assets.bounded import (
    Allowance,
    Cancelled,
    Overdue,
    Overlong,
    Patience,
    bound,
    pieces,
)
from decentralml.assets.cid import digest, to_bytes, to_text
from decentralml.assets.ipfs.address import SECRET_VARIABLE, START, Address, authorization
from decentralml.assets.unixfs import MAX_BLOCK
from decentralml.errors import (
    AssetNotFound,
    ConfigError,
    InvalidCid,
    StoreRefused,
    StoreUnreachable,
)

# Else every session is one of urllib3's insides, changed to what they were in 2021.
os.environ.setdefault("PY_IPFS_HTTP_CLIENT_PATCH_REQUESTS", "no")

import ipfshttpclient
import requests
import urllib3
from ipfshttpclient import exceptions as failures

CONNECT_SECONDS = 5.0
_GRACE = 10.0  # seconds, at most, beyond what the daemon itself was told to take
_SWEEP_SECONDS = 3600.0
_SMALL = 1 << 20  # bytes of an answer about one thing
_LIST = 32 << 20  # bytes of an answer about all pins of ours: some 200,000
_PIECE = 1 << 20  # bytes that are sent at once
_SLOWEST = 64 << 10  # bytes a second; slower counts as hanging
_MISSING = ("could not find", "not found", "context deadline exceeded", "was not found locally")
# What the library runs into when an answer has another form than it takes for granted.
_NONSENSE = (
    failures.Error, AssertionError, AttributeError, RecursionError, TypeError, ValueError
)  # fmt: skip
_NO_KUBO = "Is it the API of a kubo daemon? Compare with `ipfs config Addresses.API`."
_LATER = "Try again; `ipfs diag sys` tells how the daemon fares."


class _Refusal(Exception):
    """The daemon answered with an error, or with what no daemon answers."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class DaemonHangs(StoreUnreachable):
    """A daemon is there and says nothing; asking it again at once would only wait again."""


class Api:
    """A connection to a daemon, for one thread.

    Every method raises:
        StoreUnreachable: no daemon answers there, it went away, or it hangs.
        StoreRefused: it refused, or answered what no daemon answers.
    """

    def __init__(self, address: Address, patience: float) -> None:
        """
        Args:
            address: where the daemon is.
            patience: seconds in which a daemon must find a block in its network, and in which
                anything must come when there is more.
        Raises:
            ConfigError: the host's name is none, or what it asks for is malformed.
        """
        endpoint = address.find()
        self._where = f"the IPFS daemon at {endpoint}"
        self._patience = patience
        self._slack = patience + min(_GRACE, patience)
        self._allowance = Allowance(
            Patience(CONNECT_SECONDS, silent=math.inf, first=self._slack, slowest=_SLOWEST)
        )
        said = authorization(endpoint)
        try:
            self._client: Any = ipfshttpclient.client.Client(
                endpoint.multiaddr,
                chunk_size=_PIECE,
                session=True,
                timeout=(CONNECT_SECONDS, math.inf),
                headers={"Accept-Encoding": "identity"}
                | ({} if said is None else {"Authorization": said}),
            )
        except failures.AddressError:
            raise ConfigError(
                f"{endpoint.host!a} is no host's name. Name the daemon by its IP address."
            ) from None
        # The library offers no way to its session, and will not change any more.
        session: Any = self._client._client._session
        session.trust_env = endpoint.secure  # no proxy, no .netrc: the daemon is a neighbour
        session.hooks["response"].append(_refuse_oddities)
        bound(session, self._allowance)

    def cancel(self) -> None:
        """Ends what another thread waits for here, with `StoreUnreachable`, and all after it."""
        self._allowance.cancel()

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def block(self, cid: bytes, *, offline: bool = False) -> bytes:
        """A block, not verified; looked for in the daemon's network unless ``offline``.

        Raises:
            AssetNotFound: it was found nowhere within the patience.
        """
        text = to_text(cid)
        limit = {"timeout": f"{max(1, round(1000 * self._patience))}ms"}
        with self._asking(self._slack, MAX_BLOCK, text):
            return bytes(self._client.block.get(text, opts=limit, offline=offline))

    def has_block(self, cid: bytes) -> bool:
        """Whether the daemon has this block itself."""
        text = to_text(cid)
        try:
            with self._asking(self._slack, _SMALL, text):
                self._client.block.stat(text, offline=True)
        except AssetNotFound:
            return False
        return True

    def export(self, cid: bytes) -> Generator[bytes, None, None]:
        """A content as a stream in CAR form, which may end early without a word; not verified.

        Close it (or read it to its end). What comes must come within the patience each time;
        whoever takes it checks that it does not become too much.

        Raises:
            AssetNotFound: the daemon has not even the first block.
        """
        text = to_text(cid)
        with self._asking(self._slack, MAX_BLOCK, text):
            stream = self._client.dag.export(text, stream=True)
            with stream:
                for piece in stream:
                    self._allowance.renew(len(piece), MAX_BLOCK)
                    yield piece

    def keep_blocks(self, car: bytes | bytearray) -> None:
        """Hands over blocks in CAR form; nothing is pinned."""
        options = {"pin-roots": "false", "stats": "true"}
        with self._asking(self._slack, _SMALL):
            self._client.dag.imprt(io.BytesIO(car), opts=options)

    def pin(self, cid: bytes, name: str) -> None:
        """Pins a content, all of which the daemon has already.

        Raises:
            AssetNotFound: it has not all of it.
        """
        text = to_text(cid)
        options = {"name": name, "progress": "true"}
        with self._asking(self._slack, _LIST, text):
            before = -1
            with self._client.pin.add(text, opts=options, offline=True, stream=True) as told:
                for item in told:
                    if item.get("Pins"):
                        return
                    so_far = item.get("Progress", 0)
                    if isinstance(so_far, int) and so_far > before:
                        before = so_far
                        self._allowance.renew(MAX_BLOCK, _LIST)
        # Cut off: kubo tells that in a trailer, which nobody reads here.
        raise AssetNotFound(text, self._where)

    def is_pinned(self, cid: bytes) -> bool:
        """Whether this very block is pinned with all that it links."""
        try:
            with self._asking(self._slack, _SMALL):
                self._client.pin.ls(to_text(cid), type="recursive")
        except StoreRefused as refusal:
            if "not pinned" not in refusal.why:
                raise
            return False
        return True

    def unpin(self, cid: bytes) -> None:
        """Removes a pin; where there is none, nothing happens."""
        try:
            with self._asking(self._slack, _SMALL):
                self._client.pin.rm(to_text(cid))
        except StoreRefused as refusal:
            if "not pinned" not in refusal.why:
                raise

    def pins(self, part: str) -> list[tuple[str, str]]:
        """CID and name of all pins in whose names ``part`` stands."""
        with self._asking(self._slack, _LIST):
            found = self._client.pin.ls(type="recursive", opts={"name": part, "names": "true"})
            # Where there is none, kubo leaves the field out.
            keys = found.get("Keys", {}) if isinstance(found, Mapping) else None
            if not isinstance(keys, Mapping):
                raise _Refusal(200, "it lists pins in a form that kubo does not use")
            return [(str(cid), str(_field(about, "Name"))) for cid, about in keys.items()]

    def collect(self) -> Iterator[bytes]:
        """Removes all that nobody pinned; the digests of the blocks that went.

        May take minutes in a large repository. Goes on to its end on the daemon, however much of
        this is read.
        """
        with (
            self._asking(_SWEEP_SECONDS, _LIST),
            self._client.repo.gc(stream=True, opts={"stream-errors": "true"}) as removed,
        ):
            for item in removed:
                if item.get("Error"):
                    raise _Refusal(200, f"it could not clear: {str(item['Error'])[:200]!a}")
                self._allowance.renew(_SMALL, _LIST)
                with suppress(InvalidCid):  # another's block, named in another way
                    key = item.get("Key")
                    yield digest(to_bytes(str(key.get("/")) if isinstance(key, Mapping) else ""))

    @contextmanager
    def _asking(self, seconds: float, size: int, cid: str = "") -> Iterator[None]:
        """Bounds what is done within, and gives every failure its name."""
        self._allowance.grant(size, seconds)
        try:
            yield
        except Cancelled:
            raise StoreUnreachable(self._where, "nobody waits for it any more", _LATER) from None
        except Overdue as error:
            raise DaemonHangs(self._where, f"it hangs: {error}", _LATER) from None
        except (Overlong, _Refusal) as error:
            raise self._refused(error, cid) from None
        except (failures.TimeoutError, failures.ConnectionError, failures.ProtocolError) as error:
            raise self._away(error.original or error) from None
        except requests.RequestException as error:
            raise self._away(error) from None
        except _NONSENSE as error:
            why = f"it answered what no kubo answers ({str(error)[:200]!a})"
            raise StoreRefused(self._where, why, _NO_KUBO) from None

    def _refused(self, error: Overlong | _Refusal, cid: str) -> AssetNotFound | StoreRefused:
        status = error.status if isinstance(error, _Refusal) else 200
        why = str(error)
        if cid and status == 500 and any(mark in why for mark in _MISSING):
            return AssetNotFound(cid, f"{self._where}, nor where it looked")
        if status in (401, 403):
            advice = f"Set {SECRET_VARIABLE} to what its API.Authorizations ask for."
            return StoreRefused(self._where, why, advice)
        return StoreRefused(self._where, why, _LATER if status == 500 else _NO_KUBO)

    def _away(self, error: BaseException) -> StoreUnreachable:
        return StoreUnreachable(self._where, _reason(error), START)


def _refuse_oddities(response: requests.Response, **_: object) -> None:
    """Ends an answer that no daemon gives before anything more of it is read."""
    status = response.status_code
    if status == 200 and response.headers.get("Content-Encoding", "identity") == "identity":
        response.iter_content = lambda *_, **__: pieces(response)  # type: ignore[method-assign]
        return
    if status == 200:
        raise _Refusal(status, "it compressed its answer, which was not asked for")
    if 300 <= status < 400:
        raise _Refusal(status, "it sends us elsewhere, where no daemon sends")
    try:
        text = response.raw.read(4096, decode_content=False).decode("utf-8", "replace")
    except (urllib3.exceptions.HTTPError, OSError):
        text = ""
    raise _Refusal(status, f"status {status}, {_message(text)[:300]!a}")


def _message(text: str) -> str:
    """The sentence in an error of kubo's, which comes as JSON."""
    import json

    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()
    return str(told.get("Message", text)) if isinstance(told, dict) else text


def _field(answer: object, name: str) -> object:
    """A field of an answer. Raises: _Refusal: it has none of that name."""
    if not isinstance(answer, Mapping) or name not in answer:
        raise _Refusal(200, f"its answer has no {name}")
    return answer[name]


def _reason(error: BaseException) -> str:
    """In few words why a connection failed."""
    chain = list(_chain(error))
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return "nobody listens there"
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in chain):
        return "there is no host of that name"
    if any(isinstance(one, (TimeoutError, requests.ConnectTimeout)) for one in chain):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    return f"the connection broke ({type(chain[-1]).__name__})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it wraps: libraries wrap one in the next, each in another way."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        reasons = (*seen.args, getattr(seen, "reason", None), seen.__cause__, seen.__context__)
        seen = next((one for one in reasons if isinstance(one, BaseException)), None)
