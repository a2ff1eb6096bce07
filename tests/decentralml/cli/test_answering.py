"""Items are shown in the terminal without trusting what is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets_templates.annotation.picture import write_png
from decentralml.cli.answering import shown
from decentralml.cli.main import main


def test_a_picture_is_drawn_in_characters(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.array([[0, 255], [255, 0]], np.uint8))
    assert shown(tmp_path / "a.png") == "  @@\n@@"


def test_a_text_is_shown_without_what_moves_the_cursor(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\x1b[2J\ntwo\xff")
    assert (
        shown(tmp_path / "a.txt") == "one\N{REPLACEMENT CHARACTER}[2J\ntwo\N{REPLACEMENT CHARACTER}"
    )


@pytest.mark.parametrize("name", ["a.png", "a.wav", "a"])
def test_what_cannot_be_shown_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"neither picture nor text")
    assert shown(tmp_path / name) == f"open {tmp_path / name}"


@pytest.mark.parametrize("name", ["a.png", "a.txt"])
def test_a_large_file_is_named_and_not_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate((1 << 20) + 1)
    assert shown(tmp_path / name) == f"open {tmp_path / name}"


def test_without_a_terminal_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["decentralml", "annotator", "answer", "1", "--key", "//Bob"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code not in (0, None)
    assert "Nobody is here to be asked" in capsys.readouterr().err
