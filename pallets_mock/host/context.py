"""What host functions act on: one runtime call's memory, state and log. Never the chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pallets_mock.host.keystore import Keystore
from pallets_mock.host.logging import LogRecord
from pallets_mock.host.memory import GuestMemory
from pallets_mock.state.overlay import Overlay
from pallets_mock.state.view import Diff


@dataclass(slots=True)
class HostContext:
    """One call of the runtime.

    Args:
        memory: the instance's.
        overlay: the state that the call reads and writes.
        keystore: what the runtime may generate and sign with.
        read_version: SCALE RuntimeVersion of some runtime code, None if it is no runtime.
        logs: what the runtime says, in order.
        offchain: what the runtime put into the offchain index; None removes.
        panic: the message of `abort_on_panic`.
        depth: transactions that were open before the runtime's own.
        batch: outcome of the signatures since `start_batch_verify`, None outside.
    """

    memory: GuestMemory
    overlay: Overlay
    keystore: Keystore
    read_version: Callable[[bytes], bytes | None]
    logs: list[LogRecord] = field(default_factory=list)
    offchain: Diff = field(default_factory=dict)
    panic: str | None = None
    depth: int = field(init=False)
    batch: bool | None = None

    def __post_init__(self) -> None:
        self.depth = self.overlay.depth
