from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallets_mock.block.inherents import inherent_data
from pallets_mock.block.outcome import Included, Refused, decode_outcome
from pallets_mock.block.scale import byte_string, join_extrinsics, split_extrinsics
from pallets_mock.errors import InvalidBlock
from pallets_mock.state.compact import compact, read_compact


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (63, "fc"),
        (64, "0101"),
        (16383, "fdff"),
        (16384, "02000100"),
        (2**30 - 1, "feffffff"),
        (2**30, "0300000040"),
        (2**64 - 1, "13ffffffffffffffff"),
    ],
)
def test_compact_numbers_at_each_boundary(number: int, encoded: str) -> None:
    assert compact(number).hex() == encoded
    assert read_compact(bytes.fromhex(encoded)) == (number, len(encoded) // 2)


@given(st.integers(0, 2**130), st.binary(max_size=3))
def test_a_compact_number_is_read_from_anywhere(number: int, around: bytes) -> None:
    data = around + compact(number) + around

    assert read_compact(data, len(around)) == (number, len(data) - len(around))


@given(st.integers(0, 2**70))
def test_a_compact_number_that_is_cut_short_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="ends"):
        read_compact(compact(number)[:-1])


@given(st.lists(st.binary(max_size=100)))
def test_extrinsics_are_split_as_they_were_joined(bodies: list[bytes]) -> None:
    extrinsics = [byte_string(body) for body in bodies]

    assert split_extrinsics(join_extrinsics(extrinsics)) == extrinsics


@pytest.mark.parametrize("data", [b"", b"\x04", b"\x04\x08a", b"\x00\x00"])
def test_what_is_no_list_of_extrinsics_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"ends|many"):
        split_extrinsics(data)


def test_inherent_data_is_a_sorted_map() -> None:
    encoded = inherent_data(timestamp_ms=0x1234, slot=2)

    assert encoded == (
        b"\x08"
        + b"auraslot\x20" + (2).to_bytes(8, "little")
        + b"timstap0\x20" + (0x1234).to_bytes(8, "little")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ("0000", Included()),
        ("000102", Included(b"\x02")),
        ("00010300010000", Included(bytes.fromhex("0300010000"))),
        ("010003", Refused(b"\x00\x03")),
        ("010006", Refused(b"\x00\x06")),
        ("01000709", Refused(b"\x00\x07\x09")),
        ("010100", Refused(b"\x01\x00")),
    ],
)
def test_outcomes_are_told_apart(result: str, outcome: Included | Refused) -> None:
    assert decode_outcome(bytes.fromhex(result)) == outcome


@pytest.mark.parametrize(("validity", "exhausts"), [("0006", True), ("0003", False)])
def test_only_a_full_block_exhausts(validity: str, exhausts: bool) -> None:
    assert Refused(bytes.fromhex(validity)).exhausts is exhausts


@pytest.mark.parametrize("result", ["", "00", "000000", "0001", "02", "0100", "0102"])
def test_a_result_that_is_none_is_refused(result: str) -> None:
    with pytest.raises(InvalidBlock, match="apply_extrinsic"):
        decode_outcome(bytes.fromhex(result))
