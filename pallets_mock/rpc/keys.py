"""`author_*Key*`: the node's own keys, which it seals and signs with. In memory only."""

from __future__ import annotations

from dataclasses import dataclass

from pallets_mock.block.scale import Reader, byte_string
from pallets_mock.block.seal import WELL_KNOWN_SEEDS
from pallets_mock.host.keystore import ED25519, SR25519
from pallets_mock.node import Node
from pallets_mock.rpc.dispatch import Handler
from pallets_mock.rpc.errors import AUTHOR_OTHER, RpcError
from pallets_mock.rpc.hexadecimal import to_hex
from pallets_mock.rpc.params import Bytes


@dataclass
class KeysRpc:
    """Session keys: made, kept, asked for."""

    node: Node

    def methods(self) -> dict[str, Handler]:
        """Handlers by wire name."""
        return {
            "author_hasKey": self.has_key,
            "author_hasSessionKeys": self.has_session_keys,
            "author_insertKey": self.insert_key,
            "author_rotateKeys": self.rotate_keys,
            "author_rotateKeysWithOwner": self.rotate_keys_with_owner,
        }

    def has_key(self, public_key: Bytes, key_type: str) -> bool:
        """Whether the node has the private key."""
        return self.node.chain.runtime.keystore.has(_key_type(key_type), public_key)

    def has_session_keys(self, session_keys: Bytes) -> bool:
        """Whether the node has every private key of SCALE session keys."""
        argument = byte_string(session_keys)
        output = self.node.chain.call("SessionKeys_decode_session_keys", argument).output
        reader = Reader(output)
        if reader.byte() == 0:
            raise RpcError(AUTHOR_OTHER, "Session keys are not encoded correctly")
        pairs = [(reader.byte_string(), reader.take(4)) for _ in range(reader.number())]
        keystore = self.node.chain.runtime.keystore
        return all(keystore.has(key_type, public) for public, key_type in pairs)

    def insert_key(self, key_type: str, suri: str, public: Bytes) -> None:
        """Give the node a key.

        Args:
            suri: its secret: 32 bytes of hexadecimal with 0x, or a well-known account
                such as `//Alice`.
            public: must be the secret's, sr25519 or ed25519.
        """
        seed = _seed(suri)
        for scheme in (SR25519, ED25519):
            if scheme.public_of(seed) == public:
                self.node.chain.runtime.keystore.insert(scheme, _key_type(key_type), seed)
                return
        raise _unavailable("the public key is not that of the secret")

    def rotate_keys(self) -> str:
        """Make new session keys; returns the public ones."""
        return self.rotate_keys_with_owner(Bytes(b""))["keys"]

    def rotate_keys_with_owner(self, owner: Bytes) -> dict[str, str]:
        """Make new session keys; returns them with the proof that they are `owner`'s."""
        argument = byte_string(owner) + b"\x00"  # no seed: at random
        output = self.node.chain.call("SessionKeys_generate_session_keys", argument).output
        reader = Reader(output)
        return {"keys": to_hex(reader.byte_string()), "proof": to_hex(reader.byte_string())}


def _seed(suri: str) -> bytes:
    known = WELL_KNOWN_SEEDS.get(suri.removeprefix("//"))
    if known is not None and suri.startswith("//"):
        return known
    try:
        seed = bytes.fromhex(suri.removeprefix("0x"))
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise _unavailable("the secret is neither 32 bytes of hexadecimal nor a well-known account")
    return seed


def _key_type(text: str) -> bytes:
    encoded = text.encode(errors="surrogatepass")
    if len(encoded) != 4:
        raise RpcError(AUTHOR_OTHER, "Invalid key type ID format (should be of length four)")
    return encoded


def _unavailable(why: str) -> RpcError:
    return RpcError(AUTHOR_OTHER, f"The key store is unavailable: {why}")
