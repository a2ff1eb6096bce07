"""What the node tells the runtime in every block: the time, and Aura's slot."""

from __future__ import annotations

from collections.abc import Mapping

from pallets_mock.block.scale import byte_string
from pallets_mock.state.compact import compact

TIMESTAMP = b"timstap0"
AURA_SLOT = b"auraslot"


def inherent_data(timestamp_ms: int, slot: int) -> bytes:
    """SCALE `InherentData` of a block made then.

    Args:
        timestamp_ms: milliseconds since 1970.
        slot: number of slots since 1970.
    """
    return _encode(
        {
            TIMESTAMP: timestamp_ms.to_bytes(8, "little"),
            AURA_SLOT: slot.to_bytes(8, "little"),
        }
    )


def _encode(items: Mapping[bytes, bytes]) -> bytes:
    pairs = (key + byte_string(value) for key, value in sorted(items.items()))
    return compact(len(items)) + b"".join(pairs)
