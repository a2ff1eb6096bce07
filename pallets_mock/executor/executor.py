"""One runtime, to be called: (entry, argument, state) to (output, diff)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from pallets_mock.errors import (
    HostError,
    InvalidRuntime,
    PalletsMockError,
    RuntimePanic,
    UnknownEntry,
)
from pallets_mock.executor import unchecked
from pallets_mock.executor.instance import Machine, NativeMachine, PlainMachine
from pallets_mock.executor.module import default_cache_dir
from pallets_mock.executor.program import load
from pallets_mock.executor.unchecked import Trapped
from pallets_mock.executor.version import RuntimeVersion, embedded_version
from pallets_mock.host import logging as runtime_log
from pallets_mock.host.context import HostContext
from pallets_mock.host.keystore import Keystore
from pallets_mock.host.logging import LogRecord
from pallets_mock.host.memory import GuestMemory
from pallets_mock.runtime import decompress
from pallets_mock.state.nodes import MemoryNodes
from pallets_mock.state.overlay import Overlay
from pallets_mock.state.trie import Trie
from pallets_mock.state.view import Diff, StateView

Execute: TypeAlias = Callable[[str, bytes, Overlay], bytes]
"""(entry, argument, state) → output. Writes go to the overlay, unless it raises RuntimePanic."""

_LEVELS = {
    runtime_log.ERROR: logging.ERROR,
    runtime_log.WARN: logging.WARNING,
    runtime_log.INFO: logging.INFO,
}
_logger = logging.getLogger("pallets_mock.runtime")


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call on a state that it may not change came to.

    Args:
        output: SCALE bytes, as the entry point returns them.
        diff: what it would have written.
        logs: what it said.
        offchain: what it put into the offchain index; None removes.
    """

    output: bytes
    diff: Diff
    logs: tuple[LogRecord, ...]
    offchain: Diff


class Executor:
    """A runtime. May be used by several threads at once.

    Args:
        code: the value of `:code`, compressed or not.
        cache_dir: where compiled modules are kept; None keeps none.
        keystore: what the runtime may generate and sign with; a new one by default.
        python_hosts: every host function in Python, the slow and obvious way.
    Raises:
        InvalidRuntime, MissingImport: this code cannot be executed here.
    """

    def __init__(
        self,
        code: bytes,
        *,
        cache_dir: Path | None = None,
        keystore: Keystore | None = None,
        python_hosts: bool = False,
    ) -> None:
        self.code_hash = hashlib.blake2b(code, digest_size=32).digest()
        self.keystore = keystore or Keystore()
        wasm = _decompressed(code)
        self._cache_dir = cache_dir
        self._native = unchecked.available() and not python_hosts
        self._program = load(wasm, cache_dir, share_data=self._native)
        self._idle: list[Machine] = []
        self.version: RuntimeVersion = embedded_version(wasm) or self._ask_version()

    @property
    def layout(self) -> int:
        """The trie layout of this runtime's state."""
        return self.version.layout

    @property
    def entries(self) -> frozenset[str]:
        """Names of what can be called."""
        return self._program.entries

    def call(self, entry: str, argument: bytes, view: StateView) -> CallResult:
        """Run an entry point on a state and leave that as it is.

        Raises:
            RuntimePanic: it trapped.
            UnknownEntry: there is no such entry point.
        """
        overlay = Overlay(view)
        output, context = self._run(entry, argument, overlay)
        overlay.rollback_to(0)
        return CallResult(output, overlay.diff(), tuple(context.logs), context.offchain)

    def execute(self, entry: str, argument: bytes, overlay: Overlay) -> bytes:
        """Run an entry point on an overlay, which keeps what it writes.

        Raises:
            RuntimePanic: it trapped; the overlay is as it was.
            UnknownEntry: there is no such entry point.
        """
        depth = overlay.depth
        overlay.start_transaction()
        try:
            output, _ = self._run(entry, argument, overlay)
        except BaseException:
            overlay.rollback_to(depth)
            raise
        # What the runtime left open it did not mean to keep.
        overlay.rollback_to(depth + 1)
        overlay.commit()
        return output

    def _run(self, entry: str, argument: bytes, overlay: Overlay) -> tuple[bytes, HostContext]:
        if entry not in self._program.entries:
            raise UnknownEntry(entry)
        made: list[HostContext] = []

        def make_context(memory: GuestMemory) -> HostContext:
            made.append(HostContext(memory, overlay, self.keystore, encoded_version_of))
            return made[0]

        machine = self._idle.pop() if self._idle else self._new_machine()
        try:
            return machine.run(entry, argument, make_context), made[0]
        except (Trapped, HostError) as stop:
            why = machine.failure or stop
            machine.failure = None
            if not isinstance(why, (Trapped, HostError)):
                raise why from stop
            raise _panic(entry, str(why), made[0]) from why
        finally:
            self._idle.append(machine)
            for record in made[0].logs if made else ():
                level = _LEVELS.get(record.level, logging.DEBUG)
                _logger.log(level, "%s: %s", record.target, record.message)

    def _new_machine(self) -> Machine:
        if self._native:
            return NativeMachine(self._program, self._cache_dir)
        return PlainMachine(self._program)

    def _ask_version(self) -> RuntimeVersion:
        return RuntimeVersion.decode(self.call("Core_version", b"", Trie(MemoryNodes())).output)


def _panic(entry: str, trapped: str, context: HostContext) -> RuntimePanic:
    """The runtime's own words if it had any: a panic logs an error, then traps."""
    errors = [record.message for record in context.logs if record.level == runtime_log.ERROR]
    message = context.panic or (errors[-1] if errors else trapped)
    lines = (f"{record.target}: {record.message}" for record in context.logs)
    return RuntimePanic(entry, message, tuple(lines))


def _decompressed(code: bytes) -> bytes:
    try:
        return decompress(code)
    except ValueError as error:
        raise InvalidRuntime(str(error)) from error


def encoded_version_of(code: bytes) -> bytes | None:
    """SCALE RuntimeVersion of some code, None if that is no runtime."""
    try:
        version = embedded_version(_decompressed(code))
        return (version or executor_for(code).version).encode()
    except PalletsMockError:
        return None


@lru_cache(maxsize=4)
def executor_for(code: bytes) -> Executor:
    """The executor of a `:code`; the last few are kept, with their compiled modules on disk."""
    return Executor(code, cache_dir=default_cache_dir())
