"""What a creator offers, before it is on chain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from typing_extensions import assert_type

from decentralml.chain.records import (
    AutoAccept,
    Delegated,
    Manual,
    Policy,
    Schedule,
    TaskKind,
    Terms,
)
from decentralml.types import AccountId, BlockNumber, Cid, Planck

A_DAY = BlockNumber(14_400)  # of blocks of six seconds
NOTHING = Planck(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A task's terms as a creator thinks of them: spans instead of block numbers, no CIDs.

    Attributes:
        kind: what a worker is asked for.
        title: one line for people, at most 128 bytes.
        reward: for each accepted result, in the smallest unit.
        slots: workers at once.
        rounds: deliveries asked of each worker.
        policy: who validates.
        accept_for: for how many blocks from now on workers may accept.
        round_time: blocks for a round.
        validate_time: blocks to validate a result; silence pays after that.
        dispute_time: blocks in which a rejection may be disputed.
        stake: held on each worker, in the smallest unit.
        arbiter: who rules on disputes; None for the runtime's arbiter.
        sealing_key: 32 bytes; results are sealed to it.
    """

    kind: TaskKind
    title: str
    reward: Planck
    slots: int
    rounds: int = 1
    policy: Policy = field(default_factory=Manual)
    accept_for: BlockNumber = A_DAY
    round_time: BlockNumber = A_DAY
    validate_time: BlockNumber = A_DAY
    dispute_time: BlockNumber = A_DAY
    stake: Planck = NOTHING
    arbiter: AccountId | None = None
    sealing_key: bytes | None = None

    def terms(self, bundle: Cid, model: Cid | None, head: BlockNumber) -> Terms:
        """The terms for the chain when the newest block is ``head``."""
        return Terms(
            kind=self.kind,
            title=self.title,
            bundle=bundle,
            reward=self.reward,
            slots=self.slots,
            rounds=self.rounds,
            policy=self.policy,
            schedule=Schedule(
                BlockNumber(head + self.accept_for),
                self.round_time,
                self.validate_time,
                self.dispute_time,
            ),
            model=model,
            stake=self.stake,
            arbiter=self.arbiter,
            sealing_key=self.sealing_key,
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """An offer with its content, as the journal keeps it until the task has a number.

    Attributes:
        key: the name under which it was begun.
        offer: the offer as plain values.
        bundle: CID of the task's bundle.
        model: CID of the first round's model, as a bundle with one file.
    """

    key: str
    offer: Mapping[str, Any]
    bundle: Cid
    model: Cid | None

    @classmethod
    def of(cls, key: str, offer: Offer, bundle: Cid, model: Cid | None) -> Draft:
        """The draft of this offer."""
        return cls(key, json.loads(json.dumps(_plain(offer))), bundle, model)

    def encode(self) -> str:
        """One line of JSON for the journal."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def decode(cls, text: str) -> Draft:
        """The inverse of `encode`."""
        return cls(**json.loads(text))

    def differs(self, other: Draft) -> tuple[str, ...]:
        """Names of what is not the same in the two, other than the key."""
        names = [f.name for f in fields(Offer) if self.offer.get(f.name) != other.offer.get(f.name)]
        names += [n for n in ("bundle", "model") if getattr(self, n) != getattr(other, n)]
        return tuple(names)


def _plain(offer: Offer) -> dict[str, Any]:
    plain = {f.name: getattr(offer, f.name) for f in fields(offer)}
    plain["policy"] = _policy(offer.policy)
    plain["sealing_key"] = offer.sealing_key.hex() if offer.sealing_key else None
    return plain


def _policy(policy: Policy) -> str:
    match policy:
        case Manual():
            return "manual"
        case Delegated(validator):
            return f"delegated {validator}"
    assert_type(policy, AutoAccept)
    return "auto-accept"
