"""Who gets a place, who waits, who is replaced, and to whom the pay goes."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from decentralml.chain.records import ResultStatus
from decentralml.compat.xain.client import Coordinator as Client
from decentralml.compat.xain.errors import RendezVousRefused
from decentralml.compat.xain.identity import Own
from decentralml.types import Cid, Round
from tests.decentralml.compat.coordinator.house import TOKEN, House, Raw, body_of, until

ONE_ROUND = {"job": {"rounds": 1, "reward": "2"}}
KEYED = {"keyless": "refuse"}


def meet(url: str, own: Own, accept: bool = True) -> Raw:
    """A participant with a key, as far as its rendez-vous."""
    client = Client(url)
    market = client.market()
    if accept:
        own.hand.accept(market.task)
    person = Raw(url)
    person.id = client.rendez_vous(own, market).id
    client.close()
    return person


def place_for_somebody(url: str) -> dict[str, Any] | None:
    """What somebody without a key is told, once there is a place."""
    said = Raw(url).meet()
    return said if said["ok"] else None


def states_with_one_selected(people: list[Raw]) -> list[str] | None:
    """What each is told, once somebody is to train."""
    states = [person.beat() for person in people]
    return states if "round" in states else None


def test_one_without_a_key_is_refused_where_the_configuration_says_so(house: House) -> None:
    with house.coordinator(participants=KEYED) as running:
        said = Raw(running.url).meet()

    assert (said["ok"], said["id"]) == (False, None)
    assert "takes nobody without a key" in said["reason"]
    assert "DECENTRALML_KEY" in said["reason"]


def test_one_without_a_key_is_told_that_a_key_is_kept_for_it(house: House) -> None:
    with house.coordinator() as running:
        said = Raw(running.url).meet()

    assert (said["ok"], said["key"]) == (True, "kept")
    assert house.free(said["account"]) > 0.9 * TOKEN  # its allowance, less what it paid


def test_a_name_that_is_not_proved_gives_no_place(house: House) -> None:
    with house.coordinator() as running, house.own("Bob") as own, house.own("Charlie") as thief:
        own.hand.accept(house.task().id)
        market = Client(running.url).market()
        stolen = {
            "account": own.hand.account,
            "challenge": market.challenge,
            "signature": thief.prove(market.task, market.challenge),
        }
        assert "signature" in Raw(running.url).meet(**stolen)["reason"]
        for signature in ("", "0x", "0xzz", "0x" + "00" * 64, "0x" + "00" * 63):
            again = Client(running.url).market().challenge
            said = Raw(running.url).meet(
                account=own.hand.account, challenge=again, signature=signature
            )
            assert not said["ok"]


def test_a_proof_is_good_once(house: House) -> None:
    with house.coordinator() as running, house.own("Bob") as own:
        own.hand.accept(house.task().id)
        client = Client(running.url)
        market = client.market()
        assert client.rendez_vous(own, market).account == own.hand.account

        with pytest.raises(RendezVousRefused, match="challenge"):
            client.rendez_vous(own, market)


def test_one_that_has_not_accepted_the_task_has_no_place(house: House) -> None:
    with (
        house.coordinator() as running,
        house.own("Bob") as own,
        pytest.raises(RendezVousRefused, match="accept it first"),
    ):
        meet(running.url, own, accept=False)


def test_one_with_a_key_that_comes_again_has_its_own_place_again(house: House) -> None:
    with house.coordinator(participants={"least": 2}) as running, house.own("Bob") as own:
        assert meet(running.url, own).id == meet(running.url, own).id


def test_no_more_places_than_there_are(house: House) -> None:
    with house.coordinator(participants={"most": 1}) as running:
        assert Raw(running.url).meet()["ok"]
        said = Raw(running.url).meet()

    assert not said["ok"]
    assert "all 1 places are taken" in said["reason"]


def test_the_place_of_one_that_died_goes_to_the_next_with_its_unused_key(house: House) -> None:
    with house.coordinator(participants={"most": 1}, timeouts={"heartbeat": 2}) as running:
        first = Raw(running.url).meet()
        again = until(lambda: place_for_somebody(running.url))

    assert again["account"] == first["account"]


def test_a_kept_key_that_earned_is_given_to_nobody_else(house: House) -> None:
    one_place = {"most": 1, "fraction": 1.0}
    with house.coordinator(participants=one_place, timeouts={"heartbeat": 2}) as running:
        first = Raw(running.url)
        account = first.meet()["account"]
        first.beat_until("round")
        first.start()
        assert first.upload(body_of([1] * 5)).status_code == 200
        second = until(lambda: place_for_somebody(running.url))

    assert second["account"] != account


def test_those_who_are_not_selected_wait_and_one_that_dies_is_replaced(house: House) -> None:
    asked = {"fraction": 0.3, "least": 3}
    with house.coordinator(participants=asked, timeouts={"heartbeat": 4}, **ONE_ROUND) as running:
        people = [Raw(running.url) for _ in range(3)]
        for person in people:
            assert person.meet()["ok"]
        states = until(lambda: states_with_one_selected(people))
        assert sorted(states) == ["round", "stand_by", "stand_by"]
        dead = people.pop(states.index("round"))
        dead.start()

        states = until(lambda: states_with_one_selected(people))  # the dead one sends none
        heir = people[states.index("round")]
        heir.start()

        assert dead.beat() == "reject"
        assert dead.upload(body_of([9] * 5)).status_code == 404
        assert heir.upload(body_of([1] * 5)).status_code == 200
        for person in people:
            person.beat_until("finish")
        assert running.wait(30)
    assert len(house.results()) == 1


def test_one_that_never_signs_is_replaced(house: House) -> None:
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(
            house.coordinator(
                participants={"fraction": 0.5, "least": 2, **KEYED},
                timeouts={"signing": 0.5},
                **ONE_ROUND,
            )
        )
        owns = [stack.enter_context(house.own(name)) for name in ("Bob", "Charlie")]
        people = [meet(running.url, own) for own in owns]
        states = until(lambda: states_with_one_selected(people))
        lazy = states.index("round")
        people[lazy].start()
        assert people[lazy].upload(body_of([1] * 5)).status_code == 200

        diligent = people[1 - lazy]
        diligent.beat_until("round")
        diligent.start()
        said = diligent.upload(body_of([2] * 5)).json()
        owns[1 - lazy].hand.send(said["task"], Round(said["round"]), Cid(said["delivery"]))

        for person in people:
            person.beat_until("finish")
        assert running.wait(30)
        (result,) = house.results()
        assert result.worker == owns[1 - lazy].hand.account


def test_one_that_signs_for_something_else_is_not_paid(house: House) -> None:
    other = Cid("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(
            house.coordinator(participants={"least": 2, **KEYED}, **ONE_ROUND)
        )
        honest, forger = (stack.enter_context(house.own(name)) for name in ("Bob", "Charlie"))
        people = [meet(running.url, own) for own in (honest, forger)]
        for step, person in enumerate(people):
            person.beat_until("round")
            person.start()
            said = person.upload(body_of([step] * 5)).json()
            own = honest if step == 0 else forger
            cid = Cid(said["delivery"]) if own is honest else other
            own.hand.send(said["task"], Round(said["round"]), cid)

        # The round wants two and has one: whoever comes takes the forger's part.
        third = stack.enter_context(house.own("Dave"))
        person = meet(running.url, third)
        person.beat_until("round")
        person.start()
        said = person.upload(body_of([7] * 5)).json()
        third.hand.send(said["task"], Round(said["round"]), Cid(said["delivery"]))
        person.beat_until("finish")
        people[0].beat_until("finish")

        statuses = {result.worker: result.status for result in house.results()}
        assert statuses[honest.hand.account] is ResultStatus.ACCEPTED
        assert statuses[third.hand.account] is ResultStatus.ACCEPTED
        assert statuses[forger.hand.account] is ResultStatus.REJECTED


def test_a_kept_key_that_has_spent_half_is_given_more(house: House) -> None:
    asked = {"allowance": "0.03"}  # an assignment's deposit and two results' take more than half
    with house.coordinator(participants=asked, job={"rounds": 3, "reward": "0.000001"}) as running:
        person = Raw(running.url)
        account = person.meet()["account"]
        for step in range(3):
            person.beat_until("round")
            person.start()
            assert person.upload(body_of([step] * 5)).status_code == 200
        person.beat_until("finish")
        assert running.wait(30)

    assert len(house.results()) == 3
    with house.market() as market:
        balance = market.balance(account)
    assert balance.free + balance.held > 0.03 * TOKEN


def test_whoever_comes_when_the_job_is_finished_is_told_so(house: House) -> None:
    with house.coordinator(**ONE_ROUND) as running:
        person = Raw(running.url)
        person.meet()
        person.beat_until("round")
        person.start()
        assert person.upload(body_of([1] * 5)).status_code == 200

        # The coordinator waits for the one that has not heard of the end yet.
        said = until(lambda: told_that_it_is_finished(running.url))
        assert (said["ok"], said["id"]) == (False, None)
        person.beat_until("finish")
        assert running.wait(30)


def told_that_it_is_finished(url: str) -> dict[str, Any] | None:
    """What somebody who comes late is told."""
    said = Raw(url).meet()
    return said if said.get("reason") == "the job is finished" else None
