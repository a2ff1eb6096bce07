"""Blocks on their way into a daemon: gathered into parcels, each a small CAR file."""

from __future__ import annotations

from decentralml.assets.car import header
from decentralml.assets.cid import to_text
from decentralml.assets.ipfs.claims import claim_block, claim_cid, pin_name
from decentralml.assets.ipfs.daemon import Daemon
from decentralml.assets.unixfs import varint
from decentralml.types import Cid

_PARCEL = 8 << 20  # bytes: large beside a request's cost, small beside memory
_MOST = 256  # blocks in a parcel: a daemon may force each to the disk


class Sending:
    """Takes a content's blocks, in any order, then keeps the content.

    A parcel that did not arrive is sent again, not the whole. What an earlier attempt brought is
    not sent again either: it is the beginning, so the daemon is asked block by block until one is
    missing.
    """

    def __init__(self, daemon: Daemon, root: bytes, *, ask_first: bool = True) -> None:
        """
        Args:
            root: the content's binary CID. Its block is sent last, so that a daemon which has it
                has the rest.
            ask_first: whether what the daemon has already may be left out.
        """
        self._daemon = daemon
        self._root = root
        self._asking = ask_first
        self._last: bytes | None = None
        self._seen: set[bytes] = set()
        self._parcel = bytearray(header(root))
        self._count = 0

    def add(self, cid: bytes, block: bytes | memoryview) -> None:
        """Takes a block; a `decentralml.assets.unixfs.Sink`."""
        if cid in self._seen:
            return
        self._seen.add(cid)
        if cid == self._root:
            self._last = bytes(block)
            return
        if self._asking:
            self._asking = self._daemon.ask(lambda api: api.has_block(cid))
            if self._asking:
                return
        self._append(cid, block)
        if len(self._parcel) >= _PARCEL or self._count >= _MOST:
            self._send()

    def finish(self) -> None:
        """Sends the rest and has the daemon keep the content.

        Raises:
            AssetNotFound: the daemon has not all of it (any more).
        """
        cid = to_text(self._root)
        if self._last is not None:
            self._append(self._root, self._last)
        keep(self._daemon, cid, self._parcel)

    def _append(self, cid: bytes, block: bytes | memoryview) -> None:
        self._parcel += varint(len(cid) + len(block)) + cid
        self._parcel += block
        self._count += 1

    def _send(self) -> None:
        self._daemon.ask(lambda api: api.keep_blocks(self._parcel))
        self._parcel = bytearray(header(self._root))
        self._count = 0


def keep(daemon: Daemon, cid: Cid, parcel: bytearray | None = None) -> None:
    """Has a daemon keep a content that it has, but for the blocks in ``parcel``.

    Raises:
        AssetNotFound: it has not all of it.
    """
    claim, block = claim_cid(cid), claim_block(cid)
    last = bytearray(header(claim)) if parcel is None else parcel
    last += varint(len(claim) + len(block)) + claim
    last += block
    daemon.ask(lambda api: api.keep_blocks(last))
    daemon.ask(lambda api: api.pin(claim, pin_name(cid)))
