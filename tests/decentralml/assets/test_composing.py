"""Parts under one root: none stands in another's way, and no first block is believed."""

from __future__ import annotations

import pytest

from decentralml.assets.cid import cid_of_bytes, raw_cid
from decentralml.assets.composing import compose, entry_of
from decentralml.assets.unixfs import Entry
from decentralml.errors import BundleRefused, ContentMismatch


class Lying:
    """A source that has other bytes."""

    def get(self, cid: bytes) -> bytes:
        return b"other bytes"


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b", "a"), ("parts.json/a",)])
def test_a_part_above_or_below_another_is_refused_in_either_order(paths: tuple[str, ...]) -> None:
    entry = Entry(raw_cid(b"content"), 7, 7)
    with pytest.raises(BundleRefused, match="another part stands"):
        compose(dict.fromkeys(paths, entry), b"{}")


def test_a_first_block_with_other_bytes_says_nothing_of_the_content() -> None:
    with pytest.raises(ContentMismatch, match="other bytes than its hash says"):
        entry_of(Lying(), cid_of_bytes(b"content"))
