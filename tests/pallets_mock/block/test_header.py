from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.type_registry import load_type_registry_preset

from pallets_mock.block.header import AURA, DigestItem, DigestKind, Header, pre_runtime
from pallets_mock.errors import InvalidBlock

HASHES = st.binary(min_size=32, max_size=32)
ITEMS = st.one_of(
    st.builds(
        DigestItem,
        st.sampled_from([DigestKind.CONSENSUS, DigestKind.SEAL, DigestKind.PRE_RUNTIME]),
        st.binary(min_size=4, max_size=4),
        st.binary(max_size=80),
    ),
    st.builds(lambda data: DigestItem(DigestKind.OTHER, b"", data), st.binary(max_size=80)),
    st.just(DigestItem(DigestKind.RUNTIME_ENVIRONMENT_UPDATED)),
)
HEADERS = st.builds(
    Header, HASHES, st.integers(0, 2**32 - 1), HASHES, HASHES, st.lists(ITEMS).map(tuple)
)
EXAMPLE = Header(b"\1" * 32, 64, b"\2" * 32, b"\3" * 32, (pre_runtime(5),))


@given(HEADERS)
def test_a_header_decodes_to_what_it_was(header: Header) -> None:
    assert Header.decode(header.encode()) == header


@given(HEADERS)
def test_the_hash_changes_with_the_header(header: Header) -> None:
    assert header.hash() != header.with_item(DigestItem(DigestKind.OTHER)).hash()


def test_a_header_is_encoded_as_a_client_decodes_it() -> None:
    config = RuntimeConfigurationObject()
    config.update_type_registry(load_type_registry_preset("legacy"))

    decoded = config.create_scale_object("Header", ScaleBytes(EXAMPLE.encode())).decode()

    assert (decoded["parent_hash"], decoded["number"]) == ("0x" + "01" * 32, 64)
    assert (decoded["state_root"], decoded["extrinsics_root"]) == (
        "0x" + "02" * 32,
        "0x" + "03" * 32,
    )


def test_json_is_as_a_node_writes_it() -> None:
    assert EXAMPLE.to_json() == {
        "parentHash": "0x" + "01" * 32,
        "number": "0x40",
        "stateRoot": "0x" + "02" * 32,
        "extrinsicsRoot": "0x" + "03" * 32,
        "digest": {"logs": ["0x0661757261200500000000000000"]},
    }


@pytest.mark.parametrize("cut", range(len(EXAMPLE.encode())))
def test_a_header_that_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(InvalidBlock, match="no header"):
        Header.decode(EXAMPLE.encode()[:cut])


@pytest.mark.parametrize("after", [b"\x00", b"\xff" * 9])
def test_bytes_after_a_header_are_refused(after: bytes) -> None:
    with pytest.raises(InvalidBlock, match="too many"):
        Header.decode(EXAMPLE.encode() + after)


@pytest.mark.parametrize("kind", [1, 2, 3, 7, 9, 255])
def test_an_unknown_digest_item_is_refused(kind: int) -> None:
    header = Header(bytes(32), 0).encode()[:-1] + b"\x04" + bytes([kind])

    with pytest.raises(InvalidBlock):
        Header.decode(header)


def test_the_slot_is_auras() -> None:
    other = DigestItem(DigestKind.PRE_RUNTIME, b"BABE", (9).to_bytes(8, "little"))
    seal = DigestItem(DigestKind.SEAL, AURA, bytes(64))

    assert EXAMPLE.slot == 5
    assert Header(bytes(32), 1, digest=(other, pre_runtime(7), seal)).slot == 7
    assert Header(bytes(32), 1, digest=(other, seal)).slot is None


def test_unsealed_takes_off_the_seal_and_nothing_else() -> None:
    sealed = EXAMPLE.with_item(DigestItem(DigestKind.SEAL, AURA, bytes(64)))

    assert sealed.unsealed() == EXAMPLE
    assert EXAMPLE.unsealed() == EXAMPLE
