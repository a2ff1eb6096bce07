"""An upgrade by the council: what each member can do next, and the whole way on a real chain."""

from __future__ import annotations

import pytest

from decentralml.chain.council import Motion, two_thirds
from decentralml.chain.upgrading import Progress, Step, next_step
from decentralml.types import AccountId, BlockNumber

ME, OTHER = AccountId("me"), AccountId("other")


def motion(*ayes: AccountId) -> Motion:
    return Motion(7, "0x00", "Whitelist.whitelist_call()", 2, ayes, (), BlockNumber(100))


def progress(
    at: Motion | None = None,
    *,
    decided: bool = False,
    whitelisted: bool = False,
    authorised: bool = False,
    runs: bool = False,
) -> Progress:
    return Progress(ME, runs, authorised, whitelisted, at, decided)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (progress(), Step.PROPOSE),
        (progress(motion(OTHER)), Step.VOTE),
        (progress(motion(ME)), Step.WAIT),
        (progress(motion(ME, OTHER), decided=True), Step.CLOSE),
        (progress(motion(), decided=True), Step.CLOSE),
        (progress(whitelisted=True), Step.AUTHORISE),
        (progress(authorised=True), Step.APPLY),
        (progress(runs=True), Step.DONE),
    ],
)
def test_the_next_step_follows_from_how_far_the_upgrade_is(state: Progress, step: Step) -> None:
    assert next_step(state) is step


def test_what_is_further_along_is_not_begun_again() -> None:
    everything = progress(motion(OTHER), whitelisted=True, authorised=True, runs=True)
    assert next_step(everything) is Step.DONE


@pytest.mark.parametrize(
    ("members", "ayes"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (32, 22)]
)
def test_two_thirds_is_the_smallest_number_of_ayes_that_is_enough(members: int, ayes: int) -> None:
    assert two_thirds(members) == ayes
