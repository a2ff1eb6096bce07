"""What follows from a round's messages, by the round's phase."""

from __future__ import annotations

import pytest

from decentralml.learning.errors import TooFewUpdates
from decentralml.roles.secure.closing import Closing, OpenRound, Senders, close
from decentralml.roles.secure.request import Request, Sum
from decentralml.roles.secure.settings import SecureSettings, phase_of
from decentralml.types import AccountId, Round

A, B, C, D, E = (AccountId(name) for name in "ABCDE")
FIRST, SECOND, THIRD, FOURTH = (Round(number) for number in range(1, 5))
FOUR = ((A, FIRST), (B, FIRST), (C, FIRST), (D, FIRST))
SETTINGS = SecureSettings(threshold=0.6, min_members=3)
ROUNDS = 6  # two trainings


def closed(number: Round, senders: Senders, over: bool = False, **request: object) -> Closing:
    asked = Request(**request)  # type: ignore[arg-type]
    return close(OpenRound(number, phase_of(number, ROUNDS), asked, SETTINGS, over), senders)


def test_keys_become_the_first_roster() -> None:
    assert closed(FIRST, Senders(keys=[D, B, A, C])).next == Request(share=FOUR)


@pytest.mark.parametrize("over", [False, True])
def test_too_few_keys_are_waited_for_however_long(over: bool) -> None:
    with pytest.raises(TooFewUpdates) as few:
        closed(FIRST, Senders(keys=[A, B]), over)
    assert (few.value.found, few.value.needed) == (2, 3)


def test_announcements_become_the_sum_to_be_made() -> None:
    closing = closed(SECOND, Senders(announced=[A, C, D], keys=[E]), share=FOUR)
    assert closing == Closing(Request(sum=Sum(FOUR, (A, C, D))))


def test_too_few_announcements_are_waited_for_and_then_lost() -> None:
    senders = Senders(announced=[A, B], keys=[E])
    with pytest.raises(TooFewUpdates) as few:
        closed(SECOND, senders, share=FOUR)
    assert few.value.needed == 4  # one more than the three messages that are there
    assert closed(SECOND, senders, over=True, share=FOUR) == Closing(
        Request(), lost="2 of the 3 members needed announced"
    )


def test_masked_updates_become_survivors_and_everybody_present_the_next_roster() -> None:
    under_way = Sum(FOUR, (A, B, C, D))
    closing = closed(THIRD, Senders(masked=[A, B, D], keys=[E]), sum=under_way)
    assert closing.next == Request(
        share=((A, FIRST), (B, FIRST), (D, FIRST), (E, THIRD)),
        sum=Sum(FOUR, (A, B, C, D), (A, B, D)),
    )


def test_too_few_masked_updates_are_waited_for_and_then_lost() -> None:
    under_way = Sum(FOUR, (A, B, C, D))
    senders = Senders(masked=[A, B], keys=[E])
    with pytest.raises(TooFewUpdates):
        closed(THIRD, senders, sum=under_way)
    closing = closed(THIRD, senders, over=True, sum=under_way)
    assert closing.next == Request(share=((A, FIRST), (B, FIRST), (E, THIRD)))
    assert closing.lost == "2 of the 3 masked updates needed came"


def test_shares_unmask_one_sum_while_the_next_one_is_announced() -> None:
    under_way = Sum(FOUR, (A, B, C, D), (A, B, C))
    senders = Senders(revealed=[A, B, D], announced=[A, B, C])
    closing = closed(FOURTH, senders, share=FOUR, sum=under_way)
    assert closing == Closing(Request(sum=Sum(FOUR, (A, B, C))), unmask=True)


def test_too_few_shares_are_waited_for_and_then_the_next_sum_goes_on() -> None:
    under_way = Sum(FOUR, (A, B, C, D), (A, B, C))
    senders = Senders(revealed=[A, B], announced=[A, B, C])
    with pytest.raises(TooFewUpdates):
        closed(FOURTH, senders, share=FOUR, sum=under_way)
    closing = closed(FOURTH, senders, over=True, share=FOUR, sum=under_way)
    assert closing == Closing(Request(sum=Sum(FOUR, (A, B, C))), unmask=False)


def test_the_last_round_unmasks_and_asks_for_nothing() -> None:
    under_way = Sum(FOUR, (A, B, C, D), (A, B, C))
    closing = closed(Round(6), Senders(revealed=[A, B, C]), sum=under_way)
    assert closing == Closing(Request(), unmask=True)


def test_who_spoilt_a_session_is_in_no_further_one() -> None:
    assert closed(FIRST, Senders(keys=[A, B, C, D], banned=[B])).next.share == (
        (A, FIRST),
        (C, FIRST),
        (D, FIRST),
    )
    closing = closed(SECOND, Senders(announced=[A, B, C, D], banned=[B]), share=FOUR)
    assert closing.next.sum == Sum(FOUR, (A, C, D))


def test_after_a_lost_session_everybody_sends_a_key_and_a_new_one_begins() -> None:
    assert closed(THIRD, Senders(keys=[A, B, C])).next.share == (
        (A, THIRD),
        (B, THIRD),
        (C, THIRD),
    )
