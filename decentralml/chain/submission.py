"""Getting a signed call into the chain once: not zero times, not twice, whatever breaks meanwhile.

What is certain, and what it is built on: an extrinsic's nonce lets it into one chain only once;
its era keeps it out after `SignedCall.last_block`; so before signing anew the chain is searched
for the old one, and only a call that can never come in any more is signed again with another nonce.
One that a pool gave up is signed again with the same nonce, and both are looked for.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from decentralml.chain.connection import AnswerError, ConnectionLost
from decentralml.chain.signed import SignedCall
from decentralml.errors import (
    InsufficientFunds,
    RequestRefused,
    StateDiscarded,
    TransactionPending,
    TransactionRefused,
)

if TYPE_CHECKING:
    from decentralml.chain.blocks import Block, BlockRef
    from decentralml.chain.node import Node

WATCH_SECONDS = 5.0
"""Without news for so long, the chain itself is searched."""
EXTERNAL = b"\x02"
"""SCALE of sp-runtime's ``TransactionSource::External``."""
VALID = b"\x00"
"""How the SCALE of ``Ok(ValidTransaction)`` begins."""
INVALID_PAYMENT = b"\x01\x00\x01"
"""SCALE of ``Err(TransactionValidityError::Invalid(InvalidTransaction::Payment))``."""
MOST_TWINS = 20
"""A pool that gives up that many is waited on; each is in the journal's line."""
Resign = Callable[[SignedCall | None], SignedCall]


class Answer(Enum):
    """What a node's refusal of an extrinsic means for whoever sent it."""

    NONCE_TAKEN = "its nonce is used, or another transaction with that nonce waits in the pool"
    KNOWN = "the pool has it already; what it refused it may have too, and give to no block"
    BANNED = "the pool threw it out a while ago"
    LATER = "it may be taken in a later block"
    DEAD = "its era began too long ago"
    BAD_SIGNATURE = "its era is over, the runtime was upgraded since, or the key does not fit"
    NO_FUNDS = "the account cannot pay the fee"
    REFUSED = "it will never be taken"


def judge(code: int, text: str) -> Answer:
    """Read a refusal: JSON-RPC error codes 1010 to 1019, and what sp-runtime calls the reasons."""
    said = text.lower()
    by_code = {
        1012: Answer.BANNED,
        1013: Answer.KNOWN,
        1014: Answer.NONCE_TAKEN,
        1016: Answer.LATER,
    }
    if code != 1010:
        return by_code.get(code, Answer.REFUSED)
    reasons = {
        "outdated": Answer.NONCE_TAKEN,
        "bad signature": Answer.BAD_SIGNATURE,
        "ancient birth": Answer.DEAD,
        "inability to pay": Answer.NO_FUNDS,
        "exhaust": Answer.LATER,
        "future": Answer.LATER,
    }
    return next((answer for words, answer in reasons.items() if words in said), Answer.REFUSED)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an extrinsic is in the chain, and which of a call's twins it is."""

    block: Block
    index: int
    hash: str


class _CannotTell(Exception):
    """Whether the call is in the chain cannot be said now: never a reason to sign it again."""


class Submission:
    """One signed call on its way; `run` ends when it is in a block that counts."""

    def __init__(self, node: Node, signed: SignedCall, resign: Resign, *, fresh: bool) -> None:
        """Args:
        resign: signs the call anew, as a twin of the one that it is given, if any, and makes the
            new one known, before it is sent.
        fresh: whether `signed` was certainly never sent before.
        """
        self.node, self.signed, self._resign, self._fresh = node, signed, resign, fresh
        self._end = time.monotonic() + node.timeout
        self._tries = 0
        self._changes = node.changes  # when it was sent last
        self._seen: Place | None = None  # in a block that does not count yet

    def run(self) -> Place:
        """Bring it in. Once it is in a block it is waited for until that is final, however long
        that takes; `Node.on_waiting` hears of it when it takes long.

        Raises:
            TransactionPending: not in a block within the node's time limit, though blocks become
                final; it may still come in.
            TransactionRefused, InsufficientFunds: the node does not take it.
            NodeUnreachable: no node answers.
        """
        while True:
            changes = self.node.changes
            try:
                place = self._step()
            except _CannotTell:
                place = None
            except (RequestRefused, StateDiscarded):
                if changes == self.node.changes:
                    raise
                place = None  # another node was asked about a block that only the last one has
            if place is not None:
                return place
            self._rest()

    def _step(self) -> Place | None:
        if not self._fresh:
            place = self._seen = self._find_again() or self.find()
            if place is not None:
                return place if self._counts(place) else None
            if self._is_dead():
                self._sign_again()
        return self._send()

    def _find_again(self) -> Place | None:
        """Where it was last time, while the best chain still has that block."""
        seen = self._seen
        if seen is None or self.node.block_hash(seen.block.number) != seen.block.hash:
            return None
        return seen

    # -- looking

    def find(self) -> Place | None:
        """Search the blocks that can hold it, up to the best one.

        Raises:
            _CannotTell: the node does not have one of these blocks (now).
        """
        first, best = self.signed.first_block, self.node.best()
        for number in range(first, min(best.number, self.signed.last_block) + 1):
            block_hash = self.node.block_hash(number)
            if block_hash is None:
                raise _CannotTell
            place = self.place_in(block_hash)
            if place is not None:
                return place
        return None

    def place_in(self, block_hash: str) -> Place | None:
        """Its place in one block. Raises as `find`."""
        from decentralml.chain.runtime import extrinsic_hash

        block = self.node.block(block_hash)
        if block is None:
            raise _CannotTell
        ours = {self.signed.hash, *self.signed.twins}
        for index, extrinsic in enumerate(block.extrinsics):
            if (found := extrinsic_hash(extrinsic)) in ours:
                return Place(block, index, found)
        return None

    def _counts(self, place: Place) -> bool:
        if self.node.wait == "inclusion":
            return True
        if self.node.finalised().number < place.block.number:
            return False
        return self.node.block_hash(place.block.number) == place.block.hash

    def _is_dead(self) -> bool:
        """Whether it can never come in; called only when it was just not found.

        Its era must be over, or its nonce used by another transaction, in a block that counts.
        """
        settled = self.node.settled()
        over = settled.number >= self.signed.last_block
        if not over:
            account = self.node.storage("System", "Account", self.signed.signer, at=settled.hash)
            over = int(account["nonce"]) > self.signed.nonce
        # It may have come in between the search and this look.
        return over and self.find() is None

    def _lapsed(self, at: BlockRef) -> bool:
        """Whether its signature no longer fits after this block.

        Its era is over (the runtime then reads another block's hash into it), or the runtime was
        upgraded since.
        """
        if at.number >= self.signed.last_block:
            return True
        return self._version_at(at) > self.signed.spec_version

    def _version_at(self, at: BlockRef) -> int:
        return self.node.runtime_at(at.hash).version.spec_version

    # -- acting

    def _sign_again(self, twin: SignedCall | None = None) -> None:
        self.signed, self._fresh, self._tries = self._resign(twin), True, 0

    def _rest(self) -> None:
        self.node.finality.look()
        # A chain that cannot finalise makes its blocks ever more slowly: no call is late there.
        waits_on = self._seen is not None or self.node.finality.has_stopped
        if not waits_on and time.monotonic() >= self._end:
            signed = self.signed
            raise TransactionPending(
                signed.call_name, signed.hash, signed.last_block, self.node.timeout
            )
        self._tries += 1
        # Not evenly: two processes of one account must not go on colliding in step.
        longest = min(1.0, 0.01 * 2 ** min(self._tries, 10))
        self.node.pause(longest * random.uniform(0.2, 1.0))

    def _send(self) -> Place | None:
        """Send it once and watch; None when it is to be looked for."""
        fresh, self._fresh = self._fresh, False
        self._changes, connection = self.node.changes, self.node.connected()
        try:
            watch = connection.subscribe(
                "author_submitAndWatchExtrinsic", [self.signed.extrinsic], "author_unwatchExtrinsic"
            )
        except ConnectionLost:
            return None
        except AnswerError as error:
            self._refused(error, fresh)
            return None
        try:
            return self._watch(watch)
        finally:
            watch.close()

    def _watch(self, watch: Any) -> Place | None:
        while time.monotonic() < self._end:
            try:
                said = watch.next(min(WATCH_SECONDS, max(0.0, self._end - time.monotonic())))
            except ConnectionLost:
                return None
            if said in ("invalid", "dropped") or said is None:
                return None
            if not isinstance(said, dict):
                continue
            if "usurped" in said or "finalityTimeout" in said:
                return None
            final = said.get("finalized")
            block_hash = final or (said.get("inBlock") if self.node.wait == "inclusion" else None)
            if isinstance(block_hash, str):
                place = self.place_in(block_hash)
                # What another node said counts is looked for at the one in use now.
                if place is None or self.node.counted(
                    place.block.number, block_hash, self._changes
                ):
                    return place
                return None
        return None

    def _refused(self, error: AnswerError, fresh: bool) -> None:
        text = f"{error.message} {error.data or ''}".strip()
        call = self.signed.call_name
        match judge(error.code, text):
            case Answer.NONCE_TAKEN | Answer.DEAD if fresh and not self.signed.twins:
                self._sign_again()  # never sent, and this node did not keep it
            case Answer.BAD_SIGNATURE if self._lapsed(self.node.best()):
                # Nothing is signed anew upon a block that may still be undone.
                if self._lapsed(self.node.settled()) and self.find() is None:
                    self._sign_again()
            case Answer.BAD_SIGNATURE if (
                self._version_at(self.node.best()) < self.signed.spec_version
            ):
                return  # this node has yet to learn of the upgrade: it may come in after that
            case Answer.NO_FUNDS:
                # A pool may judge by an older block than the best one, where money just came.
                if self._validity() == INVALID_PAYMENT:
                    raise self._poor()
            case Answer.KNOWN | Answer.BANNED if not fresh:
                self._given_up()
            case Answer.REFUSED | Answer.BAD_SIGNATURE:
                if -32768 <= error.code <= -32000:
                    raise RequestRefused(
                        "author_submitAndWatchExtrinsic", error.code, error.message, error.data
                    )
                raise TransactionRefused(call, text)
            case _:
                return

    def _given_up(self) -> None:
        """What a pool refused once, as for an account's want of money, it gives to no block for
        half an hour, and says of it only that it knows it; so the runtime is asked."""
        said = self._validity()
        if said == INVALID_PAYMENT:
            raise self._poor()
        if said[:1] != VALID or len(self.signed.twins) >= MOST_TWINS:
            return
        # Valid, and yet not among what waits for a block.
        if self.signed.extrinsic not in self.node.request("author_pendingExtrinsics"):
            self._sign_again(twin=self.signed)

    def _validity(self) -> bytes:
        """What the runtime says of it after the best block, as SCALE."""
        at = self.node.best().hash
        argument = EXTERNAL + bytes.fromhex(self.signed.extrinsic[2:]) + bytes.fromhex(at[2:])
        return self.node.state_call("TaggedTransactionQueue_validate_transaction", argument, at)

    def _poor(self) -> InsufficientFunds:
        reason = "its fee is more than it has"
        return InsufficientFunds(self.signed.call_name, self.signed.signer, reason)
