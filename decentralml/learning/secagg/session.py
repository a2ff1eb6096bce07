"""What all members of one session agree on before a secret is made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from decentralml.learning.secagg.errors import MessageRefused, TooFewMembers, UnsafeRequest
from decentralml.learning.secagg.keys import KEY_BYTES


@dataclass(frozen=True, slots=True)
class Announcement:
    """One member's word in a session.

    Attributes:
        mask_key: public key from which each pair derives its mask.
        commitment: hash of the secret behind the member's own mask.
        sealed: member → its share of both secrets, sealed for it.
    """

    mask_key: bytes
    commitment: bytes
    sealed: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Revealed:
    """One member's shares once the masked updates are in.

    Attributes:
        own: member whose masked update arrived → share of the secret behind its own mask.
        pair: member who announced, and whose masked update did not arrive → share of the secret
            behind the masks of its pairs.
    """

    own: Mapping[str, bytes]
    pair: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Session:
    """One sum.

    Every key is derived from ``digest``, so members who were told different things about a session
    do not share keys: masks would not cancel, and nothing would be learnt.

    Args:
        context: names the session among all others: chain, task, number.
        keys: member → channel key (X25519, 32 bytes).
        threshold: how many members together can recover a secret; above half of them, so that no
            two disjoint groups can.

    Raises:
        UnsafeRequest: a key is not 32 bytes long, or the threshold is not above half or above all.
    """

    context: bytes
    keys: Mapping[str, bytes]
    threshold: int

    def __post_init__(self) -> None:
        count = len(self.keys)
        if any(len(key) != KEY_BYTES for key in self.keys.values()):
            raise UnsafeRequest("a key is not 32 bytes long")
        if not count < 2 * self.threshold <= 2 * count:
            raise UnsafeRequest(f"a threshold of {self.threshold} for {count} members")

    @property
    def members(self) -> tuple[str, ...]:
        """All, sorted."""
        return tuple(sorted(self.keys))

    def points(self) -> dict[str, int]:
        """Where each member's shares lie, from 1 on."""
        return {member: at for at, member in enumerate(self.members, 1)}

    def digest(self) -> bytes:
        """SHA-256 of all that the session is."""
        digest = hashlib.sha256(f"{self.threshold} {len(self.keys)} ".encode())
        for part in (self.context, *(m.encode() for m in self.members)):
            digest.update(len(part).to_bytes(4, "big") + part)
        for member in self.members:
            digest.update(self.keys[member])
        return digest.digest()

    def check_announced(self, announced: Collection[str]) -> None:
        """Raises UnsafeRequest or TooFewMembers unless these may be summed."""
        if not set(announced) <= set(self.keys):
            raise UnsafeRequest("somebody outside the roster is to be summed")
        if len(announced) < self.threshold:
            raise TooFewMembers("announced", len(announced), self.threshold)

    def check_survivors(self, announced: Collection[str], survivors: Collection[str]) -> None:
        """Raises UnsafeRequest or TooFewMembers unless these members' own masks may be revealed."""
        self.check_announced(announced)
        if not set(survivors) <= set(announced):
            raise UnsafeRequest("somebody who did not announce is said to have sent an update")
        if len(survivors) < self.threshold:
            raise TooFewMembers("sent updates", len(survivors), self.threshold)

    def check_announcement(self, announcement: Announcement) -> None:
        """Raises MessageRefused unless a share is there for every member, and for nobody else."""
        if set(announcement.sealed) != set(self.keys):
            raise MessageRefused("its shares are for other members than the roster's")


def threshold_of(members: int, fraction: float) -> int:
    """How many of ``members`` are needed: the fraction of them, and more than half."""
    return min(members, max(math.ceil(members * fraction), members // 2 + 1))
