"""What is pinned for us, told apart from what others pin."""

from __future__ import annotations

from decentralml.assets.cid import cid_of_bytes, to_text
from decentralml.assets.ipfs.claims import claim_block, claim_cid, claimed, pin_name

ONE, TWO = cid_of_bytes(b"one"), cid_of_bytes(b"two")


def pin(content: str, name: str) -> tuple[str, str]:
    from decentralml.types import Cid

    return to_text(claim_cid(Cid(content))), name


def test_a_claim_is_a_folder_with_one_link_so_that_its_pin_holds_the_content() -> None:
    from decentralml.assets.decoding import decode_node

    node = decode_node(claim_block(ONE))

    assert [(link.name, to_text(link.cid)) for link in node.links] == [("decentralml", ONE)]


def test_a_claim_is_never_the_content_itself() -> None:
    assert to_text(claim_cid(ONE)) != ONE


def test_our_pins_are_those_whose_name_fits_their_node() -> None:
    pins = [
        pin(ONE, pin_name(ONE)),
        pin(TWO, pin_name(ONE)),  # somebody named another node so
        (ONE, pin_name(ONE)),  # or the content itself
        pin(TWO, "decentralml:" + "x" * 59),
        pin(TWO, f"mine, not decentralml:{TWO}"),
        pin(TWO, ""),
    ]

    assert list(claimed(pins)) == [ONE]
