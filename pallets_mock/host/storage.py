"""`ext_storage_*`: the top trie."""

from __future__ import annotations

from pallets_mock.errors import HostError
from pallets_mock.host.context import HostContext
from pallets_mock.state.compact import compact
from pallets_mock.state.overlay import Cleared

CHILD_PREFIX = b":child_storage:"
_NONE = b"\x00"
_LAYOUTS = (0, 1)


def option_bytes(value: bytes | None) -> bytes:
    """SCALE `Option<Vec<u8>>`."""
    return _NONE if value is None else b"\x01" + compact(len(value)) + value


def option_u32(data: bytes) -> int | None:
    """The number of a SCALE `Option<u32>`. Raises HostError if it is none."""
    if data == _NONE:
        return None
    if len(data) != 5 or data[0] != 1:
        raise HostError(f"0x{data.hex()} is no Option<u32>")
    return int.from_bytes(data[1:], "little")


def kill_result(cleared: Cleared) -> bytes:
    """SCALE `KillStorageResult`: which keys are left, how many the backend was asked for."""
    remaining = cleared.next_key is not None
    return bytes((remaining,)) + cleared.visited.to_bytes(4, "little")


def layout_of(version: int) -> int:
    """The trie layout of a `StateVersion` argument. Raises HostError if there is no such."""
    if version not in _LAYOUTS:
        raise HostError(f"there is no state version {version}")
    return version


def get_version_1(context: HostContext, key: int) -> int:
    """`ext_storage_get_version_1`: Option of the value."""
    memory = context.memory
    return memory.give(option_bytes(context.overlay.get(memory.read(key))))


def read_into(context: HostContext, value: bytes | None, out: int, offset: int) -> int:
    """Copy a value from `offset` on into the packed `out`; Option of how long that rest is."""
    memory = context.memory
    if value is None:
        return memory.give(_NONE)
    rest = value[offset:]
    memory.write_at(out & 0xFFFF_FFFF, rest[: out >> 32 & 0xFFFF_FFFF])
    return memory.give(b"\x01" + len(rest).to_bytes(4, "little"))


def read_version_1(context: HostContext, key: int, out: int, offset: int) -> int:
    """`ext_storage_read_version_1`."""
    return read_into(context, context.overlay.get(context.memory.read(key)), out, offset)


def set_version_1(context: HostContext, key: int, value: int) -> None:
    """`ext_storage_set_version_1`. A write to where child roots lie is ignored, as by a node."""
    name = context.memory.read(key)
    if not name.startswith(CHILD_PREFIX):
        context.overlay.set(name, context.memory.read(value))


def clear_version_1(context: HostContext, key: int) -> None:
    """`ext_storage_clear_version_1`."""
    name = context.memory.read(key)
    if not name.startswith(CHILD_PREFIX):
        context.overlay.clear(name)


def exists_version_1(context: HostContext, key: int) -> int:
    """`ext_storage_exists_version_1`."""
    return int(context.overlay.exists(context.memory.read(key)))


def append_version_1(context: HostContext, key: int, item: int) -> None:
    """`ext_storage_append_version_1`."""
    context.overlay.append(context.memory.read(key), context.memory.read(item))


def _clear(context: HostContext, prefix: bytes, limit: int | None) -> Cleared:
    if prefix.startswith(CHILD_PREFIX) or CHILD_PREFIX.startswith(prefix):
        return Cleared(0, 0, None)
    return context.overlay.clear_prefix(prefix, limit)


def clear_prefix_version_1(context: HostContext, prefix: int) -> None:
    """`ext_storage_clear_prefix_version_1`."""
    _clear(context, context.memory.read(prefix), None)


def clear_prefix_version_2(context: HostContext, prefix: int, limit: int) -> int:
    """`ext_storage_clear_prefix_version_2`: KillStorageResult."""
    memory = context.memory
    most = option_u32(memory.read(limit))
    return memory.give(kill_result(_clear(context, memory.read(prefix), most)))


def root_version_1(context: HostContext) -> int:
    """`ext_storage_root_version_1`: root in layout 0."""
    return context.memory.give(context.overlay.change(0).root)


def root_version_2(context: HostContext, version: int) -> int:
    """`ext_storage_root_version_2`: root in the layout that the runtime names."""
    return context.memory.give(context.overlay.change(layout_of(version)).root)


def changes_root_version_1(context: HostContext, _: int) -> int:
    """`ext_storage_changes_root_version_1`: always none."""
    return context.memory.give(_NONE)


def next_key_version_1(context: HostContext, key: int) -> int:
    """`ext_storage_next_key_version_1`: Option of the key after this one."""
    memory = context.memory
    return memory.give(option_bytes(context.overlay.next_key(memory.read(key))))


def start_transaction_version_1(context: HostContext) -> None:
    """`ext_storage_start_transaction_version_1`."""
    context.overlay.start_transaction()


def rollback_transaction_version_1(context: HostContext) -> None:
    """`ext_storage_rollback_transaction_version_1`."""
    _end(context)
    context.overlay.rollback()


def commit_transaction_version_1(context: HostContext) -> None:
    """`ext_storage_commit_transaction_version_1`."""
    _end(context)
    context.overlay.commit()


def _end(context: HostContext) -> None:
    """The call's own transaction, the outermost, is not the runtime's to end."""
    if context.overlay.depth <= context.depth:
        raise HostError("the runtime ends a transaction that it did not start")
