"""A call once signed, and once in a block: plain data that a journal can keep."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from decentralml.chain import call_errors
from decentralml.chain.calls import Call
from decentralml.chain.records import Event
from decentralml.errors import CallRejected
from decentralml.types import AccountId, BlockNumber, Planck


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A call with its signature: the bytes that are sent, and sent again after a failure.

    It can enter a block from `first_block` to `last_block`, both included, and its nonce lets it
    in only once: that is what makes sending it again safe.

    ``twins``: hashes of what was signed before with the same call and nonce, and given up by a
    pool: of a call and its twins the chain takes one. ``since``: the first one's `signed_at_block`.
    """

    call: Call
    signer: AccountId
    extrinsic: str  # 0x…, the bytes for the wire
    hash: str  # 0x…, blake2b-256 of these bytes
    nonce: int
    signed_at_block: BlockNumber
    era_blocks: int
    spec_version: int  # of the runtime that it was signed for: valid with no other
    twins: tuple[str, ...] = ()
    since: BlockNumber | None = None

    @property
    def call_name(self) -> str:
        """The call's name in Rust; one made in another account's name has its own."""
        if (self.call.pallet, self.call.name) == ("Proxy", "proxy"):
            return str(self.call.args["call"]["call_function"])
        return self.call.name

    @property
    def first_block(self) -> BlockNumber:
        """The first block that can hold it, or a twin."""
        return BlockNumber((self.signed_at_block if self.since is None else self.since) + 1)

    @property
    def last_block(self) -> BlockNumber:
        """The last block that can hold it."""
        return BlockNumber(self.signed_at_block + self.era_blocks - 1)

    def to_json(self) -> str:
        """One line of JSON; holds no secret."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> SignedCall:
        """The inverse of `to_json`."""
        fields = json.loads(text)
        # A journal of an earlier version knows no twins.
        twins = tuple(fields.get("twins", ()))
        return cls(**{**fields, "call": Call(**fields["call"]), "twins": twins})


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a call went into the chain, what it cost, and what the market said to it.

    ``items``: of a batch of calls (`calls.batch_each`), the error that each ended with as on chain
    (``NotPending``, ``Balances.InsufficientBalance``), None for one that succeeded.
    """

    extrinsic_hash: str
    block_hash: str
    block_number: BlockNumber
    fee: Planck
    events: tuple[Event, ...]
    items: tuple[str | None, ...] = ()

    def event(self, name: str) -> Event:
        """The first event of that name.

        Raises:
            KeyError: there is none.
        """
        for event in self.events:
            if event.name == name:
                return event
        raise KeyError(name)

    def failure(self, item: int, call: str) -> CallRejected | None:
        """The error that an item of the batch ended with, as the exception of that call."""
        words = self.items[item]
        if words is None:
            return None
        return call_errors.named(words)(call, words, self.block_hash, 0)

    def to_json(self) -> str:
        """One line of JSON."""
        plain: dict[str, Any] = {**_fields(self), "events": [_fields(e) for e in self.events]}
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """The inverse of `to_json`."""
        fields = json.loads(text)
        events = tuple(Event(**event) for event in fields["events"])
        # A journal of an earlier version has no items.
        return cls(**{**fields, "events": events, "items": tuple(fields.get("items", ()))})


def _fields(value: Receipt | Event) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
