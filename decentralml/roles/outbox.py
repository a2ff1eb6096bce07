"""Sends each step's call to the chain once, whatever happens to this process meanwhile.

The signed bytes are in the journal before they leave, the receipt is in it after. Between the two a
restart submits the same bytes again, which the chain client answers with the receipt of the first
time if they are in a block already.
"""

from __future__ import annotations

import json
from contextlib import suppress

from decentralml.chain.calls import Call, plain
from decentralml.chain.market import Market
from decentralml.chain.signed import Receipt, SignedCall
from decentralml.errors import CallRejected, InsufficientFunds, OutOfOrder, TransactionRefused
from decentralml.roles.events import Checkpoint, pass_by
from decentralml.roles.journal import CallEntry, CallState, Journal


class Outbox:
    """The only way by which a role acts on chain.

    Args:
        market: the chain client, with a signer.
        journal: where the steps are kept.
        checkpoint: called with a name before and after each effect.
    """

    def __init__(self, market: Market, journal: Journal, checkpoint: Checkpoint = pass_by) -> None:
        self._market, self._journal, self._checkpoint = market, journal, checkpoint

    def send(self, key: str, call: Call) -> Receipt:
        """Have ``call`` in a block once under the name ``key``.

        A step that is done gives the receipt of then. One that the chain refused is signed anew.

        Raises:
            OutOfOrder: under this key another call was under way; it is done now.
            CallRejected: the chain refused the call, now or when the interrupted step is looked up.
            ChainError: the chain could not be reached; ask again later, under the same key.
        """
        if self.is_under_way(key):
            return self._send_again(key, call)
        entry = self._journal.call(key)
        if entry is not None and entry.state is CallState.DONE:
            return Receipt.from_json(entry.outcome or "")
        self._sign(key, call)
        return self.finish(key)

    def is_under_way(self, key: str) -> bool:
        """Whether the step is signed, and the journal does not know how it ended."""
        entry = self._journal.call(key)
        return entry is not None and entry.state is CallState.SIGNED

    def finish(self, key: str) -> Receipt:
        """Submit what was signed under ``key``, and learn how it ended.

        Raises: CallRejected, ChainError: as `send`.
        """
        entry = self._signed(key)

        def keep(anew: SignedCall) -> None:
            self._journal.write_signed(key, entry.intent, anew.to_json())
            self._checkpoint(f"{key}:signed anew")

        try:
            receipt = self._market.submit(SignedCall.from_json(entry.signed), on_resign=keep)
        except CallRejected as refusal:
            self._checkpoint(f"{key}:refused")
            self._journal.write_failed(key, str(refusal))
            raise
        self._checkpoint(f"{key}:included")
        self._journal.write_done(key, receipt.to_json())
        self._checkpoint(f"{key}:done")
        return receipt

    def finish_all(self, prefix: str = "") -> None:
        """Settle every call under way whose key begins with ``prefix``; the journal tells how each
        ended.

        Raises: ChainError: the chain could not be reached.
        """
        for entry in self._journal.calls(prefix, CallState.SIGNED):
            with suppress(CallRejected, TransactionRefused, InsufficientFunds):
                self.finish(entry.key)

    def _send_again(self, key: str, call: Call) -> Receipt:
        intended = self._signed(key).intent
        receipt = self.finish(key)
        if intended != _words(call):
            raise OutOfOrder(
                f"{call.name} as {key}",
                "it had been begun with other arguments before, and is done with those now",
                "look at the task again",
            )
        return receipt

    def _signed(self, key: str) -> CallEntry:
        entry = self._journal.call(key)
        if entry is None or entry.state is not CallState.SIGNED:
            raise OutOfOrder(f"go on with {key}", "it is not under way", "begin it anew")
        return entry

    def _sign(self, key: str, call: Call) -> None:
        self._checkpoint(f"{key}:decided")
        signed = self._market.sign(call)
        self._journal.write_signed(key, _words(call), signed.to_json())
        self._checkpoint(f"{key}:signed")


def _words(call: Call) -> str:
    return json.dumps(plain(call), sort_keys=True)
