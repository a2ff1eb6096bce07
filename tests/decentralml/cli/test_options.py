"""Every command takes the shared options, after its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from decentralml.cli.options import group, with_settings
from decentralml.config import Loaded
from decentralml.errors import ConfigError


@pytest.fixture
def seen() -> list[tuple[Loaded, object]]:
    return []


@pytest.fixture
def app(seen: list[tuple[Loaded, object]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = group("For tests.")

    @made.callback()
    def _root() -> None: ...

    @made.command()
    @with_settings
    def look(loaded: Loaded, count: int = typer.Option(1, "--count")) -> None:
        """Look."""
        seen.append((loaded, count))

    return made


def test_shared_options_reach_the_settings_and_own_ones_the_command(app, seen) -> None:
    done = CliRunner().invoke(app, ["look", "--count", "3", "--key", "alice"])
    assert done.exit_code == 0, done.output
    loaded, count = seen[0]
    assert (loaded.settings.key, loaded.origins["key"], count) == ("alice", "flag --key", 3)


def test_help_lists_own_options_before_the_shared_ones(app) -> None:
    shown = CliRunner().invoke(app, ["look", "--help"]).output
    assert 0 < shown.index("--count") < shown.index("--node") < shown.index("--config")


def test_a_named_settings_file_is_read(app, seen, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('key = "carol"\n')
    CliRunner().invoke(app, ["look", "--config", str(file)])
    assert seen[0][0].origins["key"] == f"file {file}"


def test_the_environment_can_name_the_settings_file(app, seen, tmp_path, monkeypatch) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("timeout = 7\n")
    monkeypatch.setenv("DECENTRALML_CONFIG", str(file))
    CliRunner().invoke(app, ["look"])
    assert seen[0][0].settings.timeout == 7


def test_a_value_that_does_not_fit_never_reaches_the_command(app, seen) -> None:
    done = CliRunner().invoke(app, ["look", "--node", "http://here"])
    assert isinstance(done.exception, ConfigError)
    assert seen == []
