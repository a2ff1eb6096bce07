"""The pool: ready transactions in the order of inclusion, future ones by what they wait for.

Knows tags and priorities, nothing of accounts or nonces: those are the runtime's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from pallets_mock.errors import (
    AlreadyImported,
    ImmediatelyDropped,
    NoTagsProvided,
    TemporarilyBanned,
    TooLowPriority,
)
from pallets_mock.pool.status import Dropped, Future, Invalid, Ready, Status, Usurped
from pallets_mock.pool.validity import ValidTransaction

BAN_SECONDS = 30 * 60.0


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How much may wait, for the ready and for the future transactions each.

    The defaults are the node's for ready ones. A node lets a tenth of that wait for the
    future, which loses bursts that arrive out of order.
    """

    transactions: int = 8192
    bytes: int = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Transaction:
    """A valid transaction. `valid_till` is the last block whose child may include it."""

    hash: bytes
    encoded: bytes
    terms: ValidTransaction
    valid_till: int
    arrival: int

    @property
    def rank(self) -> tuple[int, int, int]:
        """Smallest first: by priority, then what ends sooner, then what came sooner."""
        return (-self.terms.priority, self.valid_till, self.arrival)


@dataclass
class _Part:
    """The ready or the future half."""

    by_hash: dict[bytes, Transaction] = field(default_factory=dict)
    size: int = 0

    def add(self, transaction: Transaction) -> None:
        self.by_hash[transaction.hash] = transaction
        self.size += len(transaction.encoded)

    def remove(self, hash_: bytes) -> Transaction:
        transaction = self.by_hash.pop(hash_)
        self.size -= len(transaction.encoded)
        return transaction

    def over(self, limits: PoolLimits) -> bool:
        return len(self.by_hash) > limits.transactions or self.size > limits.bytes


class Pool:
    """Valid transactions until a block includes them.

    Args:
        tell: called with (hash, status) for all that happens to a transaction here.
        seconds: a clock that only goes forward; bans end by it.
    """

    def __init__(
        self,
        tell: Callable[[bytes, Status], None],
        seconds: Callable[[], float],
        limits: PoolLimits | None = None,
    ) -> None:
        self._tell, self._seconds = tell, seconds
        self.limits = limits or PoolLimits()
        self._ready, self._future = _Part(), _Part()
        self._provider: dict[bytes, bytes] = {}  # tag → the ready transaction that provides it
        self._waiting: dict[bytes, set[bytes]] = {}  # missing tag → future transactions
        self._banned: OrderedDict[bytes, float] = OrderedDict()
        self._arrivals = 0

    # Reading

    def __contains__(self, hash_: bytes) -> bool:
        return hash_ in self._ready.by_hash or hash_ in self._future.by_hash

    @property
    def ready_count(self) -> int:
        """How many the next blocks may include."""
        return len(self._ready.by_hash)

    @property
    def future_count(self) -> int:
        """How many wait for another transaction first."""
        return len(self._future.by_hash)

    def all(self) -> list[Transaction]:
        """Ready and future ones, as they came."""
        everything = [*self._ready.by_hash.values(), *self._future.by_hash.values()]
        return sorted(everything, key=lambda one: one.arrival)

    def provides(self, tag: bytes) -> bool:
        """Whether a ready transaction provides the tag."""
        return tag in self._provider

    def needed_by(self, transaction: Transaction) -> set[bytes]:
        """Ready transactions that must be in a block before this one."""
        return {self._provider[tag] for tag in transaction.terms.requires if tag in self._provider}

    def ready(self, taken: frozenset[bytes] | set[bytes] = frozenset()) -> Iterator[Transaction]:
        """Ready transactions, best first, none before what it requires.

        Args:
            taken: transactions that a block holds already: not given, but provided.
        Transactions that arrive while this is read may be missed; ask again.
        """
        missing: dict[bytes, int] = {}
        dependents: dict[bytes, list[Transaction]] = {}
        heap: list[tuple[tuple[int, int, int], bytes]] = []
        for transaction in self._ready.by_hash.values():
            if transaction.hash in taken:
                continue
            before = {self._provider.get(tag) for tag in transaction.terms.requires}
            before -= {None, transaction.hash} | taken
            missing[transaction.hash] = len(before)
            for hash_ in before:
                dependents.setdefault(hash_, []).append(transaction)  # type: ignore[arg-type]
            if not before:
                heap.append((transaction.rank, transaction.hash))
        heapify(heap)
        while heap:
            hash_ = heappop(heap)[1]
            found = self._ready.by_hash.get(hash_)
            if found is None:
                continue
            yield found
            for transaction in dependents.get(hash_, ()):
                missing[transaction.hash] -= 1
                if missing[transaction.hash] == 0:
                    heappush(heap, (transaction.rank, transaction.hash))

    # Arriving

    def check_new(self, hash_: bytes) -> None:
        """Refuse what need not be validated. Raises AlreadyImported, TemporarilyBanned."""
        if hash_ in self:
            raise AlreadyImported(hash_)
        until = self._banned.get(hash_)
        if until is not None and self._seconds() < until:
            raise TemporarilyBanned(hash_)

    def submit(self, hash_: bytes, encoded: bytes, terms: ValidTransaction, now: int) -> None:
        """Take a transaction that is valid at block `now`.

        Raises:
            AlreadyImported, TemporarilyBanned: see `check_new`.
            NoTagsProvided: nothing tells it from others.
            TooLowPriority: another one has its place.
            ImmediatelyDropped: the pool is full.
        """
        self.check_new(hash_)
        if not terms.provides:
            raise NoTagsProvided("the transaction provides no tags")
        self._arrivals += 1
        till = min(now + terms.longevity, (1 << 64) - 1)
        transaction = Transaction(hash_, encoded, terms, till, self._arrivals)
        missing = self._missing(transaction)
        if missing:
            self._add_future(transaction, missing)
        else:
            self._add_ready(transaction)
        self._enforce_limits(transaction)

    def _missing(self, transaction: Transaction) -> list[bytes]:
        return [tag for tag in transaction.terms.requires if tag not in self._provider]

    def _add_future(self, transaction: Transaction, missing: Iterable[bytes]) -> None:
        self._future.add(transaction)
        for tag in missing:
            self._waiting.setdefault(tag, set()).add(transaction.hash)
        self._tell(transaction.hash, Future())

    def _add_ready(self, transaction: Transaction) -> None:
        self._place(transaction)
        self._promote(transaction.terms.provides)

    def _place(self, transaction: Transaction) -> None:
        self._take_place(transaction)
        self._ready.add(transaction)
        for tag in transaction.terms.provides:
            self._provider[tag] = transaction.hash
        self._tell(transaction.hash, Ready())

    def _take_place(self, new: Transaction) -> None:
        """Remove those that provide the same, if `new` outweighs them."""
        old = {self._provider[tag] for tag in new.terms.provides if tag in self._provider}
        weight = sum(self._ready.by_hash[hash_].terms.priority for hash_ in old)
        if old and weight >= new.terms.priority:
            raise TooLowPriority(weight, new.terms.priority)
        for hash_ in old:
            self._forget_ready(hash_)
            self._tell(hash_, Usurped(new.hash))

    def _promote(self, tags: Iterable[bytes]) -> None:
        """Tags came to be provided: whoever waited only for them is ready."""
        tags = list(tags)
        while tags:
            waiting = self._waiting.pop(tags.pop(), set())
            for transaction in sorted(
                (self._future.by_hash[hash_] for hash_ in waiting), key=lambda one: one.rank
            ):
                if self._is_waiting(transaction):
                    continue
                self._future.remove(transaction.hash)
                try:
                    self._place(transaction)
                except TooLowPriority:
                    self._tell(transaction.hash, Dropped())
                else:
                    tags += transaction.terms.provides

    def _is_waiting(self, transaction: Transaction) -> bool:
        return any(
            transaction.hash in self._waiting.get(tag, ()) for tag in transaction.terms.requires
        )

    def _enforce_limits(self, new: Transaction) -> None:
        while self._future.over(self.limits):
            self._drop(max(self._future.by_hash.values(), key=lambda one: one.arrival))
        while self._ready.over(self.limits):
            self._drop(max(self._ready.by_hash.values(), key=lambda one: one.rank))
        if new.hash not in self:
            raise ImmediatelyDropped(
                f"{self.limits.transactions} transactions, {self.limits.bytes} bytes"
            )

    def _drop(self, worst: Transaction) -> None:
        for transaction in self._with_dependents(worst.hash):
            self._forget(transaction.hash)
            self._tell(transaction.hash, Dropped())

    # Leaving

    def included(self, transactions: Iterable[bytes], tags: Iterable[bytes] = ()) -> None:
        """A block holds these: they leave, what waited for them is ready.

        Whoever else provides the same can never be included any more.

        Args:
            transactions: hashes; those that are not here do no harm.
            tags: provided by transactions of the block that are not here.
        """
        provided = list(tags)
        for hash_ in transactions:
            self._ban(hash_)
            if hash_ in self:
                transaction = self._forget(hash_)
                provided += transaction.terms.provides
        satisfied = set(provided)
        for tag in satisfied & self._provider.keys():
            self.remove([self._provider[tag]])
        if self._future.by_hash:
            late = [
                transaction.hash
                for transaction in self._future.by_hash.values()
                if not satisfied.isdisjoint(transaction.terms.provides)
            ]
            self.remove(late)
        self._promote(provided)

    def remove(self, hashes: Iterable[bytes]) -> list[bytes]:
        """Take transactions out as invalid, ban them, and out with all that need them.

        Returns: hashes of those that were removed.
        """
        removed = []
        for hash_ in hashes:
            self._ban(hash_)
            for transaction in self._with_dependents(hash_):
                self._forget(transaction.hash)
                self._tell(transaction.hash, Invalid())
                removed.append(transaction.hash)
        return removed

    def expire(self, now: int) -> list[bytes]:
        """Remove what was valid only up to a block before `now`."""
        return self.remove(one.hash for one in self.all() if one.valid_till < now)

    def take_all(self) -> list[Transaction]:
        """Empty the pool and the bans, telling nobody; as they came. To validate all anew."""
        everything = self.all()
        self._ready, self._future = _Part(), _Part()
        self._provider.clear()
        self._waiting.clear()
        self._banned.clear()
        return everything

    def _with_dependents(self, hash_: bytes) -> list[Transaction]:
        """The transaction and the ready ones that require it, directly or not."""
        if hash_ in self._future.by_hash:
            return [self._future.by_hash[hash_]]
        first = self._ready.by_hash.get(hash_)
        if first is None:
            return []
        found, tags = {hash_: first}, set(first.terms.provides)
        for transaction in self.ready():
            if transaction.hash not in found and not tags.isdisjoint(transaction.terms.requires):
                found[transaction.hash] = transaction
                tags |= set(transaction.terms.provides)
        return list(found.values())

    def _forget(self, hash_: bytes) -> Transaction:
        if hash_ in self._ready.by_hash:
            return self._forget_ready(hash_)
        transaction = self._future.remove(hash_)
        for tag in transaction.terms.requires:
            waiting = self._waiting.get(tag)
            if waiting is not None:
                waiting.discard(hash_)
                if not waiting:
                    del self._waiting[tag]
        return transaction

    def _forget_ready(self, hash_: bytes) -> Transaction:
        transaction = self._ready.remove(hash_)
        for tag in transaction.terms.provides:
            if self._provider.get(tag) == hash_:
                del self._provider[tag]
        return transaction

    def _ban(self, hash_: bytes) -> None:
        self._banned[hash_] = self._seconds() + BAN_SECONDS
        self._banned.move_to_end(hash_)
        while len(self._banned) > 2 * self.limits.transactions:
            self._banned.popitem(last=False)
