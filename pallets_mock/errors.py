"""Every error of the embedded development chain, one tree.

An error carries its data as attributes, so that `rpc` can turn it into a node's code
without reading the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class PalletsMockError(Exception):
    """Root of everything that this package raises on purpose."""


class MissingNode(PalletsMockError):
    """A state that was asked for is not (or no longer) in the database."""

    def __init__(self, node: bytes) -> None:
        super().__init__(f"trie node 0x{node.hex()} is not in the database")
        self.node = node


class CorruptNode(PalletsMockError):
    """Bytes in the database are no trie node, so the folder is damaged: reset it."""

    def __init__(self, detail: str, encoded: bytes) -> None:
        super().__init__(f"not a trie node: {detail} (0x{encoded[:40].hex()}…)")
        self.encoded = encoded


class ExecutionError(PalletsMockError):
    """Root of what goes wrong with the runtime's WebAssembly."""


class InvalidRuntime(ExecutionError):
    """The code is no runtime that this chain can execute."""


class MissingImport(InvalidRuntime):
    """The runtime wants a host function that this chain does not have."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the runtime imports {', '.join(names)}, which this chain does not offer; "
            "add it to pallets_mock/host/table.py"
        )
        self.names = names


class UnknownEntry(ExecutionError):
    """The runtime does not export the function that was called."""

    def __init__(self, entry: str) -> None:
        super().__init__(f"the runtime has no function {entry}")
        self.entry = entry


class RuntimePanic(ExecutionError):
    """The runtime trapped; nothing that it wrote in this call is kept.

    Args:
        logs: what it had logged, a line each.
    """

    def __init__(self, entry: str, message: str, logs: tuple[str, ...] = ()) -> None:
        super().__init__(f"{entry} panicked: {message}")
        self.entry, self.message, self.logs = entry, message, logs


class HostError(ExecutionError):
    """A host function was called in a way that the host must refuse; traps the runtime."""


class InvalidChainSpec(PalletsMockError):
    """A chain spec or preset that no genesis can be made of."""


class InvalidBlock(PalletsMockError):
    """The runtime made or was given a block that does not fit its own header."""


class StoreError(PalletsMockError):
    """Root of what goes wrong with a chain's folder."""


class ChainFolderInUse(StoreError):
    """Another process runs a chain on this folder."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(f"another process runs the chain in {folder}; stop it or use another path")
        self.folder = folder


class ChainFolderDamaged(StoreError):
    """The folder's file cannot be read as a chain of this version."""

    def __init__(self, folder: Path | None, detail: str) -> None:
        super().__init__(
            f"cannot use the chain in {folder}: {detail}; use another path or purge it"
        )
        self.folder, self.detail = folder, detail


class ForeignChainFolder(StoreError):
    """The folder holds a chain that starts with another block 0."""

    def __init__(
        self, folder: Path | None, theirs: str, their_hash: bytes, ours: str, our_hash: bytes
    ) -> None:
        super().__init__(
            f"{folder} holds the chain {theirs!r} (genesis 0x{their_hash.hex()[:16]}…), not "
            f"{ours!r} (genesis 0x{our_hash.hex()[:16]}…); use another path or purge it"
        )
        self.folder, self.genesis, self.wanted = folder, their_hash, our_hash


class PoolError(PalletsMockError):
    """Root of why the pool does not take a transaction."""


class InvalidTransaction(PoolError):
    """The runtime says that the transaction is not, or not any more, valid.

    Args:
        reason: the runtime's word for it, such as `Stale`.
        explanation: a sentence for a person.
        custom: the number of a `Custom` reason.
    """

    def __init__(self, reason: str, explanation: str, custom: int | None = None) -> None:
        super().__init__(f"invalid transaction: {explanation}")
        self.reason, self.explanation, self.custom = reason, explanation, custom


class UnknownValidity(PoolError):
    """The runtime cannot tell whether the transaction is valid."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"unknown transaction validity: {reason}")
        self.reason = reason


class TemporarilyBanned(PoolError):
    """The transaction was in a block, or was removed, a short while ago."""

    def __init__(self, hash_: bytes) -> None:
        super().__init__(f"transaction 0x{hash_.hex()} is temporarily banned")
        self.hash = hash_


class AlreadyImported(PoolError):
    """The very same transaction is waiting already."""

    def __init__(self, hash_: bytes) -> None:
        super().__init__(f"transaction 0x{hash_.hex()} is in the pool already")
        self.hash = hash_


class TooLowPriority(PoolError):
    """Another transaction has the same place (as a nonce) and at least the same priority."""

    def __init__(self, old: int, new: int) -> None:
        super().__init__(f"priority is too low: ({old} vs {new})")
        self.old, self.new = old, new


class ImmediatelyDropped(PoolError):
    """The pool is full of transactions that come first."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"the transaction does not fit into the pool ({limit})")
        self.limit = limit


class NoTagsProvided(PoolError):
    """The runtime gives the transaction nothing to tell it from others by."""


class MalformedExtrinsic(PoolError):
    """The bytes are no extrinsic: their length prefix does not fit."""


class ClockError(PalletsMockError):
    """Root of what goes wrong with time."""


class BadBlockTime(ClockError):
    """No block time: `instant`, `manual` or seconds from 0.01 to 86400."""

    def __init__(self, text: object) -> None:
        super().__init__(f"block time {text!r} is none of 'instant', 'manual', 0.01 to 86400")
        self.text = text


class TimeGoesForward(ClockError):
    """A time before the newest block's was asked for."""

    def __init__(self, wanted_ms: int, last_ms: int) -> None:
        super().__init__(
            f"the newest block is of {last_ms} ms, so it cannot be {wanted_ms} ms after it; "
            "revert to a snapshot to go back"
        )
        self.wanted_ms, self.last_ms = wanted_ms, last_ms


class ChainError(PalletsMockError):
    """Root of what cannot be done with the chain as it is."""


class UnknownBlock(ChainError):
    """There is no block of that hash."""

    def __init__(self, hash_: bytes) -> None:
        super().__init__(f"there is no block 0x{hash_.hex()}")
        self.hash = hash_


class NoSuchNumber(ChainError):
    """The chain does not go that far."""

    def __init__(self, number: int, best: int) -> None:
        super().__init__(f"there is no block {number}; the best one is {best}")
        self.number, self.best = number, best


class CannotReorganise(ChainError):
    """The blocks in question are final or do not exist."""


class UnknownSnapshot(ChainError):
    """There is no snapshot of that number (or a revert behind it removed it)."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no snapshot {number}")
        self.number = number


class NotOnThisMachine(PalletsMockError):
    """An address was asked for that others can reach, and they were not let in by name."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"others can reach {host}; add --unsafe-rpc-external if they may, which turns off "
            "what only you should do"
        )
        self.host = host
