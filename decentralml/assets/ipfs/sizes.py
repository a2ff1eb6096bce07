"""How long a content's blocks are, without reading those of files."""

from __future__ import annotations

from decentralml.assets.cid import digest, fits, is_raw, to_bytes
from decentralml.assets.decoding import MalformedNode, decode_node
from decentralml.assets.ipfs.daemon import Daemon
from decentralml.errors import AssetNotFound
from decentralml.types import Cid


def block_sizes(daemon: Daemon, cid: Cid) -> dict[bytes, int]:
    """Digest -> length of each block that the daemon has of a content.

    A leaf's length stands in the node above it, so only nodes are read: one for each GiB of a file.
    """
    sizes: dict[bytes, int] = {}
    left = [to_bytes(cid)]
    while left:
        block = _block(daemon, left.pop())
        if block is None:
            continue
        found, content = block
        sizes[digest(found)] = len(content)
        try:
            links = decode_node(content).links if not is_raw(found) else ()
        except MalformedNode:
            continue
        for link in links:
            if digest(link.cid) in sizes:
                continue
            sizes[digest(link.cid)] = link.tsize
            if not is_raw(link.cid):
                left.append(link.cid)
    return sizes


def _block(daemon: Daemon, cid: bytes) -> tuple[bytes, bytes] | None:
    try:
        block = daemon.ask(lambda api: api.block(cid, offline=True))
    except AssetNotFound:
        return None
    return (cid, block) if fits(cid, block) else None
