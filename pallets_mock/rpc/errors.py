"""Errors as a Substrate node words and numbers them."""

from __future__ import annotations

from typing import Any

from pallets_mock.errors import (
    AlreadyImported,
    ChainError,
    ClockError,
    ExecutionError,
    ImmediatelyDropped,
    InvalidTransaction,
    MalformedExtrinsic,
    NoTagsProvided,
    PalletsMockError,
    RuntimePanic,
    TemporarilyBanned,
    TooLowPriority,
    UnknownBlock,
    UnknownEntry,
    UnknownValidity,
)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
TOO_MANY_SUBSCRIPTIONS = -32006
RESPONSE_TOO_BIG = -32008

BAD_EXTRINSIC = 1001
VERIFICATION = 1002
AUTHOR_OTHER = 1040
CHAIN_CLIENT = 3002
BLOCK_RANGE = 4001
COUNT_TOO_BIG = 4002
STATE_CLIENT = 4003
DEV_REFUSED = 6100
"""Ours: a `dev_*` call that cannot be done. The node's own codes of that group end at 6004."""


class RpcError(Exception):
    """What a client gets instead of a result."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def as_json(self) -> dict[str, Any]:
        """The `error` member of the answer."""
        error = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}


def invalid_params(detail: str) -> RpcError:
    """Parameters that are missing or of another kind."""
    return RpcError(INVALID_PARAMS, "Invalid params", detail)


def pool_error(error: PalletsMockError) -> RpcError:  # noqa: PLR0911 - a table
    """Why a transaction is not taken, in the words of `author_*`."""
    match error:
        case InvalidTransaction():
            custom = None if error.custom is None else f"Custom error: {error.custom}"
            return RpcError(1010, "Invalid Transaction", custom or error.explanation)
        case UnknownValidity():
            return RpcError(1011, "Unknown Transaction Validity", error.reason)
        case TemporarilyBanned():
            return RpcError(1012, "Transaction is temporarily banned")
        case AlreadyImported():
            return RpcError(1013, "Transaction Already Imported", f"0x{error.hash.hex()}")
        case TooLowPriority():
            return RpcError(
                1014,
                f"Priority is too low: ({error.old} vs {error.new})",
                "The transaction has too low priority to replace another transaction "
                "already in the pool.",
            )
        case ImmediatelyDropped():
            return RpcError(
                1016,
                "Immediately Dropped",
                "The transaction couldn't enter the pool because of the limit",
            )
        case NoTagsProvided():
            return RpcError(
                1019,
                "No tags provided",
                "Transaction does not provide any tags, so the pool can't identify it",
            )
        case MalformedExtrinsic():
            return RpcError(BAD_EXTRINSIC, f"Extrinsic has invalid format: {error}")
        case _:
            return RpcError(VERIFICATION, f"Verification Error: {_client(error)}", str(error))


def state_error(error: PalletsMockError) -> RpcError:
    """Why a state cannot be read or a runtime not be called, in the words of `state_*`."""
    return RpcError(STATE_CLIENT, f"Client error: {_client(error)}")


def from_error(error: PalletsMockError) -> RpcError:
    """The answer for an error that no handler translated itself."""
    if isinstance(error, ClockError | ChainError) and not isinstance(error, UnknownBlock):
        return RpcError(DEV_REFUSED, str(error))
    return state_error(error)


def _client(error: PalletsMockError) -> str:
    match error:
        case UnknownBlock():
            return f"UnknownBlock: Header was not found in the database: 0x{error.hash.hex()}"
        case UnknownEntry():
            return (
                "Execution failed: Other error happened while constructing the runtime: "
                f'method not found: "Exported method {error.entry} is not found"'
            )
        case RuntimePanic():
            return "Execution failed: Execution aborted due to panic: " + error.message
        case ExecutionError():
            return f"Execution failed: {error}"
        case _:
            return str(error)
