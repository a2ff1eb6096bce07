"""Masks: long sequences of numbers modulo 2**64 from short keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from decentralml.learning.secagg.fixed import Ring

BLOCK: Final = 1 << 15
"""Numbers of a mask at once: 256 KiB, which fits a processor's cache."""
_ZEROS: Final = bytes(8 * BLOCK)


class MaskStream:
    """The mask of one key: AES-256 in counter mode over zeros, read from its beginning once.

    Args:
        key: 32 bytes, used for this mask and nothing else.
    """

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        self._cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        self._space = bytearray(8 * BLOCK)

    def read(self, count: int) -> Ring:
        """The next numbers, at most ``BLOCK``; valid until the next call."""
        size = 8 * count
        self._cipher.update_into(memoryview(_ZEROS)[:size], self._space)
        return np.frombuffer(self._space, "<u8", count)


@dataclass(frozen=True, slots=True)
class Mask:
    """One key's mask in a sum."""

    key: bytes
    added: bool
    """False: it is taken off."""

    def __repr__(self) -> str:
        return f"Mask(added={self.added})"


class MaskSum:
    """The sum of any number of masks, block by block.

    Args:
        masks: each with its sign; memory is one block for all and a cipher's state for each.
    """

    def __init__(self, masks: Iterable[Mask]) -> None:
        self._streams = [(MaskStream(mask.key), mask.added) for mask in masks]

    def read(self, count: int) -> Ring:
        """The next ``count`` numbers of the sum, any number."""
        total = np.zeros(count, np.uint64)
        for start in range(0, count, BLOCK):
            part = total[start : start + BLOCK]
            for stream, added in self._streams:
                if added:
                    part += stream.read(part.size)
                else:
                    part -= stream.read(part.size)
        return total
