"""A filter of system calls for the sandbox, as the kernel takes it (classic BPF).

Namespaces leave three gaps that matter here, which this closes: kernel interfaces that are no
namespace's (key rings, performance counters, io_uring, BPF), sockets of families that no network
namespace covers (vsock reaches the machine that hosts a virtual one), and calls of another
architecture's numbering. The numbers are from the kernel's ``unistd`` headers.
"""

from __future__ import annotations

import platform
import struct

# system call → number on x86_64, on aarch64
_REFUSED = {
    "ptrace": (101, 117),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "syslog": (103, 116),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
}
_SOCKET = (41, 198)
_FAMILIES = (1, 2, 10, 16)  # unix, IPv4, IPv6, netlink: what the network namespace covers

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH
_X32 = 0x40000000  # set in the numbers of x86_64's other numbering

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCH, _ARGUMENT = 0, 4, 16  # offsets in what the filter sees
_ALLOW = 0x7FFF0000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 0x00050001, 0x00050026, 0x00050061


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def filter_for(machine: str = platform.machine()) -> bytes | None:
    """The filter for a machine's architecture; None where it is not known here."""
    if machine not in _MACHINES:
        return None
    column, arch = _MACHINES[machine]
    steps = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, arch, if_true=1),
        _step(_RETURN, _ENOSYS),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, if_false=1),
        _step(_RETURN, _ENOSYS),
    ]
    for numbers in _REFUSED.values():
        steps += [_step(_EQUAL, numbers[column], if_false=1), _step(_RETURN, _EPERM)]
    families = len(_FAMILIES)
    # Past the load, the families and their refusal stands the last step, which allows.
    steps += [_step(_EQUAL, _SOCKET[column], if_false=families + 2), _step(_LOAD, _ARGUMENT)]
    steps += [
        _step(_EQUAL, family, if_true=families - place) for place, family in enumerate(_FAMILIES)
    ]
    steps += [_step(_RETURN, _EAFNOSUPPORT), _step(_RETURN, _ALLOW)]
    return b"".join(steps)
