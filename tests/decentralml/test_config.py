"""Settings: flags win over the environment, it over the file, it over the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.config import load_settings
from decentralml.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NODE", "KEY", "TIMEOUT", "STORE", "WORKSPACE"):
        monkeypatch.delenv(f"DECENTRALML_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))


def file_with(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text)
    return path


def test_without_anything_said_the_defaults_hold() -> None:
    loaded = load_settings({})
    assert loaded.settings.node == ("ws://127.0.0.1:9944",)
    assert set(loaded.origins.values()) == {"default"}


def test_the_file_wins_over_the_defaults(tmp_path: Path) -> None:
    file = file_with(tmp_path, 'key = "carol"\n')
    loaded = load_settings({}, file)
    assert (loaded.settings.key, loaded.origins["key"]) == ("carol", f"file {file}")


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_KEY", "dave")
    loaded = load_settings({}, file_with(tmp_path, 'key = "carol"\n'))
    assert (loaded.settings.key, loaded.origins["key"]) == ("dave", "environment DECENTRALML_KEY")


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECENTRALML_KEY", "dave")
    loaded = load_settings({"key": "eve", "node": None})
    assert (loaded.settings.key, loaded.origins["key"]) == ("eve", "flag --key")
    assert loaded.origins["node"] == "default"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kye = "carol"', "no setting named kye"),
        ("timeout = 0", "setting timeout does not fit"),
        ('node = "http://127.0.0.1"', "begins with ws:// or wss://"),
        ("key = ", "cannot be read"),
        ('wait = "never"', "setting wait does not fit"),
    ],
)
def test_a_file_that_does_not_fit_is_one_clear_error(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_settings({}, file_with(tmp_path, text))


BOTH = ("ws://a:9944", "wss://b/?limit=1,2")


@pytest.mark.parametrize(
    "said", ["ws://a:9944 wss://b/?limit=1,2", " ws://a:9944, wss://b/?limit=1,2 ", ",".join(BOTH)]
)
def test_several_nodes_are_words_in_the_environment(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_NODE", said)
    assert load_settings({}).settings.node == BOTH


def test_several_nodes_are_a_list_in_the_file_and_repeated_as_a_flag(tmp_path: Path) -> None:
    file = file_with(tmp_path, f"node = {list(BOTH)}\n")
    assert load_settings({"node": []}, file).settings.node == BOTH
    assert load_settings({"node": ["ws://c", "ws://d"]}, file).settings.node == ("ws://c", "ws://d")


@pytest.mark.parametrize("said", ["", " , ", "ws://a b", "ws://a,http://b", 7])
def test_one_address_that_does_not_fit_is_refused_with_all(said: object) -> None:
    with pytest.raises(ConfigError, match="setting node does not fit"):
        load_settings({"node": said})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no settings file"):
        load_settings({}, tmp_path / "missing.toml")


def test_a_tilde_means_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings({"workspace": Path("~/w")}).settings.workspace == tmp_path / "w"


def test_mirrors_are_a_list_in_the_file_and_words_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('mirrors = ["https://a", "/b"]\n')
    assert load_settings({}, file).settings.mirrors == ("https://a", "/b")

    monkeypatch.setenv("DECENTRALML_MIRRORS", " /c  ipfs://d ")
    assert load_settings({}, file).settings.mirrors == ("/c", "ipfs://d")
