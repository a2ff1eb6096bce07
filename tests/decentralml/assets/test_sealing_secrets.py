"""Secret keys of another length are none, whatever their letters say."""

from __future__ import annotations

import pytest
from bech32 import bech32_encode, convertbits

from decentralml.assets.sealing.errors import InvalidSealingKey
from decentralml.assets.sealing.keys import Identity, SealingKey


def written(prefix: str, length: int) -> str:
    bits = convertbits(bytes([9] * length), 8, 5)
    assert bits is not None
    return bech32_encode(prefix, bits)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_well_written_key_of_another_length_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="no secret key of age"):
        Identity(written("age-secret-key-", length).upper())
    with pytest.raises(InvalidSealingKey):
        SealingKey.parse(written("age", length))


def test_one_of_the_right_length_is() -> None:
    assert Identity(written("age-secret-key-", 32).upper()).export().startswith("AGE-SECRET-KEY-1")
    assert SealingKey.parse(written("age", 32)).raw == bytes([9] * 32)
