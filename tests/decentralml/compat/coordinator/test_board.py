"""What requests see, in the orders in which things may happen."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.compat.coordinator.board import FINISH, NO_LEAVE, REJECT, STAND_BY, Board
from decentralml.compat.coordinator.rounds import Standing
from decentralml.compat.coordinator.seats import Seat, Selection
from decentralml.compat.coordinator.settings import parsed
from decentralml.types import AccountId, Cid
from tests.decentralml.compat.coordinator.house import CONFIG

KEPT = Seat("kept-id", AccountId("5Kept"), "kept-0001", 1)
KEYED = Seat("keyed-id", AccountId("5Keyed"), None, 1)
ONE, OTHER = Cid("bafkone"), Cid("bafkother")


@pytest.fixture
def board() -> Board:
    """Both are selected in round 1, which wants both results."""
    board = Board(parsed(CONFIG, Path("/none/coordinator.toml")))
    board.restore([KEPT, KEYED], Selection(2, {"kept-id": "a", "keyed-id": "b"}), {}, {})
    return board


def standing(board: Board, seat: Seat) -> Standing:
    return board.rounds.people[seat.id].standing


def test_a_kept_keys_result_counts_once_though_its_block_is_seen_first(board: Board) -> None:
    board.sent(1, KEPT.account, ONE)
    board.take(KEPT, 1, ONE)

    assert standing(board, KEPT) is Standing.DONE
    assert board.rounds.done == 1


def test_a_result_counts_when_its_signature_is_on_chain(board: Board) -> None:
    board.take(KEYED, 1, ONE)
    assert standing(board, KEYED) is Standing.SIGNING

    assert board.sent(1, KEYED.account, ONE) == KEYED
    assert standing(board, KEYED) is Standing.DONE


@pytest.mark.parametrize("taken", [None, ONE])
def test_a_signature_for_something_else_is_no_delivery(board: Board, taken: Cid | None) -> None:
    if taken is not None:
        board.take(KEYED, 1, taken)
    board.sent(1, KEYED.account, OTHER)

    assert standing(board, KEYED) is Standing.OUT


def test_what_the_chain_tells_of_strangers_and_other_rounds_changes_nothing(board: Board) -> None:
    assert board.sent(1, AccountId("5Stranger"), ONE) is None
    assert board.sent(2, KEPT.account, ONE) is None
    assert board.rounds.done == 0


def test_a_token_is_good_while_at_work_and_when_done_but_not_when_out(board: Board) -> None:
    assert board.allows("kept-id", "a")
    assert not board.allows("kept-id", "b")
    board.take(KEPT, 1, ONE)
    assert board.allows("kept-id", "a")
    board.rounds.fail("keyed-id", 0)
    assert not board.allows("keyed-id", "b")


def test_after_the_round_no_token_is_good(board: Board) -> None:
    board.end_round()

    assert not board.allows("kept-id", "a")
    assert board.heartbeat("kept-id") == STAND_BY
    assert board.start_training("kept-id", "http://here") == NO_LEAVE


def test_a_heartbeat_tells_what_to_do(board: Board) -> None:
    assert board.heartbeat("kept-id") == {"round": 1, "state": "round"}
    assert board.heartbeat("nobody") == REJECT
    board.take(KEPT, 1, ONE)
    assert board.heartbeat("kept-id") == STAND_BY


def test_everybody_is_told_of_the_end(board: Board) -> None:
    board.finished = True
    assert board.untold()
    assert board.heartbeat("kept-id") == FINISH
    assert board.untold()
    assert board.heartbeat("keyed-id") == FINISH
    assert not board.untold()


def test_one_that_delivered_before_it_came_again_waits_for_the_next_round(board: Board) -> None:
    board.leave("keyed-id")
    again = Seat("again-id", KEYED.account, None, 1)
    assert board.sit(again, sent=True)

    assert standing(board, again) is Standing.OUT
    board.rounds.begin(2, 0)
    assert standing(board, again) is Standing.WAITING


def test_after_a_restart_everybody_stands_where_the_chain_says() -> None:
    seats = [Seat(f"id{n}", AccountId(f"5{n}"), "kept" if n == 5 else None, 1) for n in range(6)]
    board = Board(parsed(CONFIG, Path("/none/coordinator.toml")))
    board.restore(
        seats,
        Selection(5, {f"id{n}": f"token{n}" for n in (0, 1, 2, 3, 5)}),
        taken={
            AccountId("50"): ONE,
            AccountId("51"): ONE,
            AccountId("52"): ONE,
            AccountId("55"): ONE,
        },
        sent={AccountId("50"): ONE, AccountId("51"): OTHER, AccountId("5gone"): ONE},
    )

    assert [standing(board, seat) for seat in seats] == [
        Standing.DONE,  # taken and on chain
        Standing.OUT,  # signed for something else
        Standing.SIGNING,  # taken, not on chain
        Standing.SELECTED,
        Standing.WAITING,  # was not selected
        Standing.SELECTED,  # a kept key sends when the same result comes again
    ]
    assert board.rounds.done == 2  # with the one whose participant is gone
