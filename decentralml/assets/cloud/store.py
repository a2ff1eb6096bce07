"""A store in a bucket, which any number of machines share.

What a bundle becomes there is told in ``layout``. Objects appear whole or not at all, and the index
comes last, so a process that is killed while it puts leaves parts and no bundle; putting again
sends only the parts that are missing. Clearing takes the index first, and looks again afterwards
whether one has come; putting looks again whether its parts are still there. So whichever of the two
is last, no index stays without its parts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from decentralml.assets import places
from decentralml.assets.adding import add_path
from decentralml.assets.at_hand import AtHand
from decentralml.assets.car import CarReader, CarWriter
from decentralml.assets.cid import Progress, parse, to_bytes, to_text
from decentralml.assets.cloud.address import parse_address
from decentralml.assets.cloud.bucket import PATIENCE, Bucket, Found, Pending
from decentralml.assets.cloud.layout import (
    MAX_INDEX,
    Block,
    Layout,
    bundle_key,
    decode,
    is_part_name,
    lay_out,
    parts_folder,
)
from decentralml.assets.cloud.reading import PartReader, reading
from decentralml.assets.cloud.sending import Changed, PartWriter
from decentralml.assets.fetching import BlockSource, unpack
from decentralml.assets.rules import BundleLimits, check_file, check_folder
from decentralml.assets.store import DEFAULT_LIMITS
from decentralml.assets.unixfs import Sink
from decentralml.errors import (
    AssetNotFound,
    BundleChanged,
    BundleTooLarge,
    ContentMismatch,
    InvalidCid,
    StoreUnreachable,
)
from decentralml.types import Cid

ABANDONED = timedelta(days=1)  # since a part was sent whose bundle has not come
_TRIES = 3
_NODES = 1024  # bytes for each file or folder that a bundle may spend beside its content


class CloudStore:
    """An `AssetStore` in a bucket; all methods also raise `StoreUnreachable`, `StoreRefused`."""

    def __init__(
        self,
        url: str,
        limits: BundleLimits = DEFAULT_LIMITS,
        patience: float = PATIENCE,
        abandoned: timedelta = ABANDONED,
    ) -> None:
        """Connects to nothing yet.

        Args:
            url: ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``.
            limits: held when something is put or verified.
            patience: seconds for one request with all its repetitions.
            abandoned: how long after a part was sent its bundle counts as given up.

        Raises:
            ConfigError: the URL names no bucket, or has a secret in it.
        """
        address = parse_address(url)
        self.name = str(address)
        self._bucket = Bucket(address, patience)
        self._limits = limits
        self._abandoned = abandoned

    def put_folder(self, folder: Path, progress: Progress | None = None) -> Cid:
        """As `AssetStore.put_folder`. Read twice: once for its CID, once to send it.

        Raises:
            BundleChanged: it changed in between.
        """
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder")
        total = check_folder(folder, self._limits)
        return self._put(folder.resolve(), total, progress)

    def put_file(self, file: Path, progress: Progress | None = None) -> Cid:
        """As `AssetStore.put_file`, read twice like a folder."""
        return self._put(file, check_file(file, self._limits), progress)

    def put_from(self, source: BlockSource, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.put_from`. What is there is believed to be intact if all parts are there.

        Everything is verified before the first part is sent, in a temporary file of its size.
        """
        root = to_bytes(cid)
        if self._has_whole(cid, None):
            return
        table = _Table()
        with tempfile.TemporaryFile() as file:
            archive = CarWriter(file)

            def keep(block_cid: bytes, block: bytes | memoryview) -> None:
                table.add(block_cid, block)
                archive.add(block_cid, block)

            unpack(source, root, None, self._limits, _half(progress, 0), sink=keep)
            archive.finish(root)
            copy = CarReader(file, root)
            report = _half(progress, 1)
            layout = lay_out(root, table.blocks)

            def emit(sink: Sink) -> None:
                done = 0
                for block_cid, length in layout.blocks:
                    sink(block_cid, copy.get(block_cid))
                    done += length
                    if report:
                        report(done, layout.size)

            self._keep(cid, layout, emit)
        if progress:
            progress(layout.size, layout.size)

    def _put(self, path: Path, total: int, progress: Progress | None) -> Cid:
        table = _Table()
        root = add_path(path, table.add, _half(progress, 0), total).cid
        cid = to_text(root)
        if not self._has_whole(cid, table.blocks):
            try:
                self._keep(
                    cid,
                    lay_out(root, table.blocks),
                    lambda sink: _discard(add_path(path, sink, _half(progress, 1), total)),
                )
            except Changed as error:
                raise BundleChanged(str(path)) from error
        if progress:
            progress(total, total)
        return cid

    def _keep(self, cid: Cid, layout: Layout, emit: Callable[[Sink], None]) -> None:
        """Sends what is missing, then the index, then looks whether a clearing came between."""
        for _ in range(_TRIES):
            missing = self._missing(cid, layout)
            if missing:
                with closing(PartWriter(layout, missing, self._sender(cid, layout))) as writer:
                    emit(writer.add)
                    writer.finish()
            self._bucket.write(bundle_key(cid), layout.encode())
            if not self._missing(cid, layout):
                return
        raise StoreUnreachable(
            self.name,
            f"what is put of {cid} is removed again at once",
            "Wait until the clearing of this bucket has ended.",
        )

    def _sender(self, cid: Cid, layout: Layout) -> Callable[[int, bytes], Pending[object]]:
        def send(part: int, data: bytes) -> Pending[object]:
            return self._bucket.start_writing(self._part_key(cid, layout, part), data)

        return send

    def _part_key(self, cid: Cid, layout: Layout, part: int) -> str:
        return f"{parts_folder(cid)}/{layout.parts[part].name}"

    def _missing(self, cid: Cid, layout: Layout) -> set[int]:
        """Numbers of the parts that are not in the bucket, or of another length."""
        there = self._bucket.find(parts_folder(cid))
        return {
            number
            for number, part in enumerate(layout.parts)
            if part.name not in there or there[part.name].size != part.size
        }

    def _has_whole(self, cid: Cid, blocks: Sequence[Block] | None) -> bool:
        """Whether an index is there, over these blocks if given, and all its parts."""
        try:
            layout, _ = self._layout(cid, self._limits)
        except (AssetNotFound, ContentMismatch, BundleTooLarge):
            return False
        if blocks is not None and set(blocks) != set(layout.blocks):
            return False
        return not self._missing(cid, layout)

    def _layout(self, cid: Cid, limits: BundleLimits) -> tuple[Layout, int]:
        """What the bucket has of a bundle, and the bytes of its index.

        Raises:
            InvalidCid, AssetNotFound, ContentMismatch.
            BundleTooLarge: it is longer than any bundle within these limits can be.
        """
        root = to_bytes(cid)
        index = self._bucket.read(bundle_key(cid), 0, MAX_INDEX + 1)
        if index is None:
            raise AssetNotFound(cid, self.name)
        if len(index) > MAX_INDEX:
            raise ContentMismatch(cid, "its index in the bucket is longer than any can be")
        layout = decode(root, index)
        if layout.size > limits.max_bytes + _NODES * (limits.max_entries + len(layout.blocks)):
            raise BundleTooLarge("bytes", limits.max_bytes)
        return layout, len(index)

    @contextmanager
    def _reading(
        self, cid: Cid, layout: Layout, at_hand: AtHand | None, folder: Path | None
    ) -> Iterator[PartReader]:
        def needed(block: bytes) -> bool:
            return at_hand is None or not at_hand.notes(block)

        def ask(part: int, start: int, end: int) -> Pending[bytes | None]:
            return self._bucket.start_reading(self._part_key(cid, layout, part), start, end)

        with reading(layout, needed, ask, folder) as source:
            yield source

    def fetch(
        self,
        cid: Cid,
        destination: Path,
        limits: BundleLimits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        at_hand: AtHand | None = None,
    ) -> None:
        """As `AssetStore.fetch`. Not forced to the disk: after a power cut, fetch it again."""
        layout, _ = self._layout(cid, limits)
        with places.new_folder_for(destination) as place:
            made = place / "content"
            with self._reading(cid, layout, at_hand, place) as source:
                written = unpack(source, to_bytes(cid), made, limits, progress, at_hand)
            places.move(made, destination)
        if at_hand is not None:
            at_hand.keep(
                {block: found.moved(made, destination) for block, found in written.items()}
            )

    @contextmanager
    def open(self, cid: Cid) -> Iterator[PartReader]:
        """As `AssetStore.open`; also raises `ContentMismatch` for an index that is none."""
        layout, _ = self._layout(cid, self._limits)
        with self._reading(cid, layout, None, None) as source:
            yield source

    def has(self, cid: Cid) -> bool:
        """As `AssetStore.has`."""
        return self._bucket.read(bundle_key(parse(cid)), 0, 1) is not None

    def verify(self, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.verify`."""
        with self.open(cid) as source:
            unpack(source, to_bytes(cid), None, self._limits, progress)

    def list(self) -> Iterator[Cid]:
        """As `AssetStore.list`."""
        for name in sorted(self._bucket.find("bundles")):
            with suppress(InvalidCid):
                yield parse(name)

    def size(self, cid: Cid) -> int:
        """As `AssetStore.size`; also raises `ContentMismatch` for an index that is none."""
        layout, index = self._layout(cid, self._limits)
        return layout.size + index

    def gc(self, keep: set[Cid]) -> int:
        """As `AssetStore.gc`; with them goes what was sent long ago of bundles that never came.

        Touches only objects that are named as this store names its own. What is put meanwhile and
        is not in ``keep`` may go, too.
        """
        there = set(self.list())
        freed = sum(self._remove(cid) for cid in sorted(there - keep))
        for cid in self._given_up(there):
            freed += self._remove(cid)
        return freed

    def _given_up(self, there: set[Cid]) -> Sequence[Cid]:
        """Bundles that have parts and no index, and whose newest part is old."""
        newest: dict[Cid, datetime] = {}
        for key, found in self._bucket.find("parts").items():
            folder, _, name = key.partition("/")
            with suppress(InvalidCid):
                if is_part_name(name) and parse(folder) not in there:
                    cid = parse(folder)
                    newest[cid] = max(_when(found), newest.get(cid, _when(found)))
        until = datetime.now(timezone.utc) - self._abandoned
        return sorted(cid for cid, when in newest.items() if when <= until)

    def _remove(self, cid: Cid) -> int:
        """Removes a bundle, its index first; looks again for one put meanwhile."""
        freed = 0
        for _ in range(_TRIES):
            index = self._bucket.read(bundle_key(cid), 0, MAX_INDEX)
            freed += len(index or b"")
            self._bucket.remove([bundle_key(cid)])
            found = self._bucket.find(parts_folder(cid))
            parts = {name: one.size for name, one in found.items() if is_part_name(name)}
            self._bucket.remove(f"{parts_folder(cid)}/{name}" for name in parts)
            freed += sum(parts.values())
            if not self.has(cid):
                break
        return freed


class _Table:
    """The blocks that came, each once; a sink."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._seen: set[bytes] = set()

    def add(self, cid: bytes, block: bytes | memoryview) -> None:
        if cid not in self._seen:
            self._seen.add(cid)
            self.blocks.append((cid, len(block)))


def _half(progress: Progress | None, which: int) -> Progress | None:
    """Progress of the first (0) or second (1) of two equal steps."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress((done + which * total) // 2, total)

    return report


def _discard(value: object) -> None:
    """Takes a result that nobody needs."""


def _when(found: Found) -> datetime:
    """When an object was written; now, where the service does not say."""
    when = found.written or datetime.now(timezone.utc)
    return when if when.tzinfo else when.replace(tzinfo=timezone.utc)
