"""`system_*`: who the node is, and what an account's next nonce is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pallets_mock.block.outcome import Panicked, Refused
from pallets_mock.errors import MalformedExtrinsic
from pallets_mock.node import Node
from pallets_mock.pool.validity import check_framing
from pallets_mock.rpc.dispatch import Handler
from pallets_mock.rpc.errors import RpcError
from pallets_mock.rpc.hexadecimal import to_hex
from pallets_mock.rpc.log_filter import LogFilter
from pallets_mock.rpc.params import Account, Bytes, Hash, Json

NODE_NAME = "DecentralML development chain"
PEER_ID = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
"""A node's public name on the network; here it is nobody's, since there is no network."""


@dataclass
class SystemRpc:
    """The node, its chain spec's words, and a network of nobody else.

    Args:
        addresses: where it listens.
    """

    node: Node
    addresses: Callable[[], list[str]]
    log_filter: LogFilter

    def methods(self) -> dict[str, Handler]:
        """Handlers by wire name."""
        return {
            "system_name": lambda: NODE_NAME,
            "system_version": node_version,
            "system_chain": lambda: self.node.chain.genesis.name,
            "system_chainType": lambda: self.node.chain.genesis.chain_type,
            "system_properties": lambda: self.node.chain.genesis.properties,
            "system_health": self.health,
            "system_peers": lambda: [],
            "system_localPeerId": lambda: PEER_ID,
            "system_localListenAddresses": self.addresses,
            "system_nodeRoles": lambda: ["Authority"],
            "system_syncState": self.sync_state,
            "system_reservedPeers": lambda: [],
            "system_addReservedPeer": self.no_network,
            "system_removeReservedPeer": self.no_network,
            "system_unstable_networkState": self.network_state,
            "system_accountNextIndex": self.next_index,
            "account_nextIndex": self.next_index,
            "system_dryRun": self.dry_run,
            "system_dryRunAt": self.dry_run,
            "system_addLogFilter": self.log_filter.add,
            "system_resetLogFilter": self.log_filter.reset,
        }

    def health(self) -> dict[str, Any]:
        """A development node has no peers and needs none."""
        return {"peers": 0, "isSyncing": False, "shouldHavePeers": False}

    def sync_state(self) -> dict[str, int]:
        """Always up to date."""
        best = self.node.chain.head.best_number
        return {"startingBlock": 0, "currentBlock": best, "highestBlock": best}

    def network_state(self) -> dict[str, Any]:
        """A network of this node alone."""
        return {
            "peerId": PEER_ID,
            "listenedAddresses": self.addresses(),
            "externalAddresses": [],
            "connectedPeers": {},
            "notConnectedPeers": {},
            "averageDownloadPerSec": 0,
            "averageUploadPerSec": 0,
        }

    def no_network(self, peer: Json) -> None:
        """Refused: there is nobody to connect to."""
        raise RpcError(2002, "a development chain has no peers")

    def next_index(self, account: Account) -> int:
        """The account's next nonce, after all that it has waiting in the pool."""
        output = self.node.chain.call("AccountNonceApi_account_nonce", account).output
        nonce = int.from_bytes(output, "little")
        while self.node.pool.provides(account + nonce.to_bytes(len(output), "little")):
            nonce += 1
        return nonce

    def dry_run(self, extrinsic: Bytes, at: Hash | None = None) -> str:
        """SCALE `ApplyExtrinsicResult` of an extrinsic in a block on that one; changes nothing."""
        try:
            encoded = check_framing(extrinsic)
        except MalformedExtrinsic as error:
            raise RpcError(2, "Unable to dry run extrinsic", str(error)) from error
        outcome = self.node.assembler.dry_run(encoded, at)
        if isinstance(outcome, Panicked):
            raise RpcError(1, "Unable to dry run extrinsic.", outcome.message)
        if isinstance(outcome, Refused):
            return to_hex(b"\x01" + outcome.validity)
        return to_hex(b"\x00\x00" if outcome.error is None else b"\x00\x01" + outcome.error)


def node_version() -> str:
    """The package's version."""
    try:
        return version("decentralml")
    except PackageNotFoundError:
        return "0.0.0"
