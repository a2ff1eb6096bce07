"""The seal: a block's author signs its hash. The authors here are the well-known ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pallets_mock.block.header import AURA, DigestItem, DigestKind, Header
from pallets_mock.host.signatures import sr25519_public, sr25519_sign, sr25519_verifies

# sr25519 seeds of //Alice … //Ferdie under Substrate's development phrase: public knowledge.
WELL_KNOWN_SEEDS = {
    name: bytes.fromhex(seed)
    for name, seed in {
        "Alice": "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
        "Bob": "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89",
        "Charlie": "bc1ede780f784bb6991a585e4f6e61522c14e1cae6ad0895fb57b9a205a8f938",
        "Dave": "868020ae0687dda7d57565093a69090211449845a7e11453612800b663307246",
        "Eve": "786ad0e2df456fe43dd1f91ebca22e235bc162e0bb8d53c633e8c85b2af68b7a",
        "Ferdie": "42438b7883391c05512a938e36c2df0131e088b3756d6aa7a755fbff19d2f842",
    }.items()
}


@dataclass(frozen=True, slots=True, repr=False)
class Authority:
    """Somebody who may seal blocks.

    Args:
        seed: 32 bytes, sr25519.
    """

    seed: bytes

    @classmethod
    def development(cls, name: str = "Alice") -> Authority:
        """One of the well-known accounts. Raises KeyError."""
        return cls(WELL_KNOWN_SEEDS[name])

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return sr25519_public(self.seed)

    def seal(self, header: Header) -> Header:
        """The header with this authority's signature of it as its last digest item."""
        signature = sr25519_sign(self.seed, header.hash())
        return header.with_item(DigestItem(DigestKind.SEAL, AURA, signature))


def author_of(slot: int, authorities: Sequence[bytes]) -> Authority:
    """Whose turn it is in a slot, if that is a well-known account; else Alice.

    Args:
        authorities: public keys, as `AuraApi_authorities` has them.
    """
    for name in WELL_KNOWN_SEEDS:
        authority = Authority.development(name)
        if authorities and authorities[slot % len(authorities)] == authority.public:
            return authority
    return Authority.development()


def is_sealed_by(header: Header, public: bytes) -> bool:
    """Whether the header's last digest item is that authority's seal of the rest."""
    if not header.digest or header.digest[-1].kind is not DigestKind.SEAL:
        return False
    return sr25519_verifies(header.digest[-1].data, header.unsealed().hash(), public)
