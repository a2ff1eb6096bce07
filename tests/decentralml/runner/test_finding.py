"""What `find_sandbox` says when bubblewrap is missing, old or not allowed to work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from decentralml.errors import NoSandbox
from decentralml.runner import BubblewrapSandbox, find_sandbox
from decentralml.runner import sandbox as sandboxes


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in bubblewrap's place; a test writes what it does."""
    path = tmp_path / "bwrap"
    path.touch(mode=0o755)
    return path


def test_the_one_that_is_installed_works(bubblewrap: BubblewrapSandbox) -> None:
    report = find_sandbox()

    assert report.require() is report.sandbox
    assert report.version is not None
    assert report.version.startswith("bubblewrap ")
    assert report.why_not is None


def test_without_bubblewrap_it_says_how_to_get_it() -> None:
    report = find_sandbox("no-such-program")

    assert report.sandbox is None
    assert report.why_not == "bubblewrap is not installed"
    with pytest.raises(NoSandbox, match="apt install bubblewrap"):
        report.require()


def test_one_that_does_not_know_our_options_is_too_old(program: Path) -> None:
    program.write_text("#!/bin/sh\necho bubblewrap 0.4.1\n")

    report = find_sandbox(str(program))

    assert report.why_not == "bubblewrap 0.4.1\n is too old".replace("\n", "")
    assert "0.8" in (report.advice or "")


def test_one_that_may_not_make_namespaces_is_quoted(program: Path) -> None:
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in --version) echo bubblewrap 0.9.0;; --help) echo --size --cap-drop;;\n'
        "*) echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1;; esac\n"
    )

    report = find_sandbox(str(program))

    assert report.sandbox is None
    assert "uid map: Permission denied" in (report.why_not or "")
    assert report.advice


def test_another_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert "needs Linux" in (find_sandbox().why_not or "")


@pytest.mark.parametrize("folder", ["home", "above"])
def test_a_python_that_would_show_the_home_folder_is_refused(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path.home()
    monkeypatch.setattr(sys, "prefix", str(home if folder == "home" else home.parent))

    with pytest.raises(NoSandbox, match="home folder"):
        sandboxes.interpreter_folders()
    assert find_sandbox().sandbox is None
