"""Other members' messages, as the chain and the store have them: never as the creator says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from decentralml.chain.records import Task
from decentralml.learning.secagg.errors import MessageRefused, UnsafeRequest
from decentralml.learning.secagg.session import Announcement, Session
from decentralml.roles.manifest import Manifest, check_delivery
from decentralml.roles.role import Role
from decentralml.roles.secure.message import Message, read_message
from decentralml.roles.secure.request import Roster
from decentralml.roles.secure.settings import SecureSettings
from decentralml.types import AccountId, Round


class Peers:
    """Reads messages of one task.

    A message is trusted to be a member's because the member's account signed the transaction that
    named its CID, and because its manifest names chain, task, round and member.

    Args:
        role: downloads.
        task: the task.
        settings: its terms.
    """

    def __init__(self, role: Role, task: Task, settings: SecureSettings) -> None:
        self._role, self._task, self._settings = role, task, settings

    def message(self, member: AccountId, number: Round) -> Message:
        """What a member sent in an earlier round.

        Raises:
            UnsafeRequest: the chain has no result of that account in that round.
            MessageRefused: it is no message.
            AssetError: it could not be had.
        """
        result = self._role.market.result(self._task.id, number, member)
        if result is None:
            raise UnsafeRequest(f"{member} sent nothing in round {number}")
        workspace = self._role.workspace
        place = workspace.round(self._task.id, number).received(member)
        what = f"message of {member}"
        folder = self._role.fetch(result.result, place, self._task.id, number, what)
        expected = Manifest(
            workspace.genesis, self._task.id, number, member, self._task.terms.bundle, None
        )
        return read_message(check_delivery(folder, expected, base_known=False))

    def session(self, number: int, roster: Roster) -> Session:
        """The session of a roster, with the keys that its members sent.

        Raises: UnsafeRequest: a member sent no key in the round that the roster names, or the
            roster is no roster; and as ``message``.
        """
        found = {str(member): self._key(member, sent) for member, sent in roster}
        genesis = self._role.workspace.genesis
        return self._settings.session(genesis, self._task.id, number, found)

    def announcements(
        self, session: Session, members: Iterable[AccountId], number: Round
    ) -> Mapping[str, Announcement]:
        """What these members announced in the round of that.

        Raises: UnsafeRequest: one of them announced nothing, or for another roster; and as
            ``message``.
        """
        found: dict[str, Announcement] = {}
        for member in members:
            word = self._read(member, number).announcement
            if word is None:
                raise UnsafeRequest(f"{member} announced nothing in round {number}")
            try:
                session.check_announcement(word)
            except MessageRefused as error:
                raise UnsafeRequest(f"{member} announced for another roster") from error
            found[member] = word
        return found

    def _key(self, member: AccountId, number: Round) -> bytes:
        key = self._read(member, number).keys
        if key is None:
            raise UnsafeRequest(f"{member} sent no channel key in round {number}")
        return key

    def _read(self, member: AccountId, number: Round) -> Message:
        try:
            return self.message(member, number)
        except MessageRefused as error:
            raise UnsafeRequest(f"{member} sent no message in round {number}") from error
