"""`ext_logging_*`, `ext_panic_handler_*`: what the runtime has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pallets_mock.errors import HostError

if TYPE_CHECKING:
    from pallets_mock.host.context import HostContext

ERROR, WARN, INFO, DEBUG, TRACE = range(5)
MAX_LEVEL = INFO + 1
"""As a filter, in which 0 is off. The runtime does not even format what is more detailed."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line that the runtime logged.

    Args:
        level: 0 error, 1 warning, 2 info, 3 debug, 4 trace.
    """

    level: int
    target: str
    message: str


def text(data: bytes) -> str:
    """The runtime's bytes as text, whatever they are."""
    return data.decode("utf-8", "replace")


def log_version_1(context: HostContext, level: int, target: int, message: int) -> None:
    """`ext_logging_log_version_1`."""
    memory = context.memory
    record = LogRecord(level & 0xFF, text(memory.read(target)), text(memory.read(message)))
    context.logs.append(record)


def max_level_version_1(_: HostContext) -> int:
    """`ext_logging_max_level_version_1`."""
    return MAX_LEVEL


def abort_on_panic_version_1(context: HostContext, message: int) -> None:
    """`ext_panic_handler_abort_on_panic_version_1`: ends the call."""
    context.panic = text(context.memory.read(message))
    raise HostError(context.panic)
