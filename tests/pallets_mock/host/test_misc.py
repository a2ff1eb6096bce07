from __future__ import annotations

import pytest

from pallets_mock.errors import HostError
from pallets_mock.executor.version import RuntimeVersion
from pallets_mock.host import logging, misc
from pallets_mock.host.context import HostContext
from pallets_mock.host.logging import LogRecord
from pallets_mock.runtime import compressed_blob


def test_a_log_line_is_kept_whatever_its_bytes(context: HostContext) -> None:
    target, message = context.memory.give(b"runtime"), context.memory.give(b"ok \xff")

    logging.log_version_1(context, logging.WARN, target, message)

    assert context.logs == [LogRecord(logging.WARN, "runtime", "ok \ufffd")]


def test_the_level_that_is_asked_for_lets_info_through(context: HostContext) -> None:
    assert logging.max_level_version_1(context) == 3  # LevelFilter: 0 off, 1 error, 2, 3 info


def test_a_panic_ends_the_call_with_its_message(context: HostContext) -> None:
    with pytest.raises(HostError, match="boom"):
        logging.abort_on_panic_version_1(context, context.memory.give(b"boom"))
    assert context.panic == "boom"


def test_what_is_printed_is_logged(context: HostContext) -> None:
    misc.print_num_version_1(context, -1)
    misc.print_utf8_version_1(context, context.memory.give(b"text"))
    misc.print_hex_version_1(context, context.memory.give(b"\x01\xff"))

    assert [record.message for record in context.logs] == [str(2**64 - 1), "text", "01ff"]


def test_the_version_of_some_code_is_told(context: HostContext) -> None:
    result = misc.runtime_version_version_1(context, context.memory.give(compressed_blob()))

    option = context.memory.read(result)
    assert option[0] == 1
    assert RuntimeVersion.decode(option[3:]).spec_name == "decentralml"


def test_code_that_is_no_runtime_has_no_version(context: HostContext) -> None:
    result = misc.runtime_version_version_1(context, context.memory.give(b"no runtime"))

    assert context.memory.read(result) == b"\x00"


def test_the_offchain_index_is_recorded(context: HostContext) -> None:
    misc.index_set_version_1(context, context.memory.give(b"k"), context.memory.give(b"v"))
    misc.index_clear_version_1(context, context.memory.give(b"gone"))

    assert context.offchain == {b"k": b"v", b"gone": None}


def test_a_call_cannot_submit_transactions(context: HostContext) -> None:
    with pytest.raises(HostError, match="offchain worker"):
        misc.submit_transaction_version_1(context, context.memory.give(b"extrinsic"))
