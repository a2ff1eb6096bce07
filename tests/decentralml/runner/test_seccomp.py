"""The filter as the kernel would run it, by a small interpreter of its five instructions."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.runner.seccomp import filter_for

X86_64, AARCH64 = 0xC000003E, 0xC00000B7
ALLOWED, EPERM, ENOSYS, EAFNOSUPPORT = 0x7FFF0000, 0x50000 + 1, 0x50000 + 38, 0x50000 + 97


def verdict(machine: str, arch: int, number: int, argument: int = 0) -> int:
    steps = filter_for(machine)
    assert steps is not None
    seen = struct.pack("<IIQQ", number, arch, 0, argument)
    loaded = at = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("<HBBI", steps, 8 * at)
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            loaded = struct.unpack_from("<I", seen, value)[0]
        elif code in (0x15, 0x35):
            holds = loaded == value if code == 0x15 else loaded >= value
            at += if_true if holds else if_false


@pytest.mark.parametrize(
    ("machine", "arch", "keyctl_bpf_mount", "read", "socket"),
    [("x86_64", X86_64, (250, 321, 165), 0, 41), ("aarch64", AARCH64, (219, 280, 40), 63, 198)],
)
def test_each_architecture_has_its_own_numbers(
    machine: str, arch: int, keyctl_bpf_mount: tuple[int, ...], read: int, socket: int
) -> None:
    assert [verdict(machine, arch, call) for call in keyctl_bpf_mount] == [EPERM] * 3
    assert verdict(machine, arch, read) == ALLOWED
    assert [verdict(machine, arch, socket, family) for family in (1, 2, 10, 16)] == [ALLOWED] * 4
    refused = [verdict(machine, arch, socket, family) for family in (0, 3, 17, 38, 40)]
    assert refused == [EAFNOSUPPORT] * 5


@pytest.mark.parametrize("arch", [0x40000003, AARCH64, 0])  # 32-bit x86 first
def test_calls_of_another_architecture_do_not_exist(arch: int) -> None:
    assert verdict("x86_64", arch, 0) == ENOSYS


@given(st.integers(min_value=0x40000000, max_value=0xFFFFFFFF))
def test_calls_of_the_other_numbering_do_not_exist(number: int) -> None:
    assert verdict("x86_64", X86_64, number) == ENOSYS


@given(st.sampled_from(["x86_64", "aarch64"]), st.integers(0, 600), st.integers(0, 2**32 - 1))
def test_every_call_has_a_verdict(machine: str, number: int, argument: int) -> None:
    arch = X86_64 if machine == "x86_64" else AARCH64

    assert verdict(machine, arch, number, argument) in (ALLOWED, EPERM, EAFNOSUPPORT)


def test_an_unknown_architecture_has_no_filter() -> None:
    assert filter_for("riscv64") is None
