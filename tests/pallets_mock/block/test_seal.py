from __future__ import annotations

import pytest

from pallets_mock.block.header import Header, pre_runtime
from pallets_mock.block.seal import WELL_KNOWN_SEEDS, Authority, author_of, is_sealed_by
from tests.pallets_mock.offline import well_known

HEADER = Header(bytes(32), 1, digest=(pre_runtime(1),))


@pytest.mark.parametrize("name", WELL_KNOWN_SEEDS)
def test_the_well_known_accounts_are_the_development_phrases(name: str) -> None:
    assert Authority.development(name).public == well_known(name).public_key


def test_a_seal_is_of_this_header_only() -> None:
    alice = Authority.development()
    sealed = alice.seal(HEADER)
    moved = Header(b"\1" * 32, 1, digest=sealed.digest)

    assert is_sealed_by(sealed, alice.public)
    assert not is_sealed_by(moved, alice.public)


def test_authorities_take_turns_by_slot() -> None:
    publics = [Authority.development(name).public for name in ("Alice", "Bob", "Charlie")]

    assert [author_of(slot, publics).public for slot in range(4)] == [*publics, publics[0]]


def test_alice_stands_in_for_a_stranger() -> None:
    assert author_of(0, [b"\7" * 32]) == Authority.development()
    assert author_of(0, []) == Authority.development()


def test_a_seed_is_never_shown() -> None:
    assert Authority.development().seed.hex() not in repr(Authority.development())
