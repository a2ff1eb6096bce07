"""The market as its users call it: a method for each call of the pallet, besides the reads.

A call returns when it counts (see `Node.wait`), or raises what went wrong: a subclass of
`CallRejected` named as the pallet's error when it was included and failed. For steps that must
survive a crash: `sign`, keep the `SignedCall`, `submit` it, again after a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from decentralml.chain import calls
from decentralml.chain.calls import Call
from decentralml.chain.reads import PAGE, Reader
from decentralml.chain.receipts import failure_in, receipt_of
from decentralml.chain.records import Balance, Ruling, Terms, Verdict
from decentralml.chain.signed import Receipt, SignedCall
from decentralml.chain.submission import Place, Submission
from decentralml.errors import NoSigner, RequestRefused, WrongSigner
from decentralml.types import AccountId, Cid, Planck, Round, TaskId

if TYPE_CHECKING:
    from decentralml.chain.keys import Keypair
    from decentralml.chain.node import Node
    from decentralml.chain.runtime import Runtime, RuntimeEvent


ANYBODYS = (calls.PALLET, "claim_result")
"""Who asks for it does not matter, and an appointed key may not in another's name."""


class Market(Reader):
    """The market behind one node, for one signer (or, without, for a reader).

    Args:
        in_name_of: the account whose calls these are, when `signer` is only a key that it
            appointed (`calls.appoint`); the fees are the signer's.
    """

    def __init__(
        self, node: Node, signer: Keypair | None = None, in_name_of: AccountId | None = None
    ) -> None:
        super().__init__(node)
        self._signer, self._in_name_of = signer, in_name_of
        self._unsent: set[str] = set()  # signed here and not sent yet

    @property
    def account(self) -> AccountId:
        """The address of whoever calls: the signer, or the account in whose name it signs.

        Raises:
            NoSigner: this market was opened without a key.
        """
        signer = AccountId(self._key("reading your own account").ss58_address)
        return signer if self._in_name_of is None else self._in_name_of

    def balance(self, account: AccountId | None = None) -> Balance:
        """An account's money, the signer's without one; zeros for a stranger."""
        return self.balance_of(self.account if account is None else account)

    def derived_secret(self, purpose: bytes) -> bytes:
        """32 secret bytes that follow from the signer's key; as `keys.derived_secret`.

        Raises:
            NoSigner: this market was opened without a key.
        """
        from decentralml.chain.keys import derived_secret

        return derived_secret(self._key("deriving a key of your own"), purpose)

    def _key(self, call: str) -> Keypair:
        if self._signer is None:
            raise NoSigner(call)
        return self._signer

    # -- calls

    def sign(self, call: Call) -> SignedCall:
        """Sign a call with the next nonce; sends nothing.

        Raises:
            NoSigner: this market was opened without a key.
        """
        if self._in_name_of is None or (call.pallet, call.name) == ANYBODYS:
            return self._sign(call)
        return self._sign(calls.in_name_of(self._in_name_of, call))

    def _sign(self, call: Call, twin: SignedCall | None = None) -> SignedCall:
        signed = self.node.sign(call, self._key(call.name), twin)
        self._unsent.add(signed.hash)
        return signed

    def submit(
        self, signed: SignedCall, on_resign: Callable[[SignedCall], None] | None = None
    ) -> Receipt:
        """Bring a signed call into the chain, once, and wait until it counts.

        May be called any number of times with the same `signed`, also after a restart: when the
        call is in the chain already, its receipt is returned.

        Args:
            on_resign: told of a new `SignedCall` before that one is sent, when the old one can
                never come in (its nonce was used by another process, or its era is over), or when
                the node's pool gave it up: the new one then has its nonce, as a twin.
        Raises:
            CallRejected: it was included and failed; the subclass says how.
            TransactionPending: not in a block yet; submit the same again.
            TransactionRefused, InsufficientFunds: it was not taken.
            NodeUnreachable: no node answers.
            StateDiscarded: it is in a block so old that the node cannot say how it ended.
        """

        def resign(twin: SignedCall | None) -> SignedCall:
            anew = self._sign(signed.call, twin)
            if on_resign is not None:
                on_resign(anew)
            return anew

        if self._signer is not None and self._signer.ss58_address != signed.signer:
            raise WrongSigner(signed.signer, self._signer.ss58_address)
        fresh = signed.hash in self._unsent
        self._unsent.discard(signed.hash)
        submission = Submission(self.node, signed, resign, fresh=fresh)
        place, runtime, events = self._brought_in(submission)
        receipt = receipt_of(runtime, place.hash, place.block, events)
        failure = failure_in(runtime, signed, receipt, events)
        if failure is not None:
            raise failure
        return receipt

    def _brought_in(self, submission: Submission) -> tuple[Place, Runtime, list[RuntimeEvent]]:
        while True:
            changes, place = self.node.changes, submission.run()
            self._unsent.discard(submission.signed.hash)
            try:
                if place.hash == submission.signed.hash:
                    spec_version = submission.signed.spec_version
                    runtime = self.node.runtime_that_took(place.block, spec_version)
                else:
                    runtime = self.node.runtime_of(place.block)
                events = self.node.events(place.block, runtime, extrinsic=place.index)
            except RequestRefused:
                if changes == self.node.changes:
                    raise
                continue  # the node turned to since then does not have that block
            return place, runtime, events

    def call(self, call: Call) -> Receipt:
        """Sign and submit; raises as these do."""
        return self.submit(self.sign(call))

    def create_task(self, terms: Terms) -> tuple[TaskId, Receipt]:
        """Post a task and lock its pay."""
        receipt = self.call(calls.create_task(terms))
        return TaskId(receipt.event("TaskCreated").fields["task"]), receipt

    def accept_task(self, task: TaskId) -> Receipt:
        """Take a slot."""
        return self.call(calls.accept_task(task))

    def start_round(self, task: TaskId, model: Cid) -> Receipt:
        """Publish the next round's model."""
        return self.call(calls.start_round(task, model))

    def send_task_result(self, task: TaskId, round: Round, result: Cid) -> Receipt:  # noqa: A002
        """Deliver a round's result."""
        return self.call(calls.send_task_result(task, round, result))

    def validate_task_result(
        self,
        task: TaskId,
        round: Round,  # noqa: A002
        worker: AccountId,
        verdict: Verdict,
    ) -> Receipt:
        """Accept and pay, or reject with a reason."""
        return self.call(calls.validate_task_result(task, round, worker, verdict))

    def claim_result(self, task: TaskId, round: Round, worker: AccountId) -> Receipt:  # noqa: A002
        """Settle a result whose time is over."""
        return self.call(calls.claim_result(task, round, worker))

    def dispute_result(self, task: TaskId, round: Round) -> Receipt:  # noqa: A002
        """Contest the signer's rejected result."""
        return self.call(calls.dispute_result(task, round))

    def resolve_dispute(
        self,
        task: TaskId,
        round: Round,  # noqa: A002
        worker: AccountId,
        ruling: Ruling,
    ) -> Receipt:
        """Rule on a dispute, as the task's arbiter."""
        return self.call(calls.resolve_dispute(task, round, worker, ruling))

    def release_assignment(self, task: TaskId, worker: AccountId | None = None) -> Receipt:
        """Give the signer's slot up, or open an expired `worker`'s."""
        whose = self.account if worker is None else worker
        return self.call(calls.release_assignment(task, whose))

    def withdraw_task(self, task: TaskId) -> Receipt:
        """End a task early."""
        return self.call(calls.withdraw_task(task))

    def prune_task(self, task: TaskId, limit: int = PAGE) -> Receipt:
        """Remove at most `limit` items of a settled task."""
        return self.call(calls.prune_task(task, limit))

    def transfer(self, to: AccountId, amount: Planck) -> Receipt:
        """Send money.

        Raises:
            InvalidAddress: `to` is mistyped, or an address of another network.
        """
        from decentralml.chain.runtime import check_account

        return self.call(calls.transfer(check_account(to), amount))
