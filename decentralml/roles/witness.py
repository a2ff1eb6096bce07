"""Runs a command and writes down that it ended well, even when nobody is left to be told.

Started by `witnessing` as ``python -I -S witness.py RECORD PARENT COMMAND…``, on its own and with
the standard library only. When the parent dies, the command is killed; what counts then is whether
it had ended before. RECORD is locked for as long as the command may run, so whoever gets its lock
afterwards reads the whole truth: an exit status, or nothing for a command that did not end by
itself.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run the command of ``sys.argv``; exits with its status."""
    record, parent, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    lock = os.open(record, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if sys.platform == "linux":  # elsewhere there is no sandbox, and a trusted script goes on
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)  # it died before it could be watched
    child = os.posix_spawn(command[0], command, os.environ, setsigmask=())

    def stop(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    _, ended = os.waitpid(child, 0)
    if os.WIFEXITED(ended):
        os.write(lock, str(os.WEXITSTATUS(ended)).encode())
        os.fsync(lock)
        os._exit(os.WEXITSTATUS(ended))
    os._exit(128 + os.WTERMSIG(ended))


if __name__ == "__main__":
    main()
