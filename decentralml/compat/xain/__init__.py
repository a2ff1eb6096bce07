"""The names of the XAIN SDK 0.8: a participant written for it runs here with one changed line.

from decentralml.compat import xain as xain_sdk
"""

from __future__ import annotations

import logging

from decentralml.compat.xain.errors import (
    DeserializationError,
    ParticipantError,
    SerializationError,
    TrainingError,
)
from decentralml.compat.xain.participant import ParticipantABC

__all__ = [
    "DeserializationError",
    "ParticipantABC",
    "ParticipantError",
    "SerializationError",
    "TrainingError",
    "configure_logging",
    "run_participant",
]


def configure_logging(log_http_requests: bool = False) -> None:
    """Set how much is logged.

    Args:
        log_http_requests: log a line for each request and one for each answer: method, URL,
            status, content type and length. Ids and tokens are cut: a log is no place for them.
    """
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    logging.getLogger("xain-sdk.http").setLevel(
        logging.INFO if log_http_requests else logging.WARNING
    )
    if log_http_requests:
        logging.basicConfig(level=logging.INFO)  # does nothing where the program set logging up


def run_participant(
    participant: ParticipantABC, coordinator_url: str, heartbeat_period: float = 1
) -> None:
    """Take part in the job behind a coordinator until it is finished.

    With a key (DECENTRALML_KEY, or the settings file) the participant accepts the task and signs
    its results itself; without one the coordinator keeps a key for it, or refuses it.

    Args:
        participant: the person's code.
        coordinator_url: for example ``http://localhost:8081``.
        heartbeat_period: seconds between two heartbeats.

    Raises:
        ParticipantError: its heirs say what ended it.
        ConfigError, KeyFileError, ChainError: a key is named, and cannot be used.
    """
    from decentralml.compat.xain.identity import own_key
    from decentralml.compat.xain.participant import Run

    with own_key() as own:
        Run(participant, coordinator_url, heartbeat_period, own).run()
