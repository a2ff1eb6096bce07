"""`chainSpec_v1_*`: which chain this is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pallets_mock.node import Node
from pallets_mock.rpc.dispatch import Handler
from pallets_mock.rpc.hexadecimal import to_hex


@dataclass
class ChainSpecRpc:
    """The chain spec's words."""

    node: Node

    def methods(self) -> dict[str, Handler]:
        """Handlers by wire name."""
        return {
            "chainSpec_v1_chainName": self.chain_name,
            "chainSpec_v1_genesisHash": self.genesis_hash,
            "chainSpec_v1_properties": self.properties,
        }

    def chain_name(self) -> str:
        """Name of the chain."""
        return self.node.chain.genesis.name

    def genesis_hash(self) -> str:
        """Hash of block 0."""
        return to_hex(self.node.chain.genesis.hash)

    def properties(self) -> dict[str, Any]:
        """Token, decimals and address format."""
        return self.node.chain.genesis.properties
