"""Any number of members, any threshold above half, any drop-outs: the sum is exact, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.learning.secagg import keys
from decentralml.learning.secagg.collector import masks_left
from decentralml.learning.secagg.errors import (
    MessageRefused,
    SecretNotRecovered,
    TooFewMembers,
    UnsafeRequest,
)
from decentralml.learning.secagg.masks import BLOCK, MaskSum
from decentralml.learning.secagg.member import Secrets, announce, masks, reveal
from decentralml.learning.secagg.session import Revealed, Session, threshold_of

NUMBERS = np.arange(5, dtype=np.uint64)


@st.composite
def courses(draw: st.DrawFn) -> tuple[int, int, list[int], list[int], list[int]]:
    """How many members, which threshold, and who is left after each step."""
    count = draw(st.integers(1, 9))
    threshold = draw(st.integers(count // 2 + 1, count))

    def some_of(members: list[int]) -> st.SearchStrategy[list[int]]:
        return st.lists(st.sampled_from(members), min_size=threshold, unique=True)

    announced = draw(some_of(list(range(count))))
    masked = draw(some_of(announced))
    revealed = draw(some_of(announced))
    return count, threshold, announced, masked, revealed


@settings(max_examples=60, deadline=None)
@given(course=courses(), seed=st.integers(0, 2**32))
def test_the_sum_of_those_who_are_left_is_exact(
    group: Any, course: tuple[int, int, list[int], list[int], list[int]], seed: int
) -> None:
    count, threshold, announced_, masked_, revealed_ = course
    many = group(count, threshold)
    random = np.random.default_rng(seed)
    inputs = {n: random.integers(0, 2**64, 7, dtype=np.uint64) for n in many.names}
    announced = many.announce([many.names[at] for at in announced_])

    masked = {name: many.mask(name, announced, inputs[name]) for name in pick(many, masked_)}
    revealed = many.reveal(pick(many, revealed_), announced, masked)

    expected = np.sum([inputs[name] for name in masked], axis=0, dtype=np.uint64)
    assert np.array_equal(many.unmask(announced, masked, revealed), expected)


def pick(group: Any, places: list[int]) -> list[str]:
    return [group.names[at] for at in places]


def test_one_who_reveals_less_than_the_threshold_ends_the_session(group: Any) -> None:
    four = group(4, 3)
    announced = four.announce(four.names)
    masked = {name: four.mask(name, announced, NUMBERS) for name in four.names}
    revealed = four.reveal(four.names[:2], announced, masked)

    with pytest.raises(TooFewMembers) as refused:
        four.unmask(announced, masked, revealed)

    assert (refused.value.found, refused.value.needed) == (2, 3)


def test_a_member_gives_a_share_of_one_secret_only(group: Any) -> None:
    four = group(4, 3)
    announced = four.announce(four.names)

    revealed = four.reveal(four.names[:1], announced, four.names[:3])[four.names[0]]

    assert set(revealed.own) == set(four.names[:3])
    assert set(revealed.pair) == {four.names[3]}


def test_too_few_survivors_are_told_nothing(group: Any) -> None:
    four = group(4, 3)
    announced = four.announce(four.names)
    with pytest.raises(TooFewMembers):
        four.reveal(four.names, announced, four.names[:2])


def test_a_survivor_who_never_announced_is_an_unsafe_request(group: Any) -> None:
    four = group(4, 3)
    announced = four.announce(four.names[:3])
    with pytest.raises(UnsafeRequest):
        four.reveal(four.names[:3], announced, four.names)


def test_nobody_masks_for_a_sum_of_too_few(group: Any) -> None:
    four = group(4, 3)
    announced = four.announce(four.names[:2])
    with pytest.raises(TooFewMembers):
        four.mask(four.names[0], announced, NUMBERS)


def test_nobody_masks_for_a_sum_without_them(group: Any) -> None:
    four = group(4, 3)
    announced = four.announce(four.names[:3])
    with pytest.raises(UnsafeRequest):
        four.mask(four.names[3], announced, NUMBERS)


def test_members_with_different_rosters_share_no_masks(group: Any) -> None:
    """A collector that shows each another roster gets noise, no sum."""
    three = group(3, 2)
    other = group(3, 2)
    other.channel, other.secrets, other.context = three.channel, three.secrets, b"another"
    announced, elsewhere = three.announce(three.names), other.announce(three.names)
    masked = {n: three.mask(n, announced, NUMBERS) for n in three.names[:2]}
    masked[three.names[2]] = other.mask(three.names[2], elsewhere, NUMBERS)
    revealed = three.reveal(three.names, announced, three.names)

    assert not np.array_equal(three.unmask(announced, masked, revealed), 3 * NUMBERS)


def test_shares_of_another_session_are_not_opened(group: Any) -> None:
    three = group(3, 2)
    announced = three.announce(three.names)
    three.context = b"the next session"

    revealed = three.reveal(three.names[:1], announced, three.names)[three.names[0]]

    assert not revealed.own


def test_one_liar_about_shares_is_found_and_left_out(group: Any) -> None:
    five = group(5, 3)
    announced = five.announce(five.names)
    masked = {name: five.mask(name, announced, NUMBERS) for name in five.names[:4]}
    revealed = five.reveal(five.names[:4], announced, masked)
    revealed[five.names[0]] = Revealed(
        dict.fromkeys(five.names[:4], bytes(33)), {five.names[4]: bytes(33)}
    )

    assert np.array_equal(five.unmask(announced, masked, revealed), 4 * NUMBERS)


def test_a_member_who_shared_other_secrets_than_announced_is_named(group: Any) -> None:
    four = group(4, 3)
    announced = four.announce(four.names)
    liar = four.names[1]
    false = announce(four.session, liar, four.channel[liar], Secrets())
    announced[liar] = type(false)(
        announced[liar].mask_key, announced[liar].commitment, false.sealed
    )
    masked = {name: four.mask(name, announced, NUMBERS) for name in four.names}
    revealed = four.reveal(four.names, announced, four.names)

    with pytest.raises(SecretNotRecovered) as found:
        masks_left(four.session, announced, masked, revealed)

    assert found.value.member == liar


def test_a_key_of_small_order_is_refused(group: Any) -> None:
    three = group(3, 2)
    announced = three.announce(three.names)
    bad = announced[three.names[2]]
    announced[three.names[2]] = type(bad)(bytes(32), bad.commitment, bad.sealed)
    with pytest.raises(MessageRefused):
        three.mask(three.names[0], announced, NUMBERS)


@pytest.mark.parametrize(("members", "threshold"), [(4, 2), (5, 2), (3, 4), (0, 0)])
def test_a_threshold_of_half_or_of_more_than_all_is_refused(members: int, threshold: int) -> None:
    public = {str(at): keys.public_of(keys.new_secret()) for at in range(members)}
    with pytest.raises(UnsafeRequest):
        Session(b"", public, threshold)


def test_who_copies_anothers_key_learns_nothing_by_it_and_stops_nobody(group: Any) -> None:
    """The copy is public; what is sealed for the copyist opens with the owner's key alone."""
    four = group(4, 3)
    keys_of = dict(four.session.keys)
    copied = Session(four.context, {**keys_of, "member 3": keys_of["member 0"]}, 3)
    word = announce(copied, "member 1", four.channel["member 1"], four.secrets["member 1"])
    three = ["member 0", "member 1", "member 2"]
    shares = reveal(copied, "member 3", four.channel["member 3"], dict.fromkeys(three, word), three)
    assert not shares.own


def test_a_member_that_seals_nothing_useful_is_named(group: Any) -> None:
    four = group(4, 3)
    announced = four.announce(four.names)
    word = announced["member 2"]
    noise = {name: bytes(94) for name in word.sealed}
    announced["member 2"] = type(word)(word.mask_key, word.commitment, noise)
    masked = {name: four.mask(name, announced, NUMBERS) for name in four.names}
    revealed = four.reveal(four.names, announced, four.names)
    with pytest.raises(SecretNotRecovered) as found:
        four.unmask(announced, masked, revealed)
    assert found.value.member == "member 2"


@pytest.mark.parametrize(
    ("members", "fraction", "threshold"),
    [(3, 0.67, 3), (4, 0.5, 3), (5, 0.5, 3), (6, 0.5, 4), (100, 2 / 3, 67), (2, 0.1, 2), (1, 1, 1)],
)
def test_the_threshold_is_the_fraction_and_more_than_half(
    members: int, fraction: float, threshold: int
) -> None:
    assert threshold_of(members, fraction) == threshold


class TestWhatTheCollectorSees:
    """One masked update says nothing: with every input some masks give the same masked update."""

    def test_a_masked_update_is_uniform_whatever_the_update(self, group: Any) -> None:
        three = group(3, 2)
        announced = three.announce(three.names)
        zeros = np.zeros(1 << 16, np.uint64)

        masked = three.mask(three.names[0], announced, zeros)

        counts = np.bincount(masked.view(np.uint8), minlength=256)
        expected = masked.nbytes / 256
        chi_square = float(((counts - expected) ** 2 / expected).sum())
        assert chi_square < 400  # 255 degrees of freedom: beyond it once in 10**8

    def test_masked_updates_of_two_inputs_cannot_be_told_apart_without_the_own_mask(
        self, group: Any
    ) -> None:
        """All pair masks of a member may become known; its own mask still hides the input."""
        three = group(3, 2)
        announced = three.announce(three.names)
        me = three.names[0]
        numbers = np.full(1 << 16, 12345, np.uint64)
        masked = three.mask(me, announced, numbers)

        pairs = masks(three.session, me, three.secrets[me], announced)[1:]
        bare = masked - MaskSum(pairs).read(numbers.size)

        counts = np.bincount(bare.view(np.uint8), minlength=256)
        chi_square = float(((counts - bare.nbytes / 256) ** 2 / (bare.nbytes / 256)).sum())
        assert chi_square < 400

    def test_each_session_has_other_masks(self, group: Any) -> None:
        three = group(3, 2)
        first = three.mask(three.names[0], three.announce(three.names), NUMBERS)
        three.context = b"the next session"
        second = three.mask(three.names[0], three.announce(three.names), NUMBERS)
        assert not np.array_equal(first, second)

    def test_secrets_are_not_shown(self) -> None:
        mine = Secrets()
        assert mine.own.hex() not in repr(mine)
        assert "own=" not in repr(mine)


def test_masks_are_read_in_pieces_of_any_size(group: Any) -> None:
    three = group(3, 2)
    mine = masks(three.session, "member 0", three.secrets["member 0"], three.announce(three.names))
    size = 2 * BLOCK + 5
    whole, pieces = MaskSum(mine).read(size), MaskSum(mine)
    parts = [pieces.read(count) for count in (1, BLOCK - 1, BLOCK + 3, 2)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_a_share_sealed_for_somebody_else_is_not_opened(group: Any) -> None:
    three = group(3, 2)
    announced = three.announce(three.names)
    word = announced["member 1"]
    swapped = {**word.sealed, "member 0": word.sealed["member 2"]}
    announced["member 1"] = type(word)(word.mask_key, word.commitment, swapped)

    mine = reveal(three.session, "member 0", three.channel["member 0"], announced, set(three.names))

    assert set(mine.own) == {"member 0", "member 2"}
