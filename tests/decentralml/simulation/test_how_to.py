"""The how-to's Python runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "simulate.md"


@pytest.mark.slow
def test_the_page_s_program_finds_the_truth_among_a_thousand_contributors(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "regression.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "regression.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    curve = [line.split() for line in done.stdout.splitlines()]
    assert [int(number) for number, _ in curve] == list(range(16))
    assert float(curve[0][1]) > 2.5
    assert float(curve[-1][1]) < 0.5


def test_every_picture_of_the_page_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", PAGE.read_text())
    assert pictures
    assert all((PAGE.parent / picture).is_file() for picture in pictures)
