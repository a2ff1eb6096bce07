"""Where the demo's people keep what they hand over; tests/ipfs runs it with daemons."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.cli.demo import StoreKind
from decentralml.cli.demo.board import Board
from decentralml.cli.demo.people import join
from decentralml.cli.demo.stores import stores
from decentralml.errors import ConfigError


def test_all_share_one_folder_unless_told_otherwise(tmp_path: Path) -> None:
    people = [join(tmp_path / "people", name, name) for name in ("creator", "contributor")]

    with stores(StoreKind.FOLDER, tmp_path, Board()) as store_of:
        assert {store_of(person) for person in people} == {str(tmp_path / "store")}


def test_without_a_daemons_program_it_is_said_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_KUBO", str(tmp_path / "nothing"))

    with (
        pytest.raises(ConfigError, match="DECENTRALML_KUBO"),
        stores(StoreKind.IPFS, tmp_path, Board()),
    ):
        pass

    assert not (tmp_path / "ipfs").exists()
