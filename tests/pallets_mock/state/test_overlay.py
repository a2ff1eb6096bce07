from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pallets_mock.state.overlay import Overlay
from tests.oracles.slow_overlay import CopiedOverlay, DictView

KEYS = st.lists(st.sampled_from([0x00, 0x01, 0xFF]), max_size=3).map(bytes)
VALUES = st.sampled_from([b"", b"\x00", b"\x04a", b"\x03\xff", b"\x01", b"plain", b"\xfc" * 70])


class OverlayAgainstCopies(RuleBasedStateMachine):
    """An overlay answers as a stack of whole dictionaries does."""

    @initialize(pairs=st.dictionaries(KEYS, VALUES, max_size=8))
    def start(self, pairs: dict[bytes, bytes]) -> None:
        self.below = pairs
        self.fast = Overlay(DictView(pairs))
        self.slow = CopiedOverlay(pairs)

    @rule()
    def begin(self) -> None:
        self.fast.start_transaction()
        self.slow.start_transaction()

    @precondition(lambda self: self.fast.depth > 0)
    @rule(keep=st.booleans())
    def end(self, keep: bool) -> None:
        for overlay in (self.fast, self.slow):
            (overlay.commit if keep else overlay.rollback)()

    @rule(key=KEYS, value=VALUES)
    def write(self, key: bytes, value: bytes) -> None:
        self.fast.set(key, value)
        self.slow.pairs[key] = value

    @rule(key=KEYS)
    def clear(self, key: bytes) -> None:
        self.fast.clear(key)
        self.slow.pairs.pop(key, None)

    @rule(key=KEYS, item=st.sampled_from([b"", b"item", b"other"]))
    def append(self, key: bytes, item: bytes) -> None:
        self.fast.append(key, item)
        self.slow.append(key, item)

    @rule(prefix=KEYS, limit=st.none() | st.integers(0, 4))
    def clear_prefix(self, prefix: bytes, limit: int | None) -> None:
        before = sum(key.startswith(prefix) for key in self.slow.pairs)
        below = sorted(key for key in self.below if key.startswith(prefix))
        looked_at = below if limit is None else below[:limit]

        cleared = self.fast.clear_prefix(prefix, limit)

        for key in list(self.slow.pairs):
            # An overlay's own keys go whatever the limit; so do the view's that it had changed.
            if key.startswith(prefix) and self.fast.get(key) is None:
                del self.slow.pairs[key]
        left = {key for key in self.slow.pairs if key.startswith(prefix)}
        assert left <= set(below) - set(looked_at)
        assert cleared.removed == before - len(left)
        assert cleared.visited == len(looked_at)
        assert cleared.next_key == (below[len(looked_at)] if len(looked_at) < len(below) else None)

    @rule(key=KEYS)
    def read(self, key: bytes) -> None:
        assert self.fast.get(key) == self.slow.pairs.get(key)
        assert self.fast.exists(key) == (key in self.slow.pairs)
        assert self.fast.next_key(key) == self.slow.next_key(key)

    @rule(prefix=KEYS, after=st.none() | KEYS)
    def list_keys(self, prefix: bytes, after: bytes | None) -> None:
        expected = sorted(
            k for k in self.slow.pairs if k.startswith(prefix) and (after is None or k > after)
        )
        assert list(self.fast.keys(prefix, after)) == expected

    @invariant()
    def same_pairs(self) -> None:
        merged = {**self.below, **self.fast.diff()}
        assert {k: v for k, v in merged.items() if v is not None} == self.slow.pairs


TestOverlayAgainstCopies = OverlayAgainstCopies.TestCase


@pytest.mark.parametrize("value", [b"\x01", b"\x07" + bytes(4) + b"\x01"])
def test_appending_to_what_is_no_list_starts_a_new_one(value: bytes) -> None:
    overlay = Overlay(DictView({b"k": value}))  # cut short; a count of 2**32

    overlay.append(b"k", b"item")

    assert overlay.get(b"k") == b"\x04item"


def test_rolling_back_an_append_gives_back_the_shorter_list() -> None:
    overlay = Overlay(DictView({}))
    overlay.append(b"events", b"one")
    overlay.start_transaction()
    overlay.append(b"events", b"two")
    overlay.rollback()
    overlay.append(b"events", b"six")

    assert overlay.get(b"events") == b"\x08onesix"


def test_what_an_inner_transaction_kept_goes_when_the_outer_one_is_rolled_back() -> None:
    overlay = Overlay(DictView({b"k": b"old"}))
    overlay.start_transaction()
    overlay.start_transaction()
    overlay.set(b"k", b"new")
    overlay.commit()
    overlay.rollback()

    assert overlay.get(b"k") == b"old"
    assert overlay.diff() == {}


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_ending_a_transaction_that_was_not_started_is_an_error(end: str) -> None:
    with pytest.raises(LookupError):
        getattr(Overlay(DictView({})), end)()


def test_rolling_back_to_a_depth_ends_the_transactions_above_it() -> None:
    overlay = Overlay(DictView({}))
    overlay.start_transaction()
    overlay.set(b"a", b"1")
    overlay.start_transaction()
    overlay.set(b"a", b"2")
    overlay.rollback_to(1)

    assert (overlay.depth, overlay.get(b"a")) == (1, b"1")
