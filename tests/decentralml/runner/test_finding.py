"""What `find_sandbox` says when bubblewrap is missing, old or not allowed to work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decentralml.errors import NoSandbox
from decentralml.runner import BubblewrapSandbox, find_sandbox, finding
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


def test_one_that_hangs_or_is_no_program_is_quoted(program: Path) -> None:
    program.write_bytes(b"\x7fELF")

    assert find_sandbox(str(program)).sandbox is None


def test_one_that_vanishes_between_asking_and_trying_does_not_start(program: Path) -> None:
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in --version) echo bubblewrap 0.9.0;;\n'
        '--help) echo --size --cap-drop; rm "$0";; esac\n'
    )

    assert "does not start" in (find_sandbox(str(program)).why_not or "")


@pytest.mark.parametrize(("content", "advice"), [("0\n", "sysctl"), ("7\n", "In a container")])
def test_the_advice_names_the_switch_that_is_off(
    content: str, advice: str, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "max_user_namespaces").write_text(content)
    switch = (str(tmp_path / "max_user_namespaces"), "0", "Allow it: `sudo sysctl`.")
    missing = (str(tmp_path / "no such switch"), "0", "never said")
    monkeypatch.setattr(finding, "_SWITCHES", (missing, switch))
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in --version) echo bubblewrap 0.9.0;; --help) echo --size --cap-drop;;\n'
        "*) exit 1;; esac\n"
    )

    report = find_sandbox(str(program))

    assert "it said nothing" in (report.why_not or "")
    assert advice in (report.advice or "")


def test_a_sandbox_that_fails_when_the_task_starts_is_no_fault_of_the_task(
    program: Path, make_job: Callable[[Any], Any]
) -> None:
    program.write_text('#!/bin/sh\necho "bwrap: Can\'t mount proc" >&2; exit 1\n')

    with pytest.raises(NoSandbox, match="mount proc"):
        make_job(BubblewrapSandbox(str(program))).script("true").start()


def test_a_machine_without_a_known_filter_runs_without_one(
    make_job: Callable[[Any], Any],
    bubblewrap: BubblewrapSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandboxes, "filter_for", lambda: None)

    outcome = make_job(bubblewrap).script("echo '{}' > $RESULT_DIR/result.json").start()

    assert outcome.exit_code == 0
