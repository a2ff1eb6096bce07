from __future__ import annotations

import pytest

from pallets_mock.errors import HostError
from pallets_mock.host import storage
from pallets_mock.host.context import HostContext
from tests.oracles.slow_trie import slow_root

NONE = b"\x00"


def given(context: HostContext, data: bytes) -> int:
    return context.memory.give(data)


def answer(context: HostContext, packed: int) -> bytes:
    return context.memory.read(packed)


def get(context: HostContext, key: bytes) -> bytes:
    return answer(context, storage.get_version_1(context, given(context, key)))


def test_get_is_an_option_of_the_value(context: HostContext) -> None:
    assert get(context, b"old") == b"\x01\x14below"
    assert get(context, b"new") == NONE


def test_set_and_clear_are_seen_at_once(context: HostContext) -> None:
    storage.set_version_1(context, given(context, b"new"), given(context, b""))
    storage.clear_version_1(context, given(context, b"old"))

    assert get(context, b"new") == b"\x01\x00"
    assert get(context, b"old") == NONE
    assert storage.exists_version_1(context, given(context, b"new")) == 1
    assert storage.exists_version_1(context, given(context, b"old")) == 0


@pytest.mark.parametrize(
    ("offset", "room", "copied", "left"),
    [(0, 9, b"below", 5), (0, 2, b"be", 5), (3, 9, b"ow", 2), (5, 9, b"", 0), (6, 9, b"", 0)],
)
def test_read_copies_what_fits_and_says_how_much_there_is(
    context: HostContext, offset: int, room: int, copied: bytes, left: int
) -> None:
    out = given(context, b"#" * room)

    result = storage.read_version_1(context, given(context, b"old"), out, offset)

    assert answer(context, result) == b"\x01" + left.to_bytes(4, "little")
    assert answer(context, out) == copied + b"#" * (room - len(copied))


def test_read_of_nothing_copies_nothing(context: HostContext) -> None:
    out = given(context, b"##")

    result = storage.read_version_1(context, given(context, b"new"), out, 0)

    assert (answer(context, result), answer(context, out)) == (NONE, b"##")


def test_append_makes_a_list_longer(context: HostContext) -> None:
    for item in (b"one", b"two"):
        storage.append_version_1(context, given(context, b"list"), given(context, item))

    assert get(context, b"list") == b"\x01\x1c" + b"\x08onetwo"


def test_next_key_skips_what_was_cleared(context: HostContext) -> None:
    storage.clear_version_1(context, given(context, b"older"))
    storage.set_version_1(context, given(context, b"z"), given(context, b"1"))

    result = storage.next_key_version_1(context, given(context, b"old"))

    assert answer(context, result) == b"\x01\x04z"
    assert answer(context, storage.next_key_version_1(context, given(context, b"z"))) == NONE


@pytest.mark.parametrize(
    ("limit", "result", "left"),
    [
        (b"\x00", b"\x00\x02\x00\x00\x00", []),
        (b"\x01\x02\x00\x00\x00", b"\x00\x02\x00\x00\x00", []),
        (b"\x01\x01\x00\x00\x00", b"\x01\x01\x00\x00\x00", [b"older"]),
        (b"\x01\x00\x00\x00\x00", b"\x01\x00\x00\x00\x00", [b"old", b"older"]),
    ],
)
def test_clear_prefix_says_whether_something_is_left(
    context: HostContext, limit: bytes, result: bytes, left: list[bytes]
) -> None:
    cleared = storage.clear_prefix_version_2(context, given(context, b"old"), given(context, limit))

    assert answer(context, cleared) == result
    assert list(context.overlay.keys()) == left


@pytest.mark.parametrize("prefix", [b"", b":child", b":child_storage:", b":child_storage:x"])
def test_where_child_tries_are_rooted_nothing_is_cleared(
    context: HostContext, prefix: bytes
) -> None:
    context.overlay.set(b":child_storage:x", b"root")

    storage.clear_prefix_version_1(context, given(context, prefix))

    assert context.overlay.get(b":child_storage:x") == b"root"


def test_where_child_tries_are_rooted_nothing_is_written(context: HostContext) -> None:
    key = given(context, b":child_storage:default:x")

    storage.set_version_1(context, key, given(context, b"root"))
    storage.clear_version_1(context, key)

    assert context.overlay.diff() == {}


@pytest.mark.parametrize("option", [b"", b"\x02", b"\x01\x00", b"\x01" + bytes(5)])
def test_a_limit_that_is_no_option_is_refused(context: HostContext, option: bytes) -> None:
    with pytest.raises(HostError, match="Option<u32>"):
        storage.clear_prefix_version_2(context, given(context, b"old"), given(context, option))


@pytest.mark.parametrize("layout", [0, 1])
def test_the_root_is_that_of_all_that_was_written(context: HostContext, layout: int) -> None:
    storage.set_version_1(context, given(context, b"new"), given(context, b"n" * 40))

    root = storage.root_version_2(context, layout)

    pairs = {b"old": b"below", b"older": b"deep", b"new": b"n" * 40}
    assert answer(context, root) == slow_root(pairs, layout)
    if layout == 0:
        assert answer(context, storage.root_version_1(context)) == slow_root(pairs, 0)


def test_an_unknown_state_version_is_refused(context: HostContext) -> None:
    with pytest.raises(HostError, match="state version 2"):
        storage.root_version_2(context, 2)


def test_there_is_never_a_changes_root(context: HostContext) -> None:
    assert answer(context, storage.changes_root_version_1(context, 0)) == NONE


def test_transactions_nest(context: HostContext) -> None:
    storage.start_transaction_version_1(context)
    storage.set_version_1(context, given(context, b"a"), given(context, b"1"))
    storage.start_transaction_version_1(context)
    storage.set_version_1(context, given(context, b"a"), given(context, b"2"))
    storage.rollback_transaction_version_1(context)
    storage.commit_transaction_version_1(context)

    assert context.overlay.diff() == {b"a": b"1"}


@pytest.mark.parametrize(
    "end", [storage.rollback_transaction_version_1, storage.commit_transaction_version_1]
)
def test_the_runtime_ends_only_its_own_transactions(context: HostContext, end) -> None:
    context.overlay.start_transaction()
    inner = HostContext(context.memory, context.overlay, context.keystore, context.read_version)

    with pytest.raises(HostError, match="did not start"):
        end(inner)
    assert context.overlay.depth == 1
