"""The council of a real chain: motions, validators, and a runtime upgrade without root."""

from __future__ import annotations

import pytest

from decentralml.chain.calls import Call
from decentralml.chain.council import Council, two_thirds
from decentralml.chain.market import Market
from decentralml.chain.upgrading import Step, Upgrade
from decentralml.chain.validators import validators
from decentralml.errors import CallRejected, InvalidCall, UnknownMotion
from decentralml.types import AccountId
from tests.decentralml.chain.conftest import People

LENGTH = 20


@pytest.fixture
def dave(people: People) -> Market:
    """Sits in no council."""
    return people.market("Dave")


def shorter_sessions() -> Call:
    return Call("set_session_length", {"blocks": LENGTH}, pallet="Rotation")


def session_length(market: Market) -> int:
    return int(market.node.storage("Rotation", "SessionLength"))


@pytest.mark.development_only("its council is that of the development preset")
class TestMotions:
    def test_two_of_three_decide_and_the_call_is_made(self, alice: Market, bob: Market) -> None:
        motion_hash, _ = Council(alice).propose(shorter_sessions())
        (motion,) = Council(bob).motions()
        assert (motion.hash, motion.threshold, motion.ayes) == (motion_hash, 2, (alice.account,))
        assert motion.call == f"Rotation.set_session_length(blocks={LENGTH})"
        assert not Council(bob).is_decided(motion)

        Council(bob).vote(motion)
        Council(bob).close(Council(bob).motion(motion_hash))

        assert session_length(bob) == LENGTH
        assert Council(bob).motions() == ()

    def test_a_motion_is_named_by_number_or_hash(self, alice: Market) -> None:
        motion_hash, _ = Council(alice).propose(shorter_sessions())
        assert Council(alice).motion("0") == Council(alice).motion(motion_hash)
        with pytest.raises(UnknownMotion):
            Council(alice).motion("1")

    def test_who_is_no_member_neither_proposes_nor_votes(self, alice: Market, dave: Market) -> None:
        with pytest.raises(CallRejected, match="NotMember"):
            Council(dave).propose(shorter_sessions())
        Council(alice).propose(shorter_sessions())
        with pytest.raises(CallRejected, match="NotMember"):
            Council(dave).vote(Council(dave).motion("0"))

    def test_an_undecided_motion_cannot_be_closed(self, alice: Market) -> None:
        Council(alice).propose(shorter_sessions())
        with pytest.raises(CallRejected, match="TooEarly"):
            Council(alice).close(Council(alice).motion("0"))

    def test_nays_that_leave_too_few_for_it_decide_too(self, alice: Market, bob: Market) -> None:
        before = session_length(alice)
        council = Council(alice)
        council.propose(shorter_sessions())
        council.vote(council.motion("0"), approve=False)
        assert not council.is_decided(council.motion("0"))
        Council(bob).vote(council.motion("0"), approve=False)
        assert council.is_decided(council.motion("0"))
        council.close(council.motion("0"))
        assert session_length(alice) == before

    def test_a_motion_whose_call_fails_says_so(self, alice: Market, bob: Market) -> None:
        unknown = Call("remove_invulnerable", {"who": bob.account}, pallet="ValidatorSet")
        Council(alice).propose(unknown)
        Council(bob).vote(Council(bob).motion("0"))
        with pytest.raises(CallRejected, match=r"NotInvulnerable|TooFewEligible"):
            Council(bob).close(Council(bob).motion("0"))

    def test_a_call_that_there_is_not_is_refused_before_it_is_signed(self, alice: Market) -> None:
        with pytest.raises(InvalidCall):
            Council(alice).propose(Call("no_such_call", {}, pallet="Rotation"))


@pytest.mark.development_only("its validators are those of the development preset")
def test_the_one_validator_is_chosen_active_and_has_keys(alice: Market) -> None:
    (state,) = validators(alice.node)
    assert state.account == AccountId("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
    assert (state.chosen, state.active, state.disabled, state.keys) == (True, True, False, True)


@pytest.mark.development_only("it would upgrade the chain that the other tests use")
def test_an_upgrade_goes_on_with_whoever_runs_it_next(alice: Market, bob: Market) -> None:
    # Not a runtime: the chain judges the code when it is handed in, after everything else.
    code = b"no WebAssembly"
    for_alice, for_bob = Upgrade(alice, code), Upgrade(bob, code)

    assert for_alice.advance()[0] is Step.PROPOSE
    assert for_alice.advance() == (Step.WAIT, None)
    assert [for_bob.advance()[0] for _ in range(3)] == [Step.VOTE, Step.CLOSE, Step.AUTHORISE]
    assert alice.node.storage("System", "AuthorizedUpgrade")["code_hash"] == for_bob.code_hash
    with pytest.raises(CallRejected, match="FailedToExtractRuntimeVersion"):
        for_alice.advance()


@pytest.mark.parametrize(
    ("members", "ayes"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5)]
)
def test_two_thirds_are_never_less_than_two_thirds(members: int, ayes: int) -> None:
    assert two_thirds(members) == ayes
