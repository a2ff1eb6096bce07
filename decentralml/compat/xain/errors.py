"""What can go wrong for a participant; `ParticipantError` and its heirs have the SDK's names.

RoleError
└── ParticipantError         the participant ends
    ├── TrainingError, DeserializationError, SerializationError   its own code raised
    ├── RendezVousRefused    the coordinator does not take it
    │   └── ChallengeExpired     with this signature; with another one it may
    ├── ResultNotTaken       the aggregator refused its result, by name
    ├── ForeignDelivery      the coordinator made something else of the result
    └── CoordinatorGone      nobody answers any more
"""

from __future__ import annotations

from decentralml.errors import RoleError


class ParticipantError(RoleError):
    """The participant cannot go on."""


class TrainingError(ParticipantError):
    """`train_round` raised; its cause says what."""

    def __init__(self) -> None:
        super().__init__("train_round raised an error; see the cause above, and start again")


class DeserializationError(ParticipantError):
    """`deserialize_training_input` raised; its cause says what."""

    def __init__(self) -> None:
        super().__init__(
            "deserialize_training_input raised an error; in a first round the data may be empty"
        )


class SerializationError(ParticipantError):
    """`serialize_training_result` raised, or returned no bytes."""

    def __init__(self) -> None:
        super().__init__(
            "serialize_training_result raised an error or returned no bytes; return bytes or a "
            "memoryview"
        )


class RendezVousRefused(ParticipantError):
    """The coordinator does not take this participant.

    Attributes:
        reason: its words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the coordinator refuses this participant: {reason}")
        self.reason = reason


class ChallengeExpired(RendezVousRefused):
    """What was signed is not open any more, for example since the coordinator was started again."""


class ResultNotTaken(ParticipantError):
    """The aggregator refused a result.

    Attributes:
        status: of the answer.
        reason: its line, ``Name: sentence``.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"the aggregator refused the result ({status}): {reason}")
        self.status, self.reason = status, reason


class ForeignDelivery(ParticipantError):
    """The delivery that the coordinator names is not what this participant sent.

    Attributes:
        said: the CID that it names.
        own: the CID of what was sent.
    """

    def __init__(self, said: str, own: str) -> None:
        super().__init__(
            f"the coordinator names the delivery {said[:80]!a}, but what was sent is {own}: "
            "nothing was signed; have both sides use the same version of decentralml"
        )
        self.said, self.own = said, own


class CoordinatorGone(ParticipantError):
    """No answer from the coordinator for longer than this participant is patient.

    Attributes:
        url: where it was asked for.
    """

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"nobody answers at {url}: {why}; is the coordinator running?")
        self.url = url
