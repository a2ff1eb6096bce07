"""What a member's message must have, by the round's phase and by what the round asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decentralml.chain.records import TaskResult
from decentralml.learning.secagg.errors import MessageRefused
from decentralml.learning.secagg.keys import check_public
from decentralml.learning.secagg.session import Announcement, Revealed
from decentralml.roles.secure.message import Message, read_message
from decentralml.roles.secure.request import Request, Sum
from decentralml.roles.secure.settings import Phase
from decentralml.roles.verdicts import Checked
from decentralml.types import AccountId


@dataclass(frozen=True, slots=True)
class Asked:
    """What one member is asked for in one round."""

    mask: bool
    announce: bool
    reveal: bool

    @property
    def keys(self) -> bool:
        """A channel key: of everybody who has nothing else to do for a session to come."""
        return not self.mask and not self.announce


def asked_of(member: AccountId, phase: Phase, request: Request) -> Asked:
    """A masked update of who announced; else announcements, shares, or a key of who is new."""
    under_way = request.sum
    announced = under_way is not None and member in under_way.announced
    return Asked(
        mask=phase.train is not None and announced,
        announce=phase.share is not None and any(member == other for other, _ in request.share),
        reveal=phase.unmask is not None and announced,
    )


class MessageChecker:
    """Checks the messages of one round; as ``checks.Checker`` does other deliveries.

    Args:
        phase: the round's.
        request: what it asked for.
        size: bytes of a masked update.
    """

    def __init__(self, phase: Phase, request: Request, size: int) -> None:
        self._phase, self._request, self._size = phase, request, size

    def is_sealed(self, worker: AccountId) -> bool:
        """Whether a sealing task's result is sealed: what the other members read is not."""
        return asked_of(worker, self._phase, self._request).mask

    def check(self, result: TaskResult, folder: Path) -> Checked:
        """The message, as a delivery with no figures: nothing in it is about one update.

        Raises: MessageRefused: it is malformed, or not what was asked of this member.
        """
        message = read_message(folder)
        asked = asked_of(result.worker, self._phase, self._request)
        _check_keys(message)
        self._check_masked(message, asked)
        if not asked.mask:
            _check_announcement(message.announcement, asked, self._request)
            _check_revealed(message.revealed, asked, self._request.sum)
            if asked.keys and message.keys is None:
                raise MessageRefused("it sends no channel key")
        return Checked(result, folder)

    def _check_masked(self, message: Message, asked: Asked) -> None:
        if asked.mask != (message.masked is not None):
            raise MessageRefused(
                "it has no masked update" if asked.mask else "a masked update was not asked for"
            )
        if message.masked is not None and message.masked.stat().st_size != self._size:
            raise MessageRefused(
                f"its masked update is {message.masked.stat().st_size} bytes, not {self._size}"
            )


def _check_keys(message: Message) -> None:
    if message.keys is not None:
        check_public(message.keys)
    if message.announcement is not None:
        check_public(message.announcement.mask_key)


def _check_announcement(word: Announcement | None, asked: Asked, request: Request) -> None:
    if asked.announce != (word is not None):
        raise MessageRefused(
            "it announces nothing" if asked.announce else "an announcement was not asked for"
        )
    if word is not None and set(word.sealed) != {member for member, _ in request.share}:
        raise MessageRefused("its shares are for other members than the roster's")


def _check_revealed(shares: Revealed | None, asked: Asked, under_way: Sum | None) -> None:
    if asked.reveal != (shares is not None):
        raise MessageRefused("it reveals nothing" if asked.reveal else "shares were not asked for")
    if shares is None or under_way is None:
        return
    dropped = set(under_way.announced) - set(under_way.survivors)
    sound = set(shares.own) <= set(under_way.survivors) and set(shares.pair) <= dropped
    if not sound or not shares.own:
        raise MessageRefused("it reveals shares of other secrets than were asked for")
