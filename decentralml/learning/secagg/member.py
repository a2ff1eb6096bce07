"""A member's side of a session: announce, mask, reveal. The caller keeps the secrets."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from decentralml.learning.secagg import keys, shamir
from decentralml.learning.secagg.errors import MessageRefused, UnsafeRequest
from decentralml.learning.secagg.masks import Mask
from decentralml.learning.secagg.session import Announcement, Revealed, Session

SEALED_BYTES: Final = 2 * shamir.SHARE_BYTES + keys.OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Secrets:
    """A member's two secrets of one session; one of them becomes known when it ends, never both.

    Attributes:
        pair: private key behind the masks that it shares with others.
        own: seed of its own mask.
    """

    pair: bytes = field(default_factory=keys.new_secret, repr=False)
    own: bytes = field(default_factory=keys.new_secret, repr=False)


def announce(session: Session, me: str, channel: bytes, mine: Secrets) -> Announcement:
    """The first message: what others need to share masks with me, and shares to go on without me.

    Args:
        channel: my private channel key; its public half is in the roster.
        mine: made for this session, kept until it is over.

    Raises:
        UnsafeRequest: I am not in the roster, or with another key.
        MessageRefused: a member's key is none.
    """
    if session.keys.get(me) != keys.public_of(channel):
        raise UnsafeRequest("the roster has another key for me")
    count = len(session.keys)
    pair = shamir.split(mine.pair, session.threshold, count)
    own = shamir.split(mine.own, session.threshold, count)
    shares = zip(session.members, pair, own, strict=True)
    sealed = {
        other: keys.seal(_channel_key(session, channel, me, other), pair_share + own_share)
        for other, pair_share, own_share in shares
    }
    return Announcement(keys.public_of(mine.pair), commitment(session, mine.own), sealed)


def masks(
    session: Session, me: str, mine: Secrets, announced: Mapping[str, Announcement]
) -> list[Mask]:
    """What I add to my update: my own mask, and one for each other member who announced.

    The same masks each time, so that they must not be added to two different updates.

    Args:
        announced: every member who is to be in the sum, and what it announced.

    Raises:
        UnsafeRequest, TooFewMembers: the sum would be of others than the roster's, or of too few.
        MessageRefused: a member announced a key that is none.
    """
    session.check_announced(announced)
    if me not in announced:
        raise UnsafeRequest("the sum is to be made without me")
    pairs = [
        pair_mask(session, mine.pair, announced[other].mask_key, me, other)
        for other in sorted(announced)
        if other != me
    ]
    return [own_mask(session, mine.own, me), *pairs]


def reveal(
    session: Session,
    me: str,
    channel: bytes,
    announced: Mapping[str, Announcement],
    survivors: Collection[str],
) -> Revealed:
    """The last message: shares of one secret of each member who announced.

    Answer this once a session, however often it is asked: with two answers about different
    survivors both secrets of a member could be put together.

    Args:
        survivors: whose masked updates are in the sum.

    Raises:
        UnsafeRequest, TooFewMembers: the sum is of others than those who announced, or of too few.
    """
    session.check_survivors(announced, survivors)
    own: dict[str, bytes] = {}
    pair: dict[str, bytes] = {}
    for other, word in announced.items():
        try:
            key = _channel_key(session, channel, other, me, public=session.keys[other])
            shares = keys.unseal(key, word.sealed[me])
        except (KeyError, MessageRefused):
            continue  # who sends me no share is recovered from the others', or not at all
        if other in survivors:
            own[other] = shares[shamir.SHARE_BYTES :]
        else:
            pair[other] = shares[: shamir.SHARE_BYTES]
    return Revealed(own, pair)


def own_mask(session: Session, secret: bytes, member: str) -> Mask:
    """The mask that a member adds for itself."""
    return Mask(keys.derive(secret, b"own" + session.digest() + member.encode()), added=True)


def pair_mask(session: Session, private: bytes, public: bytes, me: str, other: str) -> Mask:
    """What ``me`` adds for its pair with ``other``, who takes the same off."""
    first, second = sorted((me, other))
    purpose = b"pair" + session.digest() + _names(first, second)
    return Mask(keys.agree(private, public, purpose), added=me == first)


def commitment(session: Session, own: bytes) -> bytes:
    """By which a recovered seed is known to be the right one."""
    return hashlib.sha256(b"own mask" + session.digest() + own).digest()


def _channel_key(
    session: Session, channel: bytes, sender: str, receiver: str, public: bytes | None = None
) -> bytes:
    """The key for shares from ``sender`` to ``receiver``; ``channel`` is the private one of one."""
    public = session.keys[receiver] if public is None else public
    return keys.agree(channel, public, b"share" + session.digest() + _names(sender, receiver))


def _names(first: str, second: str) -> bytes:
    return f"{len(first)} {first} {second}".encode()
