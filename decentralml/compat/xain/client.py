"""The HTTP that XAIN 0.8 speaks, from the participant's side; each exchange is a pair of lines."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from decentralml.compat.xain.errors import (
    ChallengeExpired,
    CoordinatorGone,
    ParticipantError,
    RendezVousRefused,
)
from decentralml.compat.xain.identity import Own
from decentralml.learning.layers import LayerSpec
from decentralml.types import TaskId

LOG: Final = logging.getLogger("xain-sdk.http")
CONNECT_SECONDS: Final = 10
ANSWER_SECONDS: Final = 30
CHAIN_SECONDS: Final = 600
"""For answers that wait for the chain: a rendez-vous, an upload."""
ASK_AGAIN: Final = 0.5  # seconds
NOT_NOW: Final = 503
LONGEST_WORDS: Final = 1 << 16
_IDENTITY: Final = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def without_secrets(url: str) -> str:
    """The address for a log: whoever knows an id or a token whole could act as its participant."""
    return _IDENTITY.sub(r"\1…", url.partition("?")[0])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Attributes:
        status: HTTP's.
        body: its bytes.
    """

    status: int
    body: bytes

    @property
    def line(self) -> str:
        """The body as one printable line."""
        text = self.body[:500].decode(errors="replace")
        return "".join(c if c.isprintable() else " " for c in text).strip()

    def fields(self) -> dict[str, Any]:
        """The body as a JSON object; what it holds was written by a stranger.

        Raises: ParticipantError: it is none.
        """
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ParticipantError(f"the coordinator answered no JSON object: {self.line}")
        return found


class Server:
    """One address; not to be shared by threads.

    Attributes:
        patience: seconds to go on asking while nobody answers: a coordinator may be restarting,
            and everything asked of it may be asked twice.
    """

    def __init__(self, url: str, *, patience: float = 0) -> None:
        self.url, self.patience = url.rstrip("/"), patience
        self._session = requests.Session()

    def get(self, path: str, *, most: int = LONGEST_WORDS) -> Answer:
        """Raises: CoordinatorGone: no answer. ParticipantError: an answer beyond ``most`` bytes."""
        return self._exchange("GET", path, most)

    def get_once(self, path: str, query: Mapping[str, str]) -> Answer:
        """As `get`, without asking again. Raises: as `get`."""
        return self._once("GET", path, LONGEST_WORDS, params=query)

    def post(self, path: str, data: bytes) -> Answer:
        """Raises: as `get`."""
        headers = {"Content-Type": "application/octet-stream"}
        return self._exchange("POST", path, LONGEST_WORDS, data=data, headers=headers)

    def close(self) -> None:
        """End the connection."""
        self._session.close()

    def _exchange(self, method: str, path: str, most: int, **how: Any) -> Answer:
        end = time.monotonic() + self.patience
        while True:
            try:
                return self._once(method, path, most, **how)
            except CoordinatorGone:
                if time.monotonic() >= end:
                    raise
                time.sleep(ASK_AGAIN)

    def _once(self, method: str, path: str, most: int, **how: Any) -> Answer:
        slow = method == "POST" or "rendez_vous" in path
        patience = (CONNECT_SECONDS, CHAIN_SECONDS if slow else ANSWER_SECONDS)
        request = requests.Request(method, f"{self.url}/{path}", **how)
        prepared = self._session.prepare_request(request)
        shown = f"{method} {without_secrets(str(prepared.url))}"
        LOG.info(">>> %s %s", shown, _described(prepared.headers))
        try:
            settings = self._session.merge_environment_settings(self.url, {}, True, None, None)
            with self._session.send(
                prepared, timeout=patience, allow_redirects=False, **settings
            ) as found:
                body = _read(found, most)
        except requests.RequestException as error:
            raise CoordinatorGone(self.url, type(error).__name__) from error
        level = logging.INFO if found.status_code < 300 else logging.WARNING
        LOG.log(level, "<<< %s [%d] %s", shown, found.status_code, _described(found.headers))
        answer = Answer(found.status_code, body)
        if answer.status == NOT_NOW:
            raise CoordinatorGone(self.url, answer.line)
        return answer


def _read(found: requests.Response, most: int) -> bytes:
    parts, size = [], 0
    for part in found.iter_content(1 << 20):
        size += len(part)
        if size > most:
            raise ParticipantError(f"{found.url.partition('?')[0]} sends more than {most} bytes")
        parts.append(part)
    return b"".join(parts)


def _described(headers: Any) -> str:
    kind = str(headers.get("Content-Type") or "no content type")
    length = str(headers.get("Content-Length") or "0")
    return "".join(c for c in f"({kind}, {length} bytes)" if c.isprintable())[:120]


@dataclass(frozen=True, slots=True)
class Market:
    """What a coordinator says of the task behind it.

    Attributes:
        task: its number.
        genesis: of the chain on which it is.
        challenge: what a participant with a key signs to prove itself.
        spec: shape and type of the model's weights.
    """

    task: TaskId
    genesis: str
    challenge: str
    spec: LayerSpec


@dataclass(frozen=True, slots=True)
class Place:
    """A participant's place.

    Attributes:
        id: by which the coordinator knows it; whoever has it acts as the participant.
        account: that earns.
        kept: whether the coordinator keeps the account's key.
    """

    id: str
    account: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Training:
    """Leave to train: where, and by which token."""

    url: str
    token: str


class Coordinator:
    """A coordinator as a participant calls it; not to be shared by threads."""

    def __init__(self, url: str, *, patience: float = 0) -> None:
        self.server = Server(url, patience=patience)

    def market(self) -> Market:
        """The task behind it. Raises: ParticipantError: this is no coordinator of a market."""
        answer = self.server.get("market")
        if answer.status != 200:
            raise ParticipantError(
                f"{self.server.url} tells of no task ({answer.status}); "
                "name the URL of a `decentralml coordinator`"
            )
        said = answer.fields()
        try:
            spec = LayerSpec(tuple(int(n) for n in said["shape"]), str(said["dtype"]))
            task = TaskId(int(said["task"]))
            return Market(task, str(said["genesis"]), str(said["challenge"]), spec)
        except (KeyError, TypeError, ValueError) as error:
            raise ParticipantError(f"{self.server.url} tells of its task unclearly") from error

    def rendez_vous(self, own: Own | None, market: Market) -> Place:
        """Ask for a place, once: the challenge is used up by it.

        Raises: RendezVousRefused: with the coordinator's words. CoordinatorGone: no answer.
        """
        proof = {}
        if own is not None:
            proof = {
                "account": own.hand.account,
                "challenge": market.challenge,
                "signature": own.prove(market.task, market.challenge),
            }
        answer = self.server.get_once("rendez_vous", proof)
        if answer.status != 200:
            raise RendezVousRefused(answer.line)
        said = answer.fields()
        if said.get("ok") is not True:
            refused = ChallengeExpired if said.get("again") is True else RendezVousRefused
            raise refused(str(said.get("reason", "it did not say why"))[:400])
        return Place(str(said["id"]), str(said.get("account")), said.get("key") == "kept")

    def heartbeat(self, place: Place) -> tuple[str, int | None]:
        """The state that the coordinator wants this participant in, and for which round."""
        said = self.server.get(f"heartbeat/{place.id}").fields()
        number = said.get("round")
        return str(said.get("state")), number if isinstance(number, int) else None

    def start_training(self, place: Place) -> Training | None:
        """Leave to train; None when the selection is over."""
        said = self.server.get(f"start_training/{place.id}").fields()
        if said.get("ok") is not True:
            return None
        return Training(str(said["url"]), str(said["token"]))

    def close(self) -> None:
        """End the connection."""
        self.server.close()
