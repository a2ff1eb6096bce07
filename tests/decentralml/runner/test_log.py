"""The log keeps the beginning and the end, and nothing that a terminal would act on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.runner.log import Log, harmless


def written(path: Path, *pieces: bytes, max_bytes: int = 1000) -> str:
    log = Log(path, max_bytes)
    for piece in pieces:
        log.write(piece)
    log.close()
    return path.read_text(encoding="utf-8")


def test_a_short_log_is_kept_whole(tmp_path: Path) -> None:
    assert written(tmp_path / "log", b"one\ntwo\n", b"thr", b"ee") == "one\ntwo\nthree\n"


def test_a_long_log_keeps_its_beginning_and_end_and_says_what_is_missing(tmp_path: Path) -> None:
    lines = [b"line %03d\n" % number for number in range(100)]  # 9 bytes each

    kept = written(tmp_path / "log", b"".join(lines), max_bytes=90).splitlines()

    assert kept == [
        *(f"line {number:03d}" for number in range(5)),
        "[... 90 lines left out ...]",
        *(f"line {number:03d}" for number in range(95, 100)),
    ]


def test_a_log_exactly_at_its_size_is_kept_whole(tmp_path: Path) -> None:
    assert "left out" not in written(tmp_path / "log", b"a\n" * 10, max_bytes=20)
    assert "left out" in written(tmp_path / "log", b"a\n" * 11, max_bytes=20)


def test_letters_cut_between_pieces_are_whole(tmp_path: Path) -> None:
    text = "größe\n".encode()

    assert written(tmp_path / "log", *(bytes([byte]) for byte in text)) == "größe\n"


def test_a_line_without_end_is_cut_and_takes_no_memory(tmp_path: Path) -> None:
    kept = written(tmp_path / "log", *[b"x" * 60_000] * 10, max_bytes=10_000)

    assert len(kept) < 11_000
    assert max(map(len, kept.splitlines())) == 2000


def test_a_progress_bar_becomes_lines(tmp_path: Path) -> None:
    assert written(tmp_path / "log", b"1/2\r2/2\b\b\b\n") == "1/2\n2/2\n"


def test_the_end_of_the_log_is_forty_lines(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", 1000)
    log.write(b"".join(b"%d\n" % number for number in range(100)))
    log.close()

    assert log.end().split("\n") == [str(number) for number in range(60, 100)]


def test_closing_twice_writes_once(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", 1000)
    log.write(b"end")
    log.close()
    log.close()

    assert (tmp_path / "log").read_text() == "end\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢 🙂\t.", "plain ü 漢 🙂\t."),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b]0;title\x07", "␛[2J␛]0;title␇"),
        ("\x9b2J\x7f", "\ufffd2J\ufffd"),
        ("safe\u202etxt.exe", "safe\ufffdtxt.exe"),
        ("no\u00a0break", "no break"),
    ],
)
def test_what_a_terminal_would_act_on_is_shown_or_gone(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text())
def test_any_text_becomes_printable(text: str) -> None:
    assert all(character.isprintable() or character == "\t" for character in harmless(text))


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(0, 2000))
def test_any_output_stays_within_its_size(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], max_bytes: int
) -> None:
    kept = written(tmp_path_factory.mktemp("log") / "log", *pieces, max_bytes=max_bytes)

    note = len("[... 100,000 lines left out ...]\n")
    assert len(kept.encode()) <= max_bytes + note
