"""An offer becomes terms; a draft notices that a posting's key is used for something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decentralml.chain.records import AutoAccept, Delegated, Manual, Policy, Schedule, TaskKind
from decentralml.roles.posting import Draft, Offer
from decentralml.types import AccountId, BlockNumber, Cid, Planck

OFFER = Offer(
    kind=TaskKind.CONTRIBUTION,
    title="digits",
    reward=Planck(10),
    slots=3,
    rounds=2,
    accept_for=BlockNumber(40),
    round_time=BlockNumber(30),
    validate_time=BlockNumber(20),
    dispute_time=BlockNumber(10),
    stake=Planck(5),
)
BUNDLE, MODEL = Cid("bafybundle"), Cid("bafymodel")


def test_terms_count_the_time_to_accept_from_the_newest_block() -> None:
    terms = OFFER.terms(BUNDLE, MODEL, BlockNumber(1000))
    assert terms.schedule == Schedule(
        BlockNumber(1040), BlockNumber(30), BlockNumber(20), BlockNumber(10)
    )
    assert (terms.bundle, terms.model, terms.escrow()) == (BUNDLE, MODEL, 60)


def test_a_draft_survives_the_journal() -> None:
    draft = Draft.of("job", OFFER, BUNDLE, None)
    assert Draft.decode(draft.encode()) == draft
    assert Draft.decode(draft.encode()).differs(Draft.of("other", OFFER, BUNDLE, None)) == ()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (replace(OFFER, reward=Planck(11)), "reward"),
        (replace(OFFER, kind=TaskKind.ENGINEERING), "kind"),
        (replace(OFFER, policy=AutoAccept()), "policy"),
        (replace(OFFER, policy=Delegated(AccountId("5Eve"))), "policy"),
        (replace(OFFER, sealing_key=bytes(32)), "sealing_key"),
        (replace(OFFER, accept_for=BlockNumber(41)), "accept_for"),
    ],
)
def test_a_changed_offer_is_another_draft(changed: Offer, field: str) -> None:
    one, other = Draft.of("k", OFFER, BUNDLE, MODEL), Draft.of("k", changed, BUNDLE, MODEL)
    assert one.differs(other) == (field,)


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        (Manual(), "manual"),
        (AutoAccept(), "auto-accept"),
        (Delegated(AccountId("5Eve")), "delegated 5Eve"),
    ],
)
def test_a_draft_keeps_the_policy_in_words_that_later_versions_must_know(
    policy: Policy, word: str
) -> None:
    draft = Draft.of("job", replace(OFFER, policy=policy), BUNDLE, None)
    assert Draft.decode(draft.encode()).offer["policy"] == word


def test_two_delegations_differ_by_their_validator() -> None:
    eve = Draft.of("k", replace(OFFER, policy=Delegated(AccountId("5Eve"))), BUNDLE, MODEL)
    bob = Draft.of("k", replace(OFFER, policy=Delegated(AccountId("5Bob"))), BUNDLE, MODEL)
    assert eve.differs(bob) == ("policy",)


def test_changed_content_is_another_draft() -> None:
    one = Draft.of("k", replace(OFFER, policy=Manual()), BUNDLE, MODEL)
    assert one.differs(Draft.of("k", OFFER, Cid("bafyother"), None)) == ("bundle", "model")
