"""Which program a daemon of one's own runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decentralml.assets.ipfs.private import KuboFailed, PrivateDaemon, find_kubo
from decentralml.errors import ConfigError


def program(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without kubo."""
    monkeypatch.delenv("DECENTRALML_KUBO", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_without_any_one_is_told_where_it_comes_from() -> None:
    with pytest.raises(ConfigError, match=r"scripts/build_kubo\.sh.*DECENTRALML_KUBO"):
        find_kubo()


def test_the_newest_that_was_built_is_found(bare_machine: Path) -> None:
    old, new = (
        program(bare_machine / f"cache/decentralml/kubo/{v}/ipfs") for v in ("v1-b", "v1-a")
    )
    os.utime(old, (1, 1))

    assert find_kubo() == new


def test_one_on_the_path_goes_before_what_was_built(bare_machine: Path) -> None:
    program(bare_machine / "cache/decentralml/kubo/v1/ipfs")
    installed = program(bare_machine / "bin/ipfs")

    assert find_kubo() == installed


def test_the_one_that_is_named_goes_before_all(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare_machine / "bin/ipfs")
    named = program(bare_machine / "mine")
    monkeypatch.setenv("DECENTRALML_KUBO", str(named))

    assert find_kubo() == named


def test_a_name_that_is_no_program_is_an_error_not_a_reason_to_take_another(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare_machine / "bin/ipfs")
    monkeypatch.setenv("DECENTRALML_KUBO", str(bare_machine / "nothing"))

    with pytest.raises(ConfigError, match="which is no program"):
        find_kubo()


def test_a_program_that_refuses_says_why(bare_machine: Path) -> None:
    refusing = program(bare_machine / "ipfs", "echo 'disk full' >&2; exit 1")

    with pytest.raises(KuboFailed, match="disk full"):
        PrivateDaemon.make(bare_machine, refusing)


def test_a_daemon_that_ends_at_once_says_why(bare_machine: Path) -> None:
    ending = program(bare_machine / "ipfs", "echo 'lock is held'; exit 1")

    with pytest.raises(KuboFailed, match="lock is held"):
        PrivateDaemon(bare_machine, ending, api=1).start()
