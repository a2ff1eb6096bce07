"""A participant's life at a real coordinator, and what ends it."""

from __future__ import annotations

import inspect
import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest
import xain_sdk as theirs

from decentralml.compat import xain as ours
from decentralml.compat.xain.client import Coordinator, without_secrets
from decentralml.compat.xain.errors import (
    CoordinatorGone,
    ForeignDelivery,
    RendezVousRefused,
    ResultNotTaken,
)
from decentralml.compat.xain.participant import Run
from decentralml.errors import PasswordMissing
from tests.decentralml.compat.coordinator.house import House, body_of

ONE_ROUND = {"job": {"rounds": 1, "reward": "2"}}


class Plain(ours.ParticipantABC):
    """Answers what the test says."""

    def __init__(self, body: Any = None) -> None:
        self.body = body_of([1] * 5) if body is None else body
        self.given: list[bytes] = []

    def deserialize_training_input(self, data: bytes) -> bytes:
        self.given.append(data)
        return data

    def train_round(self, training_input: bytes) -> Any:
        return self.body

    def serialize_training_result(self, training_result: Any) -> bytes:
        return training_result  # type: ignore[no-any-return]


def test_the_names_and_their_parameters_are_the_sdks() -> None:
    for name in ("run_participant", "configure_logging"):
        mine, real = (inspect.signature(getattr(sdk, name)) for sdk in (ours, theirs))
        assert list(mine.parameters) == list(real.parameters)
        assert [p.default for p in mine.parameters.values()] == [
            p.default for p in real.parameters.values()
        ]
    mine, real = ours.ParticipantABC, theirs.ParticipantABC
    assert mine.__abstractmethods__ == real.__abstractmethods__
    for name in mine.__abstractmethods__:
        parameters = [list(inspect.signature(getattr(c, name)).parameters) for c in (mine, real)]
        assert parameters[0] == parameters[1]


def test_a_participant_without_one_of_the_three_functions_cannot_be_made() -> None:
    class Half(ours.ParticipantABC):
        def train_round(self, training_input: Any) -> Any:
            return training_input

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


@pytest.mark.parametrize("wrapped", [bytes, bytearray, memoryview])
def test_a_result_may_be_bytes_or_a_view_of_them(house: House, wrapped: type) -> None:
    participant = Plain(wrapped(body_of([1] * 5)))
    with house.coordinator(**ONE_ROUND) as running:
        ours.run_participant(participant, running.url, 0.05)
        assert running.wait(30)

    assert participant.given == [b""]
    assert len(house.results()) == 1


def test_a_refused_result_ends_the_participant_with_the_refusals_words(house: House) -> None:
    with (
        house.coordinator(**ONE_ROUND) as running,
        pytest.raises(ResultNotTaken, match="NotFinite: layer 'weights' has 1 values") as refused,
    ):
        ours.run_participant(Plain(body_of([1, 2, np.nan, 4, 5])), running.url, 0.05)

    assert refused.value.status == 422


def test_no_key_where_one_is_needed_ends_it_with_the_coordinators_words(house: House) -> None:
    with (
        house.coordinator(participants={"keyless": "refuse"}) as running,
        pytest.raises(RendezVousRefused, match="DECENTRALML_KEY"),
    ):
        ours.run_participant(Plain(), running.url)


@pytest.mark.parametrize(
    ("method", "failure"),
    [
        ("deserialize_training_input", ours.DeserializationError),
        ("train_round", ours.TrainingError),
        ("serialize_training_result", ours.SerializationError),
    ],
)
def test_what_the_persons_own_code_raises_is_the_cause(
    house: House, method: str, failure: type[ours.ParticipantError], monkeypatch: Any
) -> None:
    def broken(_: object) -> object:
        raise ZeroDivisionError("mine")

    participant = Plain()
    monkeypatch.setattr(participant, method, broken)
    with house.coordinator(**ONE_ROUND) as running, pytest.raises(failure) as ended:
        ours.run_participant(participant, running.url, 0.05)

    assert isinstance(ended.value.__cause__, ZeroDivisionError)


def test_a_result_that_is_no_bytes_is_the_persons_own_mistake(house: House) -> None:
    with (
        house.coordinator(**ONE_ROUND) as running,
        pytest.raises(ours.SerializationError) as ended,
    ):
        ours.run_participant(Plain([1.0, 2.0]), running.url, 0.05)

    assert isinstance(ended.value.__cause__, TypeError)


def test_nobody_at_the_address() -> None:
    with pytest.raises(CoordinatorGone, match=r"http://127\.0\.0\.1:1"):
        ours.run_participant(Plain(), "http://127.0.0.1:1")


def test_a_key_that_cannot_be_opened_ends_it_before_anything_is_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from decentralml.chain.keys import KeyStore

    KeyStore(house.folder / "keys").create("mine", "secret")
    monkeypatch.setenv("DECENTRALML_NODE", house.chain.url)
    monkeypatch.setenv("DECENTRALML_KEY", "mine")
    monkeypatch.setenv("DECENTRALML_KEYS", str(house.folder / "keys"))
    monkeypatch.setenv("DECENTRALML_WORKSPACE", str(house.folder / "mine"))
    monkeypatch.delenv("DECENTRALML_PASSWORD", raising=False)
    with pytest.raises(PasswordMissing):
        ours.run_participant(Plain(), "http://127.0.0.1:1")


def test_the_key_in_the_environment_signs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECENTRALML_NODE", house.chain.url)
    monkeypatch.setenv("DECENTRALML_KEY", "//Bob")
    monkeypatch.setenv("DECENTRALML_WORKSPACE", str(house.folder / "mine"))
    with house.coordinator(participants={"keyless": "refuse"}, **ONE_ROUND) as running:
        ours.run_participant(Plain(), running.url, 0.05)
        assert running.wait(30)

    from tests.decentralml.compat.coordinator.house import key_of

    assert [r.worker for r in house.results()] == [key_of("Bob").ss58_address]


def test_http_is_logged_in_pairs_of_lines_without_secrets(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    ours.configure_logging(log_http_requests=True)
    with house.coordinator(**ONE_ROUND) as running:
        ours.run_participant(Plain(), running.url, 0.05)

    lines = [r.getMessage() for r in caplog.records if r.name == "xain-sdk.http"]
    assert lines[0] == f">>> GET {running.url}/market (no content type, 0 bytes)"
    assert lines[1].startswith(f"<<< GET {running.url}/market [200] (application/json, ")
    (post,) = [line for line in lines if line.startswith(">>> POST")]
    assert post.endswith(f"(application/octet-stream, {len(body_of([1] * 5))} bytes)")
    assert lines == [without_secrets(line) for line in lines]


def test_http_is_not_logged_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    ours.configure_logging()
    assert not logging.getLogger("xain-sdk.http").isEnabledFor(logging.INFO)
    ours.configure_logging(log_http_requests=True)
    assert logging.getLogger("xain-sdk.http").isEnabledFor(logging.INFO)


def test_an_id_and_a_token_are_cut_and_a_query_is_left_out() -> None:
    id_, token = "1fa2f908-83e2-4f92-80e1-4baee0bf25a5", "2e8700a6-390d-411f-977b-9aa3bebc13e9"

    assert without_secrets(f"http://a/{id_}/{token}") == "http://a/1fa2f908…/2e8700a6…"
    assert without_secrets("http://a/rendez_vous?signature=0xab") == "http://a/rendez_vous"


class Liar(BaseHTTPRequestHandler):
    """A coordinator that is none, or means ill."""

    said: tuple[int, bytes] = (200, b"")

    def do_GET(self) -> None:
        status, body = self.said
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Not to the terminal."""


@contextmanager
def liar(status: int, body: bytes) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), type("Said", (Liar,), {"said": (status, body)}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"not found"),
        (200, b"hello"),
        (200, b"[" * 5000),
        (200, b'{"task": "x"}'),
        (200, b'{"task": 0, "genesis": "0x", "challenge": "c", "shape": "wide", "dtype": "f"}'),
        (200, b"x" * (1 << 17)),
        (302, b""),
    ],
)
def test_a_server_that_is_no_coordinator_is_told_apart(status: int, body: bytes) -> None:
    with liar(status, body) as url, pytest.raises(ours.ParticipantError):
        Coordinator(url).market()


def test_a_challenge_that_is_forgotten_meanwhile_is_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from decentralml.compat.coordinator.admission import Challenges

    is_open, forgotten = Challenges.is_open, []

    def forget_the_first(self: Challenges, challenge: str) -> bool:
        forgotten.append(challenge)
        return len(forgotten) > 1 and is_open(self, challenge)

    monkeypatch.setattr(Challenges, "is_open", forget_the_first)  # as by a restart
    with (
        house.coordinator(participants={"keyless": "refuse"}, **ONE_ROUND) as running,
        house.own("Bob") as own,
    ):
        Run(Plain(), running.url, 0.05, own).run()
        assert running.wait(30)

    assert len(set(forgotten)) == 2
    assert len(house.results()) == 1


def test_nothing_is_signed_for_a_delivery_that_is_not_ones_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from decentralml.compat.coordinator.desk import Desk
    from decentralml.types import Cid

    forged = Cid("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
    monkeypatch.setattr(Desk, "deliver", lambda *_: forged)  # the coordinator lies
    with (
        house.coordinator(participants={"keyless": "refuse"}, **ONE_ROUND) as running,
        house.own("Bob") as own,
        pytest.raises(ForeignDelivery, match=forged),
    ):
        Run(Plain(), running.url, 0.05, own).run()

    assert house.results() == []


def test_a_task_on_another_chain_is_not_signed_for(house: House, tmp_path: Any) -> None:
    from pallets_mock.genesis import from_preset
    from pallets_mock.runtime import compressed_blob
    from pallets_mock.testing import DevChain

    with DevChain(genesis=from_preset(compressed_blob(), "local")) as elsewhere:
        other = House(elsewhere, tmp_path / "elsewhere")
        with (
            house.coordinator() as running,
            other.own("Bob") as own,
            pytest.raises(RendezVousRefused, match="DECENTRALML_NODE"),
        ):
            Run(Plain(), running.url, 0.05, own).run()


def test_a_participant_that_was_away_too_long_meets_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, rounds = threading.Event(), []
    beat = Coordinator.heartbeat

    def heartbeat(self: Coordinator, place: Any) -> Any:
        return ("stand_by", None) if asleep.is_set() else beat(self, place)

    class Sleeper(Plain):
        def train_round(self, training_input: bytes) -> Any:
            rounds.append(training_input)
            if len(rounds) == 1:  # as a machine that is shut, for longer than is waited
                asleep.set()
                threading.Event().wait(3)
                asleep.clear()
            return self.body

    monkeypatch.setattr(Coordinator, "heartbeat", heartbeat)
    with house.coordinator(timeouts={"heartbeat": 1.5}, **ONE_ROUND) as running:
        ours.run_participant(Sleeper(), running.url, 0.1)
        assert running.wait(30)

    assert len(rounds) == 2
    assert len(house.results()) == 1


def test_the_global_weights_come_as_numpy_saved_them(house: House) -> None:
    initial = house.folder / "first.npy"
    np.save(initial, np.arange(5, dtype=np.float32))
    participant = Plain()
    with house.coordinator(model={"initial": str(initial)}, **ONE_ROUND) as running:
        ours.run_participant(participant, running.url, 0.05)

    assert np.load(io.BytesIO(participant.given[0])).tolist() == [0, 1, 2, 3, 4]
