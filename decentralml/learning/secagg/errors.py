"""What can be wrong in secure aggregation.

LearningError
├── ResultRefused
│   └── MessageRefused   one member's message; the session may go on without that member
├── UnsafeRequest        what is asked for would reveal more than a sum of enough members
├── TooFewMembers        not enough are left to unmask the sum
├── OutOfRange           an update that the session's numbers cannot hold
└── SecretNotRecovered   the shares of one member's secret do not give what it announced
"""

from __future__ import annotations

from decentralml.errors import LearningError
from decentralml.learning.errors import ResultRefused


class MessageRefused(ResultRefused):
    """A member's message is malformed, or not for this session."""


class UnsafeRequest(LearningError):
    """The collector asks for something that no honest member gives; nothing was revealed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the secure round's request is unsafe: {why}; nothing was sent for it")
        self.why = why


class TooFewMembers(LearningError):
    """Fewer members than the threshold are left, so the session ends without a sum."""

    def __init__(self, what: str, found: int, needed: int) -> None:
        super().__init__(f"{what}: {found} members, {needed} are needed; begin a new session")
        self.what, self.found, self.needed = what, found, needed


class OutOfRange(LearningError):
    """An update's number or count is outside what the session's encoding can hold."""

    def __init__(self, what: str, value: float, limit: float) -> None:
        super().__init__(
            f"{what} is {value:g}, the secure job's limit is {limit:g}; train with a smaller "
            "learning rate or clip the update, or ask the creator for a higher limit"
        )
        self.what, self.value, self.limit = what, value, limit


class SecretNotRecovered(LearningError):
    """No threshold of the shares gives the secret that a member announced.

    Attributes:
        member: whose secret; leave it out of the next session.
    """

    def __init__(self, member: str) -> None:
        super().__init__(
            f"the shares of {member}'s secret do not give what it announced; "
            "begin a new session without that member"
        )
        self.member = member
