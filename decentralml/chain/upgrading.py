"""Upgrading the runtime by the council, a step at a time.

Two thirds of the council whitelist the call that authorises the new code by its hash; a member
dispatches it; then anyone hands in the code itself. Whoever asks for the next step gets the one
that they can do, so that each member runs the same command until the new runtime runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import TYPE_CHECKING

from decentralml.chain.calls import Call
from decentralml.chain.council import Council, Motion, nested
from decentralml.types import AccountId

if TYPE_CHECKING:
    from decentralml.chain.market import Market
    from decentralml.chain.signed import Receipt

CODE = "0x" + b":code".hex()


class Step(Enum):
    """What can be done next for an upgrade, and by whom."""

    PROPOSE = "put it to the vote"
    VOTE = "vote for it"
    WAIT = "other members have to vote"
    CLOSE = "count the votes, which whitelists it"
    AUTHORISE = "authorise the code's hash"
    APPLY = "hand in the code"
    DONE = "the chain runs it"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upgrade is, for one member."""

    me: AccountId
    runs: bool  # the chain's code is the new one
    authorised: bool
    whitelisted: bool
    motion: Motion | None
    decided: bool  # nothing that anybody still votes changes the motion's outcome


def next_step(progress: Progress) -> Step:
    """What `progress.me` can do now; asked again after a restart it says the same."""
    if progress.runs:
        return Step.DONE
    if progress.authorised:
        return Step.APPLY
    if progress.whitelisted:
        return Step.AUTHORISE
    motion = progress.motion
    if motion is None:
        return Step.PROPOSE
    if progress.decided:
        return Step.CLOSE
    return Step.WAIT if progress.me in motion.ayes else Step.VOTE


class Upgrade:
    """One runtime on its way into the chain.

    Args:
        code: the runtime as it is to be stored: WebAssembly, compressed or not.
    """

    def __init__(self, market: Market, code: bytes) -> None:
        self._market, self._council, self._code = market, Council(market), code
        self.code_hash = "0x" + blake2b(code, digest_size=32).hexdigest()
        self._authorise = Call("authorize_upgrade", {"code_hash": self.code_hash}, "System")
        hash_of_call = self._council.hash_of(self._authorise)
        self._whitelist = Call("whitelist_call", {"call_hash": hash_of_call}, "Whitelist")

    def progress(self) -> Progress:
        """How far it is."""
        node = self._market.node
        authorised = node.storage("System", "AuthorizedUpgrade")
        motion_hash = self._council.hash_of(self._whitelist)
        motions = [m for m in self._council.motions() if m.hash == motion_hash]
        motion = motions[0] if motions else None
        return Progress(
            me=self._market.account,
            runs=node.request("state_getStorageHash", CODE) == self.code_hash,
            authorised=authorised is not None and authorised["code_hash"] == self.code_hash,
            whitelisted=self._council.is_whitelisted(self._authorise),
            motion=motion,
            decided=motion is not None and self._council.is_decided(motion),
        )

    def advance(self) -> tuple[Step, Receipt | None]:
        """Do the next step; what it was, and its receipt if it took a transaction.

        Raises:
            CallRejected: the chain refused it: the signer is no member, the code is of no later
                version than the one that runs.
        """
        progress = self.progress()
        step, motion = next_step(progress), progress.motion
        if step is Step.PROPOSE:
            return step, self._council.propose(self._whitelist)[1]
        if step is Step.VOTE and motion is not None:
            return step, self._council.vote(motion)
        if step is Step.CLOSE and motion is not None:
            return step, self._council.close(motion)
        if step is Step.AUTHORISE:
            arguments = {"call": nested(self._authorise)}
            dispatch = Call("dispatch_whitelisted_call_with_preimage", arguments, "Whitelist")
            return step, self._market.call(dispatch)
        if step is Step.APPLY:
            code = {"code": "0x" + self._code.hex()}
            return step, self._market.call(Call("apply_authorized_upgrade", code, "System"))
        return step, None
