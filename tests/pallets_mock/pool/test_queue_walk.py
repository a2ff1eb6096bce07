"""The pool against the obvious one: dictionaries of nonces, searched from the start each time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pallets_mock.errors import AlreadyImported, TemporarilyBanned, TooLowPriority
from pallets_mock.pool.queue import Pool
from pallets_mock.pool.status import LAST, Status
from pallets_mock.pool.validity import ValidTransaction

ACCOUNTS = st.sampled_from([b"alice", b"bob"])
NONCES = st.integers(0, 6)


def tag(account: bytes, nonce: int) -> bytes:
    return b"%s %d" % (account, nonce)


class PoolAgainstNonces(RuleBasedStateMachine):
    """Accounts, the next nonce that the chain expects of each, and what waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[bytes, Status] = {}
        self.pool = Pool(self.last.__setitem__, lambda: 0.0)
        self.next = {b"alice": 0, b"bob": 0}
        # (account, nonce) → (hash, priority); a future one keeps the first of equals
        self.waiting: dict[tuple[bytes, int], tuple[bytes, int]] = {}
        self.duplicates: set[bytes] = set()
        self.count = 0

    def ready_nonces(self, account: bytes) -> list[int]:
        nonce, found = self.next[account], []
        while (account, nonce) in self.waiting:
            found.append(nonce)
            nonce += 1
        return found

    @rule(account=ACCOUNTS, ahead=NONCES, priority=st.integers(1, 3))
    def submit(self, account: bytes, ahead: int, priority: int) -> None:
        self.count += 1
        nonce = self.next[account] + ahead
        requires = (tag(account, nonce - 1),) if ahead else ()
        terms = ValidTransaction(priority, requires, (tag(account, nonce),), 2**32, True)
        hash_ = b"%d" % self.count
        known = self.waiting.get((account, nonce))
        is_ready = nonce in [*self.ready_nonces(account), self.next[account]]
        if known is not None and not is_ready:
            return  # two future ones of one place: told apart only when they are ready
        try:
            self.pool.submit(hash_, hash_, terms, 0)
        except TooLowPriority:
            assert known is not None
            assert known[1] >= priority
        else:
            assert known is None or known[1] < priority
            self.waiting[account, nonce] = hash_, priority

    @precondition(lambda self: self.pool.ready_count)
    @rule(data=st.data())
    def seal(self, data: st.DataObject) -> None:
        ready = list(self.pool.ready())
        taken = ready[: data.draw(st.integers(1, len(ready)))]
        self.pool.included([one.hash for one in taken])
        for one in taken:
            account, nonce = one.terms.provides[0].split()
            assert int(nonce) == self.next[account]
            self.next[account] += 1
            del self.waiting[account, int(nonce)]

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        account, nonce = data.draw(st.sampled_from(sorted(self.waiting)))
        was_ready = nonce in self.ready_nonces(account)
        ready = self.ready_nonces(account)
        self.pool.remove([self.waiting[account, nonce][0]])
        gone = [n for n in ready if n >= nonce] if was_ready else [nonce]
        for one in gone:
            del self.waiting[account, one]

    @rule()
    def submit_again_what_waits(self) -> None:
        for (account, nonce), (hash_, _) in self.waiting.items():
            terms = ValidTransaction(9, (), (tag(account, nonce),), 1, True)
            try:
                self.pool.submit(hash_, hash_, terms, 0)
            except (AlreadyImported, TemporarilyBanned):
                continue
            raise AssertionError("taken twice")

    @invariant()
    def ready_is_every_nonce_without_a_gap(self) -> None:
        expected = {
            self.waiting[account, nonce][0]
            for account in self.next
            for nonce in self.ready_nonces(account)
        }
        assert {one.hash for one in self.pool.ready()} == expected
        assert self.pool.ready_count == len(expected)
        assert self.pool.future_count == len(self.waiting) - len(expected)

    @invariant()
    def nothing_comes_before_what_it_requires(self) -> None:
        provided = {tag(account, nonce - 1) for account, nonce in self.next.items()}
        for one in self.pool.ready():
            assert set(one.terms.requires) <= provided
            provided |= set(one.terms.provides)

    @invariant()
    def what_waits_was_not_told_its_end(self) -> None:
        for hash_, _ in self.waiting.values():
            assert not isinstance(self.last[hash_], LAST)


TestPoolAgainstNonces = PoolAgainstNonces.TestCase
TestPoolAgainstNonces.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
