"""Results that are refused by name, over the wire, and what the job does then."""

from __future__ import annotations

import contextlib
import logging
import pickle
import socket
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests

from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import ResultStatus
from tests.decentralml.compat.coordinator.house import TOKEN, House, Raw, body_of, key_of, until

ONE_ROUND = {"job": {"rounds": 1, "reward": "2"}}
BAD = {
    "BadExampleCount": body_of([1] * 5, samples=0),
    "BadExampleCount: the count of samples is 4294967295": body_of([1] * 5, samples=2**32 - 1),
    "MalformedModel: the body has 2 bytes": b"\x00\x01",
    "MalformedModel: the body ends in 12 bytes": body_of([1] * 5)[:-8],
    "PickleRefused": b"\x00\x00\x00\x05" + pickle.dumps([1.0] * 5),
    "NotFinite": body_of([1, 2, np.nan, 4, 5]),
    "ShapeMismatch": body_of([1] * 4),
    "DtypeMismatch": body_of([1] * 5, dtype="int64"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_result_is_refused_by_name_and_another_one_asked_for(house: House, name: str) -> None:
    with house.coordinator(participants={"fraction": 0.5, "least": 2}, **ONE_ROUND) as running:
        people = [Raw(running.url), Raw(running.url)]
        for person in people:
            person.meet()
        bad = until(lambda: next((p for p in people if p.beat() == "round"), None))
        good = people[1 - people.index(bad)]
        bad.start()

        answer = bad.upload(BAD[name])

        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text.startswith(name)
        assert len(answer.text.splitlines()) == 1
        assert bad.beat() == "stand_by"
        good.beat_until("round")
        good.start()
        assert good.upload(body_of([3] * 5)).status_code == 200
        for person in people:
            person.beat_until("finish")
        assert running.wait(30)
    (paid,) = house.results()
    assert paid.status is ResultStatus.ACCEPTED


def test_a_body_of_absurd_length_is_refused_before_it_is_heard(house: House) -> None:
    with house.coordinator(**ONE_ROUND) as running:
        person = Raw(running.url)
        person.meet()
        person.beat_until("round")
        person.start()

        said = person.upload(body_of(np.zeros(10_000)))
        assert (said.status_code, said.text[:8]) == (413, "TooLarge")


def test_a_length_that_is_only_claimed_costs_nothing(house: House) -> None:
    with house.coordinator(**ONE_ROUND) as running:
        person = Raw(running.url)
        person.meet()
        person.beat_until("round")
        person.start()

        request = requests.Request("POST", person.aggregator, data=b"\0").prepare()
        request.headers["Content-Length"] = str(10**15)
        with requests.Session() as session:
            assert session.send(request, timeout=30).status_code == 413


def test_the_same_numbers_as_anothers_are_refused(house: House) -> None:
    with house.coordinator(participants={"least": 2}, **ONE_ROUND) as running:
        people = [Raw(running.url), Raw(running.url)]
        for person in people:
            person.meet()
        for person in people:
            person.beat_until("round")
            person.start()

        assert people[0].upload(body_of([1] * 5)).status_code == 200
        answer = people[1].upload(body_of([1] * 5, samples=99))

        assert (answer.status_code, answer.text[:13]) == (422, "CopiedWeights")


def test_who_was_not_selected_gets_and_gives_nothing(house: House) -> None:
    with house.coordinator(participants={"least": 2}, **ONE_ROUND) as running:
        person = Raw(running.url)
        assert person.meet()["ok"]
        assert person.beat() == "stand_by"

        assert person.start() == {"url": None, "token": None, "ok": False}


def test_a_token_is_needed_and_only_its_own_participants(house: House) -> None:
    with house.coordinator(participants={"least": 2}, **ONE_ROUND) as running:
        one, other = Raw(running.url), Raw(running.url)
        for person in (one, other):
            person.meet()
        for person in (one, other):
            person.beat_until("round")
            person.start()
        stolen = other.aggregator.replace(other.id, one.id)

        for url in (stolen, other.aggregator[:-1], f"{other.aggregator}/more"):
            assert requests.post(url, data=body_of([1] * 5), timeout=30).status_code == 404
            assert requests.get(url, timeout=30).status_code == 404


def test_a_stranger_is_told_to_meet_first(house: House) -> None:
    with house.coordinator() as running:
        person = Raw(running.url)
        for id_ in ("None", "0" * 36, "%00", "a" * 5000):
            person.id = id_
            assert person.beat() == "reject"


def test_the_same_result_sent_twice_is_taken_once(house: House) -> None:
    with house.coordinator(participants={"least": 2}, **ONE_ROUND) as running:
        people = [Raw(running.url), Raw(running.url)]
        for person in people:
            person.meet()
        for person in people:
            person.beat_until("round")
            person.start()

        first = people[0].upload(body_of([1] * 5))
        again = people[0].upload(body_of([1] * 5))
        other = people[0].upload(body_of([2] * 5))

        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == again.json()
        assert (other.status_code, other.text[:10]) == (409, "LateResult")
        assert len(house.results()) == 1


def test_requests_and_answers_are_logged_without_secrets(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.INFO, "decentralml.coordinator.http"),
        house.coordinator(**ONE_ROUND) as running,
    ):
        person = Raw(running.url)
        person.meet()
        person.beat_until("round")
        token = person.start()["token"]
        person.download()
        person.upload(body_of([1] * 5)[:-1])

    lines = [r.getMessage() for r in caplog.records if r.name.endswith("coordinator.http")]
    short, aggregator = person.id[:8], person.aggregator.rsplit("/", 2)[0]
    assert f">>> GET {running.url}/rendez_vous (no content type, 0 bytes)" in lines
    assert any(
        line.startswith(f"<<< GET {running.url}/heartbeat/{short}… [200] (application/json, ")
        for line in lines
    )
    shown = f"{aggregator}/{short}…/{token[:8]}…"
    assert f"<<< GET {shown} [200] (application/octet-stream, 0 bytes)" in lines
    assert f">>> POST {shown} (no content type, 151 bytes)" in lines
    assert any(line.startswith(f"<<< POST {shown} [422] (text/plain") for line in lines)
    assert not any(person.id in line or token in line for line in lines)


def test_a_body_that_never_ends_does_not_hold_the_place(house: House) -> None:
    with house.coordinator(timeouts={"training": 0.5}, **ONE_ROUND) as running:
        person = Raw(running.url)
        person.meet()
        person.beat_until("round")
        person.start()
        where = urlsplit(person.aggregator)
        with socket.create_connection((str(where.hostname), int(where.port or 0)), 30) as slow:
            slow.sendall(
                f"POST {where.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 150\r\n\r\n".encode()
            )
            said = slow.recv(65536).decode()

        assert said.startswith("HTTP/1.1 408")


def test_many_bodies_at_once_of_one_participant_are_too_many(house: House) -> None:
    with house.coordinator(**ONE_ROUND) as running, contextlib.ExitStack() as stack:
        person = Raw(running.url)
        person.meet()
        person.beat_until("round")
        person.start()
        where = urlsplit(person.aggregator)
        address = (str(where.hostname), int(where.port or 0))
        head = f"POST {where.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 150\r\n".encode()
        for _ in range(3):
            slow = stack.enter_context(socket.create_connection(address, 30))
            # Answered as soon as the body is waited for.
            slow.sendall(head + b"Expect: 100-continue\r\n\r\n")
            assert slow.recv(1000).startswith(b"HTTP/1.1 100")

        assert person.upload(body_of([1] * 5)).status_code == 503


def test_a_job_that_its_creator_withdraws_ends(house: House) -> None:
    with house.coordinator() as running:
        person = Raw(running.url)
        person.meet()
        person.beat_until("round")
        person.start()
        with Node(house.chain.url) as node:
            Market(node, key_of("Alice")).withdraw_task(house.task().id)

        assert person.upload(body_of([1] * 5)).status_code == 200
        person.beat_until("finish")
        assert running.wait(30)
    assert house.task().owed == 2 * TOKEN  # for the result that nobody validated any more
