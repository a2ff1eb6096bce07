"""The root command: what a newcomer sees first, and how failures end."""

from __future__ import annotations

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
