"""The root command: what a newcomer sees first, and how failures end."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from decentralml.cli import main as cli
from decentralml.errors import (
    AssetError,
    ChainError,
    ConfigError,
    DecentralMLError,
    KeyFileError,
    LearningError,
    RoleError,
    RunnerError,
)

HEAVY = ("keras", "tensorflow", "numpy", "substrateinterface", "pydantic", "rich", "wasmtime")


def decentralml(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "decentralml.cli.main", *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_help_names_every_group() -> None:
    shown = decentralml("--help").stdout
    assert all(f"  {group} " in shown for group in cli.GROUPS)


@pytest.mark.parametrize("group", cli.GROUPS)
def test_every_group_has_help(group: str) -> None:
    done = decentralml(group, "--help")
    assert done.returncode == 0, done.stderr
    assert f"decentralml {group}" in done.stdout


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, runpy\n"
        "sys.argv = ['decentralml', '--help']\n"
        "try: runpy.run_module('decentralml.cli.main', run_name='__main__')\n"
        "except SystemExit: pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_misspelt_group_is_answered_with_the_nearest_one() -> None:
    done = decentralml("contributer")
    assert done.returncode == 2
    assert "Did you mean 'contributor'" in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DecentralMLError, 1),
        (ConfigError, 3),
        (ChainError, 4),
        (KeyFileError, 5),
        (AssetError, 6),
        (LearningError, 7),
        (RunnerError, 8),
        (RoleError, 9),
    ],
)
def test_each_kind_of_error_has_its_exit_status(error: type[DecentralMLError], code: int) -> None:
    assert cli.exit_code(error("x")) == code


def test_a_more_special_error_ends_like_its_kind() -> None:
    class Special(AssetError):
        pass

    assert cli.exit_code(Special("x")) == 6


def test_an_error_is_one_line_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise ConfigError("The setting key is missing.")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert capsys.readouterr().err == "error: The setting key is missing.\n"


def test_an_interrupt_says_that_what_was_done_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupt)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert "what was done is kept" in capsys.readouterr().err


def test_the_version_is_printed() -> None:
    assert decentralml("--version").stdout.strip() == version("decentralml")


@pytest.mark.parametrize("group", [name for name in cli.GROUPS if name != "demo"])
def test_completing_a_command_imports_nothing_heavy(group: str) -> None:
    program = (
        "import sys\n"
        f"from decentralml.cli.main import app\nimport typer\n"
        f"typer.main.get_command(app).get_command(None, {group!r})\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_shell_completes_groups_and_commands() -> None:
    def completed(words: str, position: int) -> list[str]:
        asked = {"_DECENTRALML_COMPLETE": "complete_bash", "COMP_WORDS": words}
        done = subprocess.run(
            [sys.executable, "-m", "decentralml.cli.main"],
            env={**os.environ, **asked, "COMP_CWORD": str(position)},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.stdout.split()

    assert completed("decentralml con", 1) == ["contributor", "config"]
    assert completed("decentralml creator vali", 2) == ["validate-task-result", "validate-all"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "error: /full/file: No space left on device. Make room"),
        (errno.EACCES, "error: /full/file: Permission denied. Change who may use it"),
        (errno.EIO, "error: /full/file: Input/output error."),
    ],
)
def test_what_the_machine_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, words: str
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number), "/full/file")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (1, 1)
    assert said.startswith(words)
