"""The cache in front of the storage answers as the storage behind it."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pallets_mock.executor.companion import CACHE_MOST
from pallets_mock.host.storage import CHILD_PREFIX, option_bytes
from tests.oracles.slow_overlay import CopiedOverlay
from tests.pallets_mock.executor.beside import Companion

GET, SET, EXISTS = "get_version_1", "set_version_1", "exists_version_1"

# Short keys share one entry, and so do long ones that end alike; one is the host's own.
NAMES = [
    b"",
    b"a",
    b"b",
    b"prefix one" + bytes(8),
    b"prefix two" + bytes(8),
    b"prefix one" + b"\x01" * 8,
    b"prefix one" + b"\x01" * 7 + b"\x02",
    CHILD_PREFIX + b"default:child",
    b":code",
    b"k" * CACHE_MOST,
    b"k" * (CACHE_MOST + 1),
]
KEYS = st.sampled_from(NAMES)
LENGTHS = [0, 1, 63, 64, CACHE_MOST - 4, CACHE_MOST - 3, CACHE_MOST - 2, CACHE_MOST, 9000]
VALUES = st.sampled_from([bytes([n % 251 + 1]) * n for n in LENGTHS])


class CacheAgainstCopies(RuleBasedStateMachine):
    @initialize(pairs=st.dictionaries(KEYS, VALUES, max_size=4))
    def start(self, pairs: dict[bytes, bytes]) -> None:
        self.companion = Companion(pairs)
        self.slow = CopiedOverlay(pairs)
        self.depth = 0

    @rule(key=KEYS)
    def read(self, key: bytes) -> None:
        expected = self.slow.pairs.get(key)
        assert self.companion.storage(GET, key) == option_bytes(expected)
        assert self.companion.storage(EXISTS, key) == (expected is not None)

    @rule(key=KEYS, value=VALUES)
    def write(self, key: bytes, value: bytes) -> None:
        self.companion.storage(SET, key, value)
        if not key.startswith(CHILD_PREFIX):
            self.slow.pairs[key] = value

    @rule(key=KEYS)
    def clear(self, key: bytes) -> None:
        self.companion.storage("clear_version_1", key)
        if not key.startswith(CHILD_PREFIX):
            self.slow.pairs.pop(key, None)

    @rule(key=KEYS, item=st.sampled_from([b"", b"item"]))
    def append(self, key: bytes, item: bytes) -> None:
        self.companion.storage("append_version_1", key, item)
        self.slow.append(key, item)

    @rule(prefix=st.sampled_from([b"a", b"prefix", b"prefix one", b"none"]), limited=st.booleans())
    def clear_prefix(self, prefix: bytes, limited: bool) -> None:
        if limited:
            self.companion.storage("clear_prefix_version_2", prefix, b"\x00")
        else:
            self.companion.storage("clear_prefix_version_1", prefix)
        for key in [key for key in self.slow.pairs if key.startswith(prefix)]:
            del self.slow.pairs[key]
        self.read_all()

    @rule()
    def read_all(self) -> None:
        for key in NAMES:
            self.read(key)

    @rule()
    def begin(self) -> None:
        self.companion.context.overlay.start_transaction()
        self.slow.start_transaction()
        self.depth += 1

    @precondition(lambda self: self.depth)
    @rule(keep=st.booleans())
    def end(self, keep: bool) -> None:
        self.depth -= 1
        if keep:
            self.companion.context.overlay.commit()
            self.slow.commit()
        else:
            self.companion.storage("rollback_transaction_version_1")
            self.slow.rollback()
        self.read_all()


TestCacheAgainstCopies = CacheAgainstCopies.TestCase
TestCacheAgainstCopies.settings = settings(deadline=None, max_examples=150)


@pytest.fixture
def companion() -> Companion:
    return Companion({b"account of somebody": b"rich"})


def test_reading_twice_asks_the_host_once(companion: Companion) -> None:
    answers = {companion.storage(GET, b"account of somebody") for _ in range(3)}

    assert answers == {option_bytes(b"rich")}
    assert companion.asked == [GET]


def test_that_there_is_nothing_is_remembered_too(companion: Companion) -> None:
    for _ in range(2):
        assert companion.storage(GET, b"account of nobody") == option_bytes(None)
        assert companion.storage(EXISTS, b"account of nobody") == 0

    assert companion.asked == [GET]


def test_what_was_written_is_read_without_asking(companion: Companion) -> None:
    companion.storage(SET, b"account of somebody", b"richer")

    assert companion.storage(GET, b"account of somebody") == option_bytes(b"richer")
    assert companion.asked == [SET]


def test_a_write_reaches_the_host_first(companion: Companion) -> None:
    companion.storage(SET, b"account of somebody", b"richer")

    assert companion.context.overlay.diff() == {b"account of somebody": b"richer"}


def test_an_answer_given_twice_is_two_allocations(companion: Companion) -> None:
    key = companion.memory.give(b"account of somebody")
    first, second = (companion.call("storage_" + GET, key) for _ in range(2))

    companion.memory.write_at(first & 0xFFFF_FFFF, b"#####")

    assert companion.memory.read(second) == option_bytes(b"rich")
    assert companion.storage(GET, b"account of somebody") == option_bytes(b"rich")


def test_the_cache_gives_back_what_it_no_longer_needs(companion: Companion) -> None:
    for number in range(2000):
        companion.storage(SET, b"account of somebody", bytes(number))
        companion.storage(GET, number.to_bytes(8, "big"))

    assert companion.memory.words[companion.memory.heap >> 2] < 64 * 1024
