"""`ext_misc_*` and `ext_offchain_*`."""

from __future__ import annotations

from pallets_mock.errors import HostError
from pallets_mock.host.context import HostContext
from pallets_mock.host.logging import DEBUG, LogRecord, text
from pallets_mock.host.storage import option_bytes

_TARGET = "runtime"


def print_num_version_1(context: HostContext, number: int) -> None:
    """`ext_misc_print_num_version_1`."""
    context.logs.append(LogRecord(DEBUG, _TARGET, str(number & 0xFFFF_FFFF_FFFF_FFFF)))


def print_utf8_version_1(context: HostContext, data: int) -> None:
    """`ext_misc_print_utf8_version_1`."""
    context.logs.append(LogRecord(DEBUG, _TARGET, text(context.memory.read(data))))


def print_hex_version_1(context: HostContext, data: int) -> None:
    """`ext_misc_print_hex_version_1`."""
    context.logs.append(LogRecord(DEBUG, _TARGET, context.memory.read(data).hex()))


def runtime_version_version_1(context: HostContext, code: int) -> int:
    """`ext_misc_runtime_version_version_1`: Option of the encoded version of some code."""
    memory = context.memory
    return memory.give(option_bytes(context.read_version(memory.read(code))))


def index_set_version_1(context: HostContext, key: int, value: int) -> None:
    """`ext_offchain_index_set_version_1`."""
    context.offchain[context.memory.read(key)] = context.memory.read(value)


def index_clear_version_1(context: HostContext, key: int) -> None:
    """`ext_offchain_index_clear_version_1`."""
    context.offchain[context.memory.read(key)] = None


def submit_transaction_version_1(_: HostContext, __: int) -> int:
    """`ext_offchain_submit_transaction_version_1`: for a node's own workers, never for a call.

    A node's GRANDPA reports equivocations by it; one who seals alone has none to report.
    """
    raise HostError("a transaction can be submitted by an offchain worker only")
