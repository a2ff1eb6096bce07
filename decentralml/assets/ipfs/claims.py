"""What of a daemon's content is kept for us: pins of our own, on small nodes of our own.

A daemon has one pin for each CID, with one name, and pinning again takes the old pin's place; a
shared daemon's other users may have pinned the same content. So we pin a node that has nothing but
one link to the content (and so holds all of it), under a name that says which content. Nobody
else's pin is then renamed, removed or mistaken for ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from decentralml.assets.cid import node_cid, parse, to_bytes, to_text
from decentralml.assets.unixfs import Link, directory_data, encode_node
from decentralml.errors import InvalidCid
from decentralml.types import Cid

PREFIX = "decentralml:"
_LINK = "decentralml"


def claim_block(cid: Cid) -> bytes:
    """The node whose pin keeps a content."""
    return encode_node([Link(_LINK, to_bytes(cid), 0)], directory_data())


def claim_cid(cid: Cid) -> bytes:
    """Binary CID of `claim_block`."""
    return node_cid(claim_block(cid))


def pin_name(cid: Cid) -> str:
    """The name of the pin that keeps a content."""
    return PREFIX + cid


def claimed(pins: Iterable[tuple[str, str]]) -> Iterator[Cid]:
    """The contents that pins (CID, name) keep for us; pins of others that look alike are not ours.

    A name alone proves nothing: it must be on the very node that it belongs to.
    """
    for pinned, name in pins:
        if name.startswith(PREFIX):
            with suppress(InvalidCid):
                cid = parse(name[len(PREFIX) :])
                if pinned == to_text(claim_cid(cid)):
                    yield cid
