"""A chain of blocks without a node, and the real client signing for it without a connection."""

from __future__ import annotations

from functools import cache
from typing import Any

from substrateinterface import Keypair, SubstrateInterface

from pallets_mock.block.builder import BlockBuilder, SealedBlock
from pallets_mock.block.outcome import Included
from pallets_mock.block.seal import Authority
from pallets_mock.executor import Executor
from pallets_mock.executor.module import default_cache_dir
from pallets_mock.genesis import Genesis, from_preset
from pallets_mock.runtime import compressed_blob
from pallets_mock.state.head import HeadView
from pallets_mock.state.nodes import MemoryNodes
from pallets_mock.state.trie import Trie

START_MS = 1_800_000_000_000
UNIT = 10**12


@cache
def development_genesis() -> Genesis:
    return from_preset(compressed_blob())


@cache
def executor(*, python_hosts: bool = False) -> Executor:
    code = compressed_blob()
    return Executor(code, cache_dir=default_cache_dir(), python_hosts=python_hosts)


class OfflineChain:
    """Genesis and the blocks sealed on it, each on the one before."""

    def __init__(self, *, python_hosts: bool = False) -> None:
        genesis = development_genesis()
        self.executor = executor(python_hosts=python_hosts)
        self.nodes = MemoryNodes(genesis.change.nodes)
        self.head = HeadView(Trie(self.nodes, genesis.header.state_root))
        self.header = genesis.header
        self.authority = Authority.development()
        self.blocks: list[SealedBlock] = []
        slot = self.executor.call("AuraApi_slot_duration", b"", self.head).output
        self.slot_ms = int.from_bytes(slot, "little")

    def builder(self) -> BlockBuilder:
        now = START_MS + (self.header.number + 1) * self.slot_ms
        return BlockBuilder(self.executor.execute, self.header, self.head, now, self.slot_ms)

    def seal(self, *extrinsics: bytes) -> SealedBlock:
        """The next block, which must take all of the extrinsics."""
        builder = self.builder()
        for extrinsic in extrinsics:
            outcome = builder.apply(extrinsic)
            assert isinstance(outcome, Included), outcome
        return self.adopt(builder)

    def adopt(self, builder: BlockBuilder) -> SealedBlock:
        block = builder.finalise(self.authority)
        self.nodes.put_all(block.change.nodes)
        self.head.advance(block.diff, block.change.root)
        self.header = block.header
        self.blocks.append(block)
        return block

    @property
    def client(self) -> OfflineClient:
        """The process's one client (decoding metadata takes long), looking at this chain."""
        client = _client()
        client.offline = self
        return client


class OfflineClient(SubstrateInterface):
    """`substrate-interface`, unmodified but for where its requests go."""

    offline: OfflineChain

    def __init__(self) -> None:
        super().__init__(url="http://127.0.0.1:1", ss58_format=42)

    def rpc_request(self, method: str, params: Any, result_handler: Any = None) -> dict[str, Any]:
        return {"result": getattr(self, "_" + method)(*(params or []))}

    def _state_getRuntimeVersion(self, _block: str | None = None) -> dict[str, Any]:  # noqa: N802
        version = executor().version
        return {
            "specName": version.spec_name,
            "specVersion": version.spec_version,
            "transactionVersion": version.transaction_version,
        }

    def _state_getMetadata(self, _block: str | None = None) -> str:  # noqa: N802
        return "0x" + metadata().hex()

    def _chain_getBlockHash(self, _number: int | None = None) -> str:  # noqa: N802
        return "0x" + development_genesis().hash.hex()

    def _chain_getHeader(self, _block: str | None = None) -> dict[str, Any]:  # noqa: N802
        return development_genesis().header.to_json()

    def _system_chain(self) -> str:
        return "Development"

    def _system_properties(self) -> dict[str, Any]:
        return development_genesis().properties

    def _rpc_methods(self) -> dict[str, Any]:
        answered = (name[1:] for name in dir(self) if name.startswith("_state_"))
        return {"methods": list(answered)}

    def _state_getStorageAt(self, key: str, _block: str | None = None) -> str | None:  # noqa: N802
        value = self.offline.head.get(bytes.fromhex(key[2:]))
        return None if value is None else "0x" + value.hex()

    def sign(self, who: Keypair, module: str, function: str, nonce: int, **arguments: Any) -> bytes:
        """A signed, immortal extrinsic, with its length in front."""
        call = self.compose_call(module, function, arguments)
        extrinsic = self.create_signed_extrinsic(call, who, nonce=nonce)
        return bytes(extrinsic.data.data)

    def transfer(self, who: Keypair, to: Keypair, amount: int, nonce: int) -> bytes:
        return self.sign(
            who, "Balances", "transfer_keep_alive", nonce, dest=to.ss58_address, value=amount
        )

    def free_balance(self, who: Keypair) -> int:
        account = self.query("System", "Account", [who.ss58_address])
        return int(account.value["data"]["free"])

    def events(self) -> list[dict[str, Any]]:
        """Events of the newest block."""
        return [event.value for event in self.query("System", "Events")]


@cache
def metadata() -> bytes:
    output = executor().call("Metadata_metadata", b"", Trie(MemoryNodes())).output
    length_bytes = {0: 1, 1: 2, 2: 4}[output[0] & 3]
    return output[length_bytes:]


@cache
def _client() -> OfflineClient:
    return OfflineClient()


@cache
def well_known(name: str) -> Keypair:
    return Keypair.create_from_uri(f"//{name}")
