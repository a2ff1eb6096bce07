from __future__ import annotations

import pytest

from pallets_mock.errors import InvalidTransaction, MalformedExtrinsic, UnknownValidity
from pallets_mock.pool.validity import INVALID, check_framing, validate, validity_error


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b"\x00", b"\x00"),
        (b"\x08ab", b"\x08ab"),
        (b"\x08abc", b"\x08ab"),  # a node, too, reads no further
        (b"\x09\x00ab", b"\x08ab"),  # the length in two bytes where one is enough
    ],
)
def test_an_extrinsic_is_as_long_as_it_says(given: bytes, kept: bytes):
    assert check_framing(given) == kept


@pytest.mark.parametrize("broken", [b"", b"\x04", b"\x08a", b"\x02\x00", b"\xff" + b"\xff" * 70])
def test_an_extrinsic_that_ends_too_early_is_none(broken: bytes):
    with pytest.raises(MalformedExtrinsic):
        check_framing(broken)


def test_the_terms_of_a_valid_transaction_are_read():
    verdict = (
        b"\x00"
        + (7).to_bytes(8, "little")
        + b"\x04\x08r1"
        + b"\x08\x08p1\x0cp22"
        + (64).to_bytes(8, "little")
        + b"\x01"
    )
    asked = []

    def execute(entry: str, argument: bytes) -> bytes:
        asked.append((entry, argument))
        return verdict

    terms = validate(execute, b"\x04x", b"h" * 32)

    assert asked == [
        ("TaggedTransactionQueue_validate_transaction", b"\x02\x04x" + b"h" * 32),
    ]
    assert (terms.priority, terms.longevity, terms.propagate) == (7, 64, True)
    assert terms.requires == (b"r1",)
    assert terms.provides == (b"p1", b"p22")


@pytest.mark.parametrize(("index", "name"), [(i, name) for i, (name, _) in enumerate(INVALID)])
def test_each_reason_of_invalidity_has_its_name(index: int, name: str):
    error = validity_error(bytes((0, index, 9)))
    assert isinstance(error, InvalidTransaction)
    assert error.reason == name
    assert error.custom == (9 if name == "Custom" else None)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [(b"\x01\x00", "CannotLookup"), (b"\x01\x02\x05", "Custom(5)"), (b"\x01\x63", "Reason99")],
)
def test_unknown_validity_is_said_by_its_reason(encoded: bytes, reason: str):
    error = validity_error(encoded)
    assert isinstance(error, UnknownValidity)
    assert error.reason == reason


def test_a_reason_from_a_newer_runtime_is_still_a_refusal():
    error = validity_error(b"\x00\x63")
    assert isinstance(error, InvalidTransaction)
    assert error.reason == "Reason99"
