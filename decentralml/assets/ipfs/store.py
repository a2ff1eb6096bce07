"""A store in IPFS: what is put lies on one daemon, what is fetched comes from its whole network.

Names are made here and everything is verified here; the daemon is asked for nothing but blocks. So
its settings for adding files do not matter, and neither does whether it is honest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from decentralml.assets import resuming
from decentralml.assets.adding import add_path
from decentralml.assets.ahead import ahead
from decentralml.assets.at_hand import AtHand
from decentralml.assets.car import header
from decentralml.assets.cid import (
    Progress,
    cid_of_path,
    fits,
    is_raw,
    parse,
    raw_cid,
    to_bytes,
    to_text,
)
from decentralml.assets.decoding import MalformedNode, decode_node
from decentralml.assets.fetching import BlockSource, unpack
from decentralml.assets.ipfs.address import Address
from decentralml.assets.ipfs.claims import PREFIX, claim_cid, claimed
from decentralml.assets.ipfs.daemon import Daemon, Twins
from decentralml.assets.ipfs.sending import Sending, keep
from decentralml.assets.ipfs.sizes import block_sizes
from decentralml.assets.rules import BundleLimits, check_file, check_folder
from decentralml.assets.store import DEFAULT_LIMITS
from decentralml.assets.streamed import StreamedSource
from decentralml.assets.unixfs import varint
from decentralml.errors import (
    AssetNotFound,
    BundleChanged,
    ContentMismatch,
    StoreRefused,
    WrongBytes,
)
from decentralml.types import Cid

PATIENCE = 60.0  # seconds in which a block must be found in the network
COMEBACK = 30.0  # seconds in which a daemon that went away must be back

# Daemons never hand this block to one another (bitswap takes no length for no block), and one that
# streams a content waits in vain for it. So it is not asked for, and ours is given it before.
_EMPTY = raw_cid(b"")
_EMPTY_CAR = header(_EMPTY) + varint(len(_EMPTY)) + _EMPTY


class IpfsStore:
    """An `AssetStore` on a kubo daemon. Holds no connection between its methods.

    Beyond what each method of `AssetStore` raises, all raise `StoreUnreachable` when no daemon
    answers, it stopped answering for longer than the limits, or it hangs; and `StoreRefused` when
    it refuses, or answers what no daemon answers.
    """

    def __init__(
        self,
        location: str,
        limits: BundleLimits = DEFAULT_LIMITS,
        patience: float = PATIENCE,
        comeback: float = COMEBACK,
    ) -> None:
        """
        Args:
            location: as `Address.parse` takes it; nobody is asked yet.
            limits: held when something is put or verified.
            patience: seconds in which each block must be found and arrive.
            comeback: seconds in which a daemon that goes away midway must answer again.
        Raises:
            ConfigError: it is no address of a daemon.
        """
        self._address = Address.parse(location)
        self._limits = limits
        self._patience = patience
        self._comeback = comeback

    def put_folder(self, folder: Path, progress: Progress | None = None) -> Cid:
        """As `AssetStore.put_folder`. Read twice: the name is known before anything is sent."""
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder")
        total = check_folder(folder, self._limits)
        return self._put(folder.resolve(), total, progress)

    def put_file(self, file: Path, progress: Progress | None = None) -> Cid:
        """As `AssetStore.put_file`. Read twice: the name is known before anything is sent."""
        return self._put(file, check_file(file, self._limits), progress)

    def _put(self, path: Path, total: int, progress: Progress | None) -> Cid:
        with self._daemon() as daemon:
            cid = cid_of_path(path)
            if self._is_kept(daemon, cid):
                if progress:
                    progress(total, total)
                return cid
            for ask_first in (True, False):
                sending = Sending(daemon, to_bytes(cid), ask_first=ask_first)
                made = to_text(add_path(path, sending.add, progress, total).cid)
                if made != cid:
                    raise BundleChanged(str(path))
                if _finished(sending, last=not ask_first):
                    return cid
            raise AssertionError("unreachable: the last attempt raises")

    def put_from(self, source: BlockSource, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.put_from`. Of a content that is refused, blocks may stay until cleared."""
        root = to_bytes(cid)
        with self._daemon() as daemon:
            if self._is_kept(daemon, cid):
                return
            sending = Sending(daemon, root, ask_first=False)
            unpack(source, root, None, self._limits, progress, sink=sending.add)
            _finished(sending, last=True)

    def fetch(
        self,
        cid: Cid,
        destination: Path,
        limits: BundleLimits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        at_hand: AtHand | None = None,
    ) -> None:
        """As `AssetStore.fetch`. What came before it broke off is kept for the next attempt."""

        def opening(some: bool) -> AbstractContextManager[BlockSource]:
            return self._source(cid, some=some)

        resuming.fetch(opening, cid, destination, limits, progress, at_hand)

    def verify(self, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.verify`."""
        with self.open(cid) as source:
            unpack(source, to_bytes(cid), None, self._limits, progress)

    @contextmanager
    def open(self, cid: Cid) -> Iterator[BlockSource]:
        """As `AssetStore.open`; looks for the content in the daemon's network, too."""
        with self._source(cid, some=False) as source:
            yield source

    def has(self, cid: Cid) -> bool:
        """As `AssetStore.has`: whether this daemon has it, whatever its network has."""
        root = to_bytes(cid)
        with self._daemon() as daemon:
            return daemon.ask(lambda api: api.has_block(root))

    def list(self) -> Iterator[Cid]:
        """As `AssetStore.list`: what was put by this package; not what others have pinned."""
        with self._daemon() as daemon:
            yield from sorted(claimed(daemon.ask(lambda api: api.pins(PREFIX))))

    def size(self, cid: Cid) -> int:
        """As `AssetStore.size`: the length of its blocks, as its first one tells it."""
        root = to_bytes(cid)
        with self._daemon() as daemon:
            block = daemon.ask(lambda api: api.block(root, offline=True))
        if not fits(root, block):
            raise WrongBytes(cid, f"block {cid} has other bytes than its hash says")
        if is_raw(root):
            return len(block)
        try:
            return len(block) + sum(link.tsize for link in decode_node(block).links)
        except MalformedNode as error:
            raise ContentMismatch(cid, f"block {cid} is no node of a bundle: {error}") from error

    def gc(self, keep: set[Cid]) -> int:
        """As `AssetStore.gc`; whatever others have pinned on the daemon stays.

        Has the daemon clear all that nobody pinned; of that, only what was put by this package
        counts. What is in ``keep`` and lies on the daemon without being kept is kept from now on.
        """
        with self._daemon() as daemon:
            ours = set(claimed(daemon.ask(lambda api: api.pins(PREFIX))))
            for cid in keep - ours:
                self._keep_if_there(daemon, cid)
            sizes: dict[bytes, int] = {}
            for cid in ours - keep:
                sizes |= block_sizes(daemon, cid)
                self._let_go(daemon, cid)
            removed = daemon.ask(lambda api: set(api.collect()))
            return sum(size for block, size in sizes.items() if block in removed)

    def _daemon(self) -> Daemon:
        return Daemon(self._address, self._patience, self._comeback)

    def _is_kept(self, daemon: Daemon, cid: Cid) -> bool:
        claim = claim_cid(cid)
        return daemon.ask(lambda api: api.is_pinned(claim))

    def _keep_if_there(self, daemon: Daemon, cid: Cid) -> None:
        root = to_bytes(cid)
        if daemon.ask(lambda api: api.has_block(root)):
            try:
                keep(daemon, parse(cid))
            except AssetNotFound:
                return

    def _let_go(self, daemon: Daemon, cid: Cid) -> None:
        claim = claim_cid(cid)
        daemon.ask(lambda api: api.unpin(claim))

    @contextmanager
    def _source(self, cid: Cid, *, some: bool) -> Iterator[BlockSource]:
        """Its blocks: one stream, or one by one where ``some`` need not be asked for.

        Also one by one, but several at once, where the daemon itself must get them from afar: it
        would stream one after another, and wait for each.
        """
        root = to_bytes(cid)
        with self._daemon() as daemon:
            first = None if some or root == _EMPTY else _own(daemon, root)
            here = first is not None
            if first is None:
                first = b"" if root == _EMPTY else daemon.ask(lambda api: api.block(root))
            if is_raw(root):
                yield _OneByOne(daemon, root, first)
            elif here:
                daemon.ask(lambda api: api.keep_blocks(_EMPTY_CAR))
                with daemon.another() as api, closing(api.export(root)) as stream:
                    yield StreamedSource(stream, root, _OneByOne(daemon, root, first).get)
            else:
                with closing(Twins(daemon)) as twins:
                    one_by_one = _OneByOne(twins, root, first)
                    with ahead(one_by_one.get, twins.cancel) as source:
                        yield source


def _own(daemon: Daemon, cid: bytes) -> bytes | None:
    """The block, where the daemon has it itself."""
    try:
        return daemon.ask(lambda api: api.block(cid, offline=True))
    except AssetNotFound:
        return None


class _OneByOne:
    """Blocks, each by a request; made only of a content whose first block is there."""

    def __init__(self, daemon: Daemon | Twins, root: bytes, first: bytes) -> None:
        self._daemon, self._root = daemon, root
        self._first: bytes | None = first

    def get(self, cid: bytes) -> bytes:
        if cid == _EMPTY:
            return b""
        if cid == self._root and self._first is not None:
            first, self._first = self._first, None
            return first
        return self._daemon.ask(lambda api: api.block(cid))


def _finished(sending: Sending, *, last: bool) -> bool:
    """Whether all that was to be kept is; what was there may have been cleared meanwhile.

    Raises: StoreRefused: this was the last attempt.
    """
    try:
        sending.finish()
    except AssetNotFound as error:
        if last:
            advice = "Try again; something may be clearing it all the time (`ipfs repo gc`)."
            raise StoreRefused(error.store, "it lost what it was sent", advice) from error
        return False
    return True
