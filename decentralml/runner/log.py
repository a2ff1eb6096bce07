"""What a script prints: made harmless for a terminal, and kept up to a size."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import deque
from collections.abc import Callable
from pathlib import Path

_LONGEST_LINE = 2000  # characters
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINE_END = re.compile(r"\r\n|\n|\r")
_END_LINES = 40  # of the log's end that an error carries


def harmless(text: str) -> str:
    """The text without anything that a terminal acts on.

    Colours and backspaces go; other control characters, and those that turn the direction of
    writing, become visible. Tabs stay; line ends are the caller's.
    """
    return "".join(map(_visible, _COLOUR.sub("", text).replace("\b", "")))


def _visible(character: str) -> str:
    if character in "\t" or character.isprintable():
        return character
    if character < " ":
        return chr(0x2400 + ord(character))
    return " " if unicodedata.category(character) == "Zs" else "\N{REPLACEMENT CHARACTER}"


class Log:
    """A log file with its beginning and its end, whatever came between.

    The first half of the bytes goes to the file as it comes; after that only as many of the last
    lines are remembered as fit the second half, and written when the log is closed.
    """

    def __init__(
        self, path: Path, max_bytes: int, on_line: Callable[[str], None] | None = None
    ) -> None:
        """
        Args:
            path: overwritten.
            on_line: told each line as it comes, harmless and without its end.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._room = self._half = max_bytes // 2
        self._on_line = on_line
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self._tail: deque[str] = deque()
        self._tail_bytes = 0
        self._dropped = 0
        self._last: deque[str] = deque(maxlen=_END_LINES)
        self.received = 0  # bytes

    def write(self, data: bytes) -> None:
        """Takes what the script printed, cut anywhere."""
        self.received += len(data)
        *lines, self._rest = _LINE_END.split(self._rest + self._decode(data))
        for line in lines:
            self._line(line)
        while len(self._rest) > _LONGEST_LINE:
            self._line(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]
        self._file.flush()

    def close(self) -> None:
        """Writes the last lines; may be called again."""
        if self._file.closed:
            return
        if self._rest:
            self._line(self._rest)
        if self._dropped:
            self._file.write(f"[... {self._dropped:,} lines left out ...]\n")
        self._file.writelines(self._tail)
        self._file.close()

    def end(self) -> str:
        """The last lines, for an error."""
        return "\n".join(self._last)

    def _line(self, line: str) -> None:
        shown = harmless(line[:_LONGEST_LINE])
        self._last.append(shown)
        if self._on_line:
            self._on_line(shown)
        self._keep(shown + "\n")

    def _keep(self, line: str) -> None:
        size = len(line.encode("utf-8"))
        if size <= self._room:
            self._room -= size
            self._file.write(line)
            return
        self._room = 0  # nothing later may stand before this line
        self._tail.append(line)
        self._tail_bytes += size
        while self._tail_bytes > self._half:
            self._tail_bytes -= len(self._tail.popleft().encode("utf-8"))
            self._dropped += 1
