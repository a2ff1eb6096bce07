"""`decentralml doctor` finds what is missing and says how to get it."""

from __future__ import annotations

import os

import pytest

from tests.decentralml.cli.conftest import CommandLine


def health(cli: CommandLine, *options: str) -> dict[str, str]:
    return {one["part"]: one["health"] for one in cli("doctor", "--json", *options).data}


def test_a_chain_that_answers_is_good(cli: CommandLine) -> None:
    found = health(cli, "--key", "//Bob")
    assert [found[part] for part in ("chain", "runtime", "key", "store")] == ["good"] * 4


def test_without_a_chain_it_says_how_to_start_one_and_fails(alone: CommandLine) -> None:
    done = alone("doctor")
    assert done.status == 1
    assert "decentralml chain dev" in " ".join(done.out.split())


def test_a_key_that_is_not_there_is_missing(alone: CommandLine) -> None:
    assert health(alone, "--key", "nobody")["key"] == "missing"


@pytest.mark.parametrize(("user", "warned"), [(0, True), (1000, False)])
def test_root_is_warned(
    alone: CommandLine, monkeypatch: pytest.MonkeyPatch, user: int, warned: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("user" in health(alone)) is warned


def test_what_it_finds_fits_80_columns(alone: CommandLine) -> None:
    assert max(map(len, alone("doctor").out.splitlines())) <= 80
