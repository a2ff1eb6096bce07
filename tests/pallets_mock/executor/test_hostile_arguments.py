"""A runtime may call any host function with any numbers: the host refuses, it never breaks."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pallets_mock.errors import RuntimePanic
from pallets_mock.executor import Executor
from pallets_mock.host.table import HOST_FUNCTIONS
from tests.oracles.slow_overlay import DictView
from tests.pallets_mock.executor.conftest import runtime, with_version

TYPES = {"i": "i32", "I": "i64"}
STATE = DictView({b"key": b"value", bytes(8): b"zeros"})


def imports() -> str:
    lines = []
    for name, function in HOST_FUNCTIONS.items():
        parameters = " ".join(f"(param {TYPES[letter]})" for letter in function.parameters)
        result = f"(result {TYPES[function.result]})" if function.result else ""
        lines.append(f'(import "env" "{name}" (func ${name} {parameters} {result}))')
    return "\n".join(lines)


def entry(name: str) -> str:
    """Calls the function twice with numbers that are read from the argument."""
    function = HOST_FUNCTIONS[name]
    loads = " ".join(
        f"({TYPES[letter]}.load offset={8 * i} (local.get 0))"
        for i, letter in enumerate(function.parameters)
    )
    call = f"(call ${name} {loads})"
    call = f"(drop {call})" if function.result else call
    return f'(func (export "{name}") (param i32 i32) (result i64) {call} {call} (i64.const 0))'


@cache
def executor(*, plain: bool) -> Executor:
    wasm = runtime(imports(), "\n".join(entry(name) for name in HOST_FUNCTIONS))
    return Executor(with_version(wasm), python_hosts=plain)


MEMORY = (1 + 2048) * 65536
POINTERS = st.sampled_from([0, 1, 4096, MEMORY - 1, MEMORY, MEMORY + 1, 2**31, 2**32 - 1])
LENGTHS = st.sampled_from([0, 1, 5, 33, 200, 70_000, 2**31, 2**32 - 1])
PACKED = st.builds(lambda pointer, length: pointer | length << 32, POINTERS, LENGTHS)
NUMBERS = st.one_of(PACKED, POINTERS, st.integers(0, 2**64 - 1))


@pytest.mark.parametrize("plain", [False, True], ids=["native", "plain"])
@pytest.mark.parametrize("name", HOST_FUNCTIONS)
@settings(max_examples=25, deadline=None)
@given(numbers=st.lists(NUMBERS, min_size=3, max_size=3))
def test_any_numbers_end_the_call_or_not_and_nothing_else(
    name: str, plain: bool, numbers: list[int]
) -> None:
    argument = b"".join(number.to_bytes(8, "little") for number in numbers)

    try:
        result = executor(plain=plain).call(name, argument, STATE)
    except RuntimePanic as panic:
        assert panic.entry == name
    else:
        assert result.output == b""
