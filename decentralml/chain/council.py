"""Ruling a chain that nobody owns: the council's motions, and the way to a runtime upgrade.

A motion is any call; what it may do is the runtime's to say. Two thirds of the council may change
who validates and who sits in the council, and may whitelist the hash of a call that a member then
dispatches as root.

Source: pallet-collective 50, pallet-whitelist 49, frame-system 49 (`authorize_upgrade`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from decentralml.chain.calls import Call, batch
from decentralml.chain.skipping import compact
from decentralml.errors import MalformedChainData, UnknownMotion
from decentralml.types import AccountId, BlockNumber

if TYPE_CHECKING:
    from decentralml.chain.market import Market
    from decentralml.chain.signed import Receipt

PALLET = "Council"


@dataclass(frozen=True, slots=True)
class Motion:
    """A call that the council has before it.

    ``call``: as text, for people. ``ends``: the first block in which nobody votes any more.
    """

    index: int
    hash: str  # 0x…, blake2b-256 of the encoded call
    call: str
    threshold: int  # ayes that it needs
    ayes: tuple[AccountId, ...]
    nays: tuple[AccountId, ...]
    ends: BlockNumber


class Council:
    """The council behind one node; votes with the market's signer."""

    def __init__(self, market: Market) -> None:
        self._market, self._node = market, market.node

    def members(self) -> tuple[AccountId, ...]:
        """Who sits in it."""
        found = self._node.storage(PALLET, "Members") or []
        return tuple(AccountId(str(each)) for each in found)

    def motions(self) -> tuple[Motion, ...]:
        """What is before it, oldest first.

        Raises:
            MalformedChainData: the chain's answer is none.
        """
        hashes = self._node.storage(PALLET, "Proposals") or []
        found = [self._motion(str(each)) for each in hashes]
        return tuple(sorted((each for each in found if each is not None), key=lambda m: m.index))

    def motion(self, named: str) -> Motion:
        """The motion of that index (a number) or hash (``0x…``).

        Raises:
            UnknownMotion: it is not before the council (any more).
        """
        for each in self.motions():
            if named in (str(each.index), each.hash):
                return each
        raise UnknownMotion(named)

    def propose(self, call: Call) -> tuple[str, Receipt]:
        """Put a call to the vote, the proposer's aye included; its hash.

        It needs two thirds of the council. A council of one decides at once.

        Raises:
            CallRejected: the signer is no member, or the call failed where it was decided at once.
            InvalidCall: no call that the runtime takes.
        """
        encoded = self._node.runtime().encode_call(call)
        motion_hash, threshold = _hash(encoded), two_thirds(len(self.members()))
        arguments = {
            "threshold": threshold,
            "proposal": nested(call),
            "length_bound": len(encoded),
        }
        propose = Call("propose", arguments, pallet=PALLET)
        if threshold == 1:
            return motion_hash, self._market.call(propose)
        index = int(self._node.storage(PALLET, "ProposalCount"))
        # The pallet counts no voice of the proposer's by itself. If somebody else proposes at the
        # same moment the index is another one, and then neither is done.
        both = batch([propose, _vote(motion_hash, index, approve=True)])
        return motion_hash, self._market.call(both)

    def vote(self, motion: Motion, *, approve: bool = True) -> Receipt:
        """Vote with the signer's voice; a second vote replaces the first.

        Raises:
            CallRejected: the signer is no member, or voted so already.
        """
        return self._market.call(_vote(motion.hash, motion.index, approve=approve))

    def close(self, motion: Motion) -> Receipt:
        """Count the votes, and do what the motion says if it has enough (anyone).

        Raises:
            CallRejected: it can still go either way, or what it says failed.
        """
        encoded = self._encoded(motion.hash)
        arguments = {
            "proposal_hash": motion.hash,
            "index": motion.index,
            "proposal_weight_bound": self._weight(encoded),
            "length_bound": len(encoded),
        }
        return self._market.call(Call("close", arguments, pallet=PALLET))

    def is_decided(self, motion: Motion) -> bool:
        """Whether it can be closed: enough ayes, too many nays, or its time is over."""
        against = len(motion.nays) > len(self.members()) - motion.threshold
        over = self._node.height() >= motion.ends
        return len(motion.ayes) >= motion.threshold or against or over

    def is_whitelisted(self, call: Call) -> bool:
        """Whether a member may dispatch `call` as root."""
        wanted = bytes.fromhex(self.hash_of(call)[2:])
        return self._node.stored_bytes("Whitelist", "WhitelistedCall", wanted) is not None

    def hash_of(self, call: Call) -> str:
        """The hash that names a call to the council and on the whitelist."""
        return _hash(self._node.runtime().encode_call(call))

    def _motion(self, motion_hash: str) -> Motion | None:
        key = bytes.fromhex(motion_hash[2:])
        call = self._node.storage(PALLET, "ProposalOf", key)
        votes = self._node.storage(PALLET, "Voting", key)
        if call is None or votes is None:  # decided between two reads
            return None
        return Motion(
            index=int(votes["index"]),
            hash=motion_hash,
            call=in_words(call),
            threshold=int(votes["threshold"]),
            ayes=tuple(AccountId(str(each)) for each in votes["ayes"]),
            nays=tuple(AccountId(str(each)) for each in votes["nays"]),
            ends=BlockNumber(int(votes["end"])),
        )

    def _encoded(self, motion_hash: str) -> bytes:
        """The bytes of a motion's call, as the chain keeps them."""
        raw = self._node.stored_bytes(PALLET, "ProposalOf", bytes.fromhex(motion_hash[2:]))
        if raw is None:
            raise UnknownMotion(motion_hash)
        return raw

    def _weight(self, encoded: bytes) -> Mapping[str, int]:
        """What executing a call may cost, as the runtime reckons it."""
        size = len(encoded).to_bytes(4, "little")
        answer = self._node.state_call("TransactionPaymentCallApi_query_call_info", encoded + size)
        try:
            ref_time, offset = compact(answer, 0)
            proof_size, _ = compact(answer, offset)
        except (IndexError, ValueError) as error:
            raise MalformedChainData("a call's weight", answer.hex()[:80]) from error
        return {"ref_time": ref_time, "proof_size": proof_size}


def _vote(motion_hash: str, index: int, *, approve: bool) -> Call:
    arguments = {"proposal": motion_hash, "index": index, "approve": approve}
    return Call("vote", arguments, pallet=PALLET)


def two_thirds(members: int) -> int:
    """The smallest number of ayes that is two thirds of the council or more; at least 1."""
    return max(1, -(-2 * members // 3))


def nested(call: Call) -> dict[str, Any]:
    """A call as an argument of another one."""
    return {
        "call_module": call.pallet,
        "call_function": call.name,
        "call_args": dict(call.args),
    }


def in_words(call: Any) -> str:
    """A decoded call as one line: ``ValidatorSet.add_invulnerable(who=5F…)``; long bytes cut."""
    arguments = ", ".join(f"{a['name']}={_shown(a['value'])}" for a in call.get("call_args", []))
    return f"{call['call_module']}.{call['call_function']}({arguments})"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and "call_module" in value:
        return in_words(value)
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _hash(encoded: bytes) -> str:
    return "0x" + blake2b(encoded, digest_size=32).hexdigest()
