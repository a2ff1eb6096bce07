"""The pool by tags: "alice 3" is provided by her fourth transaction, required by the next."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pallets_mock.errors import (
    AlreadyImported,
    ImmediatelyDropped,
    NoTagsProvided,
    TemporarilyBanned,
    TooLowPriority,
)
from pallets_mock.pool.queue import BAN_SECONDS, Pool, PoolLimits
from pallets_mock.pool.status import Dropped, Future, Invalid, Ready, Status, Usurped
from pallets_mock.pool.validity import ValidTransaction

FOREVER = 2**64 - 1


@dataclass
class Watched:
    """A pool, all that it told, and a clock that stands still."""

    told: list[tuple[bytes, Status]] = field(default_factory=list)
    now: float = 0.0
    limits: PoolLimits = field(default_factory=PoolLimits)

    def __post_init__(self) -> None:
        self.pool = Pool(
            lambda hash_, status: self.told.append((hash_, status)), lambda: self.now, self.limits
        )

    def submit(
        self,
        name: bytes,
        *,
        provides: bytes | None = None,
        requires: bytes = b"",
        priority: int = 1,
        longevity: int = FOREVER,
        at: int = 0,
    ) -> None:
        tags = (provides,) if provides else (name,)
        needs = (requires,) if requires else ()
        terms = ValidTransaction(priority, needs, tags, longevity, True)
        self.pool.submit(name, name * 10, terms, at)

    def chain(self, account: bytes, *nonces: int, priority: int = 1) -> None:
        """Transactions of one account, in the given order; nonce 0 needs nothing."""
        for nonce in nonces:
            before = b"%s %d" % (account, nonce - 1) if nonce else b""
            self.submit(b"%s %d" % (account, nonce), requires=before, priority=priority)

    def ready(self) -> list[bytes]:
        return [one.hash for one in self.pool.ready()]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_what_comes_first_is_included_first(watched: Watched):
    for name in (b"a", b"b", b"c"):
        watched.submit(name)
    assert watched.ready() == [b"a", b"b", b"c"]


def test_priority_comes_before_arrival(watched: Watched):
    watched.submit(b"a", priority=1)
    watched.submit(b"b", priority=3)
    watched.submit(b"c", priority=2)
    assert watched.ready() == [b"b", b"c", b"a"]


def test_nothing_comes_before_what_it_requires_however_high_its_priority(watched: Watched):
    watched.chain(b"alice", 0)
    watched.submit(b"bob 0", priority=5)
    watched.submit(b"alice 1", requires=b"alice 0", priority=9)
    assert watched.ready() == [b"bob 0", b"alice 0", b"alice 1"]


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (2, 0, 1), (0, 2, 1)])
def test_a_gap_that_closes_makes_all_ready(watched: Watched, order: tuple[int, ...]):
    watched.chain(b"alice", *order)
    assert watched.ready() == [b"alice 0", b"alice 1", b"alice 2"]
    assert watched.pool.future_count == 0


def test_a_gap_keeps_what_is_behind_it_in_the_future(watched: Watched):
    watched.chain(b"alice", 0, 2)
    assert watched.ready() == [b"alice 0"]
    assert watched.told == [(b"alice 0", Ready()), (b"alice 2", Future())]


def test_a_block_makes_ready_what_waited_for_its_transactions(watched: Watched):
    watched.chain(b"alice", 0, 1, 3)
    watched.pool.included([b"alice 0", b"alice 1"], tags=[b"alice 2"])
    assert watched.ready() == [b"alice 3"]


def test_a_block_ends_those_that_provide_the_same(watched: Watched):
    watched.chain(b"alice", 0, 1)
    watched.chain(b"alice", 4)
    watched.pool.included([], tags=[b"alice 0", b"alice 4"])
    assert watched.ready() == []
    assert watched.told[-1] == (b"alice 4", Invalid())
    assert (b"alice 0", Invalid()) in watched.told


def test_what_a_block_holds_already_is_not_given_again(watched: Watched):
    watched.chain(b"alice", 0, 1, 2)
    left = [one.hash for one in watched.pool.ready({b"alice 0"})]
    assert left == [b"alice 1", b"alice 2"]


def test_the_same_twice_is_refused_ready_or_future(watched: Watched):
    watched.chain(b"alice", 0, 5)
    for name in (b"alice 0", b"alice 5"):
        with pytest.raises(AlreadyImported):
            watched.submit(name)


def test_a_transaction_without_tags_is_refused(watched: Watched):
    with pytest.raises(NoTagsProvided):
        watched.pool.submit(b"a", b"a", ValidTransaction(1, (), (), 1, True), 0)


@pytest.mark.parametrize("priority", [4, 5])
def test_a_place_is_kept_against_the_same_or_a_lower_priority(watched: Watched, priority: int):
    watched.submit(b"old", provides=b"place", priority=5)
    with pytest.raises(TooLowPriority) as refused:
        watched.submit(b"new", provides=b"place", priority=priority)
    assert (refused.value.old, refused.value.new) == (5, priority)
    assert watched.ready() == [b"old"]


def test_a_place_is_lost_to_a_higher_priority(watched: Watched):
    watched.submit(b"old", provides=b"place", priority=5)
    watched.submit(b"next", requires=b"place", priority=1)
    watched.submit(b"new", provides=b"place", priority=6)
    assert watched.ready() == [b"new", b"next"]
    assert (b"old", Usurped(b"new")) in watched.told


def test_a_future_one_whose_place_is_taken_meanwhile_is_dropped(watched: Watched):
    watched.submit(b"first", provides=b"place", requires=b"start", priority=1)
    watched.submit(b"second", provides=b"place", requires=b"start", priority=1)
    watched.submit(b"start")
    assert watched.ready() == [b"start", b"first"]
    assert (b"second", Dropped()) in watched.told


def test_what_is_removed_takes_its_dependents_along_and_is_banned(watched: Watched):
    watched.chain(b"alice", 0, 1, 2)
    watched.chain(b"bob", 0)
    assert watched.pool.remove([b"alice 1"]) == [b"alice 1", b"alice 2"]
    assert watched.ready() == [b"alice 0", b"bob 0"]
    with pytest.raises(TemporarilyBanned):
        watched.chain(b"alice", 1)


@pytest.mark.parametrize(("seconds", "banned"), [(BAN_SECONDS - 1, True), (BAN_SECONDS, False)])
def test_a_ban_ends(watched: Watched, seconds: float, banned: bool):
    watched.submit(b"a")
    watched.pool.included([b"a"])
    watched.now = seconds
    if banned:
        with pytest.raises(TemporarilyBanned):
            watched.submit(b"a")
    else:
        watched.submit(b"a")


@pytest.mark.parametrize(("block", "there"), [(14, True), (15, False)])
def test_a_mortal_one_leaves_when_its_time_is_over(watched: Watched, block: int, there: bool):
    watched.submit(b"a", longevity=4, at=10)
    watched.pool.expire(block)
    assert (b"a" in watched.pool) is there


@pytest.mark.parametrize("limits", [PoolLimits(transactions=2), PoolLimits(bytes=20)])
def test_a_full_pool_refuses_what_would_come_last(limits: PoolLimits):
    watched = Watched(limits=limits)
    watched.submit(b"a")
    watched.submit(b"b")
    with pytest.raises(ImmediatelyDropped):
        watched.submit(b"c")
    assert watched.ready() == [b"a", b"b"]


def test_a_full_pool_makes_room_for_a_higher_priority():
    watched = Watched(limits=PoolLimits(transactions=2))
    watched.submit(b"a", priority=2)
    watched.submit(b"b", priority=1)
    watched.submit(b"c", priority=3)
    assert watched.ready() == [b"c", b"a"]
    assert (b"b", Dropped()) in watched.told


def test_the_future_is_limited_too():
    watched = Watched(limits=PoolLimits(transactions=2))
    watched.chain(b"alice", 5, 6)
    with pytest.raises(ImmediatelyDropped):
        watched.chain(b"alice", 7)
    assert watched.pool.future_count == 2


def test_taking_all_empties_the_pool_and_the_bans_and_tells_nobody(watched: Watched):
    watched.chain(b"alice", 1, 0, 5)
    watched.pool.remove([b"alice 5"])
    told = list(watched.told)
    assert [one.hash for one in watched.pool.take_all()] == [b"alice 1", b"alice 0"]
    assert watched.told == told
    watched.chain(b"alice", 5, 1, 0)
    assert watched.ready() == [b"alice 0", b"alice 1"]
