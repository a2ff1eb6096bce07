"""The collector's side: which masks are left in the sum of the masked updates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial

from decentralml.learning.secagg import keys, shamir
from decentralml.learning.secagg.errors import SecretNotRecovered, TooFewMembers
from decentralml.learning.secagg.masks import Mask
from decentralml.learning.secagg.member import commitment, own_mask, pair_mask
from decentralml.learning.secagg.session import Announcement, Revealed, Session


def masks_left(
    session: Session,
    announced: Mapping[str, Announcement],
    survivors: Collection[str],
    revealed: Mapping[str, Revealed],
) -> list[Mask]:
    """The masks in the survivors' sum: each one's own, and those of their pairs with who dropped.

    One member who reveals wrong shares is found and left out, as long as others are enough.

    Args:
        announced: what each member announced who was to be in the sum.
        survivors: whose masked updates were summed.
        revealed: member → its shares; from ``threshold`` of them on the masks can be found.

    Raises:
        TooFewMembers: fewer than the threshold revealed.
        SecretNotRecovered: a member spoilt its own shares, or sealed none that can be opened; name
            and next step are in it.
        UnsafeRequest: survivors are not among those who announced.
    """
    session.check_survivors(announced, survivors)
    if len(revealed) < session.threshold:
        raise TooFewMembers("revealed their shares", len(revealed), session.threshold)
    recovery = _Recovery(session, sorted(revealed))
    left: list[Mask] = []
    for member in sorted(announced):
        word = announced[member]
        if member in survivors:
            shares = {other: r.own[member] for other, r in revealed.items() if member in r.own}
            own = recovery.secret(member, shares, partial(_is_own, session, word))
            left.append(own_mask(session, own, member))
        else:
            shares = {other: r.pair[member] for other, r in revealed.items() if member in r.pair}
            pair = recovery.secret(member, shares, partial(_is_pair, word))
            # As the survivors added them, so from their side of the pair.
            left += [
                _other_side(pair_mask(session, pair, announced[other].mask_key, member, other))
                for other in sorted(survivors)
            ]
    return left


def _is_own(session: Session, word: Announcement, secret: bytes) -> bool:
    return commitment(session, secret) == word.commitment


def _is_pair(word: Announcement, secret: bytes) -> bool:
    return keys.public_of(secret) == word.mask_key


def _other_side(mask: Mask) -> Mask:
    return Mask(mask.key, not mask.added)


class _Recovery:
    """Secrets from shares; who was once seen to reveal a wrong share is asked last from then on."""

    def __init__(self, session: Session, members: list[str]) -> None:
        self._points, self._threshold = session.points(), session.threshold
        self._trusted = members

    def secret(
        self, member: str, shares: Mapping[str, bytes], fits: Callable[[bytes], bool]
    ) -> bytes:
        """Raises SecretNotRecovered."""
        sound = [m for m in self._trusted if m in shares and shamir.is_share(shares[m])]
        if len(sound) < self._threshold:
            raise SecretNotRecovered(member)
        for left_out, group in self._groups(sound):
            secret = shamir.combine({self._points[m]: shares[m] for m in group})
            if secret is not None and fits(secret):
                if left_out is not None:
                    self._trusted = [m for m in self._trusted if m != left_out] + [left_out]
                return secret
        raise SecretNotRecovered(member)

    def _groups(self, members: list[str]) -> Iterator[tuple[str | None, list[str]]]:
        """The first threshold of them; then, if there are more, without each one of those."""
        first = members[: self._threshold]
        yield None, first
        if len(members) > self._threshold:
            for suspect in first:
                rest = [m for m in members if m != suspect]
                yield suspect, rest[: self._threshold]
