"""Reading from an IPFS gateway that nobody needs to trust.

Speaks the Trustless Gateway specification: raw blocks and CAR streams by CID, each block verified.
What has nothing at hand comes as one stream; else only the missing blocks are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from decentralml.assets import resuming
from decentralml.assets.ahead import ahead
from decentralml.assets.at_hand import AtHand
from decentralml.assets.bounded import Patience
from decentralml.assets.cid import Progress, parse, to_bytes, to_text
from decentralml.assets.composing import entry_of
from decentralml.assets.fetching import BlockSource, unpack
from decentralml.assets.requesting import Answer, Requester
from decentralml.assets.rules import BundleLimits
from decentralml.assets.store import DEFAULT_LIMITS
from decentralml.assets.streamed import StreamedSource
from decentralml.assets.unixfs import MAX_BLOCK
from decentralml.errors import (
    AssetNotFound,
    ConfigError,
    StoreReadOnly,
    StoreRefused,
    StoreUnreachable,
)
from decentralml.types import Cid

_CAR = "application/vnd.ipld.car"
_RAW = "application/vnd.ipld.raw"
_STREAM = "format=car&dag-scope=all&car-order=dfs&car-dups=n"
_AHEAD = 16 << 20  # bytes of a stream that are kept for folders in shards
_PAUSES = (0.2, 1.0)  # seconds before a block is asked for again
_MISSING = {404, 410}
_BUSY = {408, 425, 429, 500, 502, 503, 504}


class GatewayStore:
    """An `AssetStore` that can only be read; what is put is refused with `StoreReadOnly`."""

    def __init__(
        self,
        url: str,
        limits: BundleLimits = DEFAULT_LIMITS,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        """
        Args:
            url: ``https://host`` or ``http://host:port``, with a path if the gateway is below one.
            limits: held when something is verified.

        Raises:
            ConfigError: it is no such address, or has a password in it.
        """
        self.url = _checked(url)
        self._name = f"the gateway at {self.url}"
        self._limits = limits
        self._patience = patience

    def put_folder(self, folder: Path, progress: Progress | None = None) -> Cid:
        """Raises: StoreReadOnly: always."""
        raise StoreReadOnly(self._name)

    def put_file(self, file: Path, progress: Progress | None = None) -> Cid:
        """Raises: StoreReadOnly: always."""
        raise StoreReadOnly(self._name)

    def put_from(self, source: BlockSource, cid: Cid, progress: Progress | None = None) -> None:
        """Raises: StoreReadOnly: always."""
        raise StoreReadOnly(self._name)

    def gc(self, keep: set[Cid]) -> int:
        """Raises: StoreReadOnly: always."""
        raise StoreReadOnly(self._name)

    def list(self) -> Iterator[Cid]:
        """Raises: StoreRefused: always; a gateway has no list."""
        raise StoreRefused(self._name, "a gateway does not list what it has", "Ask for a CID.")

    def fetch(
        self,
        cid: Cid,
        destination: Path,
        limits: BundleLimits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        at_hand: AtHand | None = None,
    ) -> None:
        """As `AssetStore.fetch`; also raises `StoreUnreachable`, `StoreRefused`.

        What came before it broke off is kept for the next attempt.
        """

        def opening(some: bool) -> AbstractContextManager[BlockSource]:
            return self._source(to_bytes(cid), some=some)

        resuming.fetch(opening, cid, destination, limits, progress, at_hand)

    def verify(self, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.verify`, through the network."""
        root = to_bytes(cid)
        with self._source(root, some=False) as source:
            unpack(source, root, None, self._limits, progress)

    def has(self, cid: Cid) -> bool:
        """As `AssetStore.has`: whether the gateway finds the first block."""
        with self._server() as server, server.ask("HEAD", parse(cid), "format=raw", _RAW) as answer:
            if answer.status in _MISSING:
                return False
            server.check(answer, cid)
            return True

    def size(self, cid: Cid) -> int:
        """Bytes of the content's blocks, as its first block declares them."""
        with self.open(cid) as source:
            return entry_of(source, cid).tsize

    @contextmanager
    def open(self, cid: Cid) -> Iterator[BlockSource]:
        """As `AssetStore.open`; the first block is asked for at once."""
        root = to_bytes(cid)
        with self._server() as server:
            server.block(root)
        with self._source(root, some=False) as source:
            yield source

    @contextmanager
    def _server(self) -> Iterator[_Server]:
        with Requester(self._name, self._patience) as requester:
            yield _Server(self._name, self.url, requester)

    @contextmanager
    def _source(self, root: bytes, *, some: bool) -> Iterator[BlockSource]:
        """Its blocks: one stream, or several at once where ``some`` need not be asked for."""
        with self._server() as server, ExitStack() as opened:
            answer = None
            if not some:
                # Some serve blocks alone; and what cannot be had now is asked for a few times.
                with suppress(StoreUnreachable, StoreRefused):
                    answer = opened.enter_context(server.stream(to_text(root)))
            if answer is None:
                yield opened.enter_context(ahead(server.block, server.cancel))
            else:
                yield StreamedSource(answer.chunks(), root, server.block, _AHEAD)


class _Server:
    """Questions to a gateway, of any number of threads."""

    def __init__(self, name: str, url: str, requester: Requester) -> None:
        self._name, self._url, self._requester = name, url, requester

    def cancel(self) -> None:
        """Ends what is being asked."""
        self._requester.cancel()

    @contextmanager
    def stream(self, cid: Cid) -> Iterator[Answer]:
        """A whole content as a CAR stream."""
        with self.ask("GET", cid, _STREAM, f"{_CAR};version=1;order=dfs;dups=n") as answer:
            self.check(answer, cid, _CAR)
            yield answer

    def block(self, cid: bytes) -> bytes:
        """One block, not verified, asked for a few times."""
        for pause in _PAUSES:
            try:
                return self._block_once(to_text(cid))
            except StoreUnreachable:
                self._requester.pause(pause)
        return self._block_once(to_text(cid))

    def _block_once(self, cid: Cid) -> bytes:
        with self.ask("GET", cid, "format=raw", _RAW) as answer:
            self.check(answer, cid, _RAW)
            return answer.body(MAX_BLOCK)

    @contextmanager
    def ask(self, method: str, cid: Cid, query: str, accept: str) -> Iterator[Answer]:
        """An answer of any status."""
        url = f"{self._url}/ipfs/{cid}?{query}"
        with self._requester.request(method, url, accept) as answer:
            yield answer

    def check(self, answer: Answer, cid: Cid, kind: str | None = None) -> None:
        """Raises what a status says; ``kind`` is the media type that a good answer has."""
        status = answer.status
        if status in _MISSING:
            raise AssetNotFound(cid, self._name)
        if status in _BUSY:
            raise StoreUnreachable(
                self._name,
                f"it could not get {cid} (status {status})",
                "Try again later, or name another store with --store.",
            )
        given = answer.headers.get("Content-Type", "nothing").split(";")[0].strip()
        if status != 200:
            why = f"it answers with status {status}"
        elif kind is not None and given != kind:
            why = f"it answers with {given[:60]!a} where {kind} was asked for"
        else:
            return
        raise StoreRefused(self._name, why, "Name a gateway that serves raw blocks and CAR files.")


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "A gateway's address must not have a password in it: it would be seen. "
            "Keep it in ~/.netrc, and name the gateway without it."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(
            f"{url[:80]!a} is no gateway's address. Write one as in --store http://127.0.0.1:8080."
        )
    if parts.hostname == "localhost":
        # Kubo sends who asks by that name to CID.ipfs.localhost, which few machines can look up.
        url = url.replace("localhost", "127.0.0.1", 1)
    return url.rstrip("/").removesuffix("/ipfs")
