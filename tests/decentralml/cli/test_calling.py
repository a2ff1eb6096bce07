"""Any call from the command line: names and JSON as the codec takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.chain.calls import Call
from decentralml.cli.calling import parse_call
from decentralml.errors import InvalidCall


def test_a_call_is_named_by_pallet_and_function() -> None:
    assert parse_call("System.remark", '{"remark": "0x01"}') == Call(
        "remark", {"remark": "0x01"}, pallet="System"
    )


def test_a_file_stands_for_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "runtime.wasm").write_bytes(b"\0asm")
    call = parse_call("System.set_code", f'{{"code": "@{tmp_path}/runtime.wasm"}}')
    assert call.args == {"code": "0x0061736d"}


def test_a_call_may_hold_another_also_within_a_list() -> None:
    inner = '{"call": "System.remark", "args": {"remark": "0x01"}}'
    as_the_codec_has_it = {
        "call_module": "System",
        "call_function": "remark",
        "call_args": {"remark": "0x01"},
    }
    assert parse_call("Sudo.sudo", f'{{"call": {inner}}}').args == {"call": as_the_codec_has_it}
    assert parse_call("Utility.batch", f'{{"calls": [{inner}]}}').args == {
        "calls": [as_the_codec_has_it]
    }


@pytest.mark.parametrize("name", ["remark", ".remark", "System.", ""])
def test_a_name_without_pallet_or_function_is_refused(name: str) -> None:
    with pytest.raises(InvalidCall, match=r"Pallet\.call"):
        parse_call(name, "{}")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [("{", "no JSON"), ("[1]", "JSON object"), ('{"code": "@/no/such/file"}', "No such file")],
)
def test_arguments_that_are_none_are_refused_with_the_reason(arguments: str, why: str) -> None:
    with pytest.raises(InvalidCall, match=why):
        parse_call("System.set_code", arguments)
