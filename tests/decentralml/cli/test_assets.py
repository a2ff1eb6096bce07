"""`decentralml assets`, as a person and as a program uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Decentralml = Callable[..., "subprocess.CompletedProcess[str]"]
# kubo's CIDs (tests/vectors): an empty file, and a folder with an empty folder in it
EMPTY_FILE = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
EMPTY_IN_FOLDER = "bafybeifz3painnrqwe4qxaqkcdojyv5dpmutmokdh6ooajeb54kdpqlqee"


@pytest.fixture
def assets(tmp_path: Path) -> Decentralml:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "decentralml.cli.main", "assets", *map(str, arguments)]
        environment = {"DECENTRALML_STORE": str(tmp_path / "store"), "HOME": str(tmp_path)}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder" / "empty").mkdir(parents=True)
    return tmp_path / "folder"


def test_cid_prints_kubos_cid_and_stores_nothing(
    assets: Decentralml, folder: Path, tmp_path: Path
) -> None:
    assert assets("cid", folder).stdout == f"{EMPTY_IN_FOLDER}\n"
    assert not (tmp_path / "store").exists()


def test_put_list_verify_and_get_fit_together(
    assets: Decentralml, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    assert assets("put", folder).stdout == f"{EMPTY_IN_FOLDER}\n"
    assert assets("put", tmp_path / "file").stdout == f"{EMPTY_FILE}\n"
    listed = json.loads(assets("list", "--json").stdout)
    assert [one["cid"] for one in listed] == sorted([EMPTY_IN_FOLDER, EMPTY_FILE])
    assert EMPTY_FILE in assets("list").stdout
    verified = assets("verify", EMPTY_FILE, "--json")
    assert json.loads(verified.stdout) == {"cid": EMPTY_FILE, "intact": True}
    assert assets("get", EMPTY_IN_FOLDER, tmp_path / "new" / "copy").returncode == 0
    assert (tmp_path / "new" / "copy" / "empty").is_dir()


def test_what_is_damaged_is_refused_in_one_line_and_nothing_is_written(
    assets: Decentralml, folder: Path, tmp_path: Path
) -> None:
    assets("put", folder)
    file = tmp_path / "store" / f"{EMPTY_IN_FOLDER}.car"
    file.write_bytes(file.read_bytes()[:-1])

    for refused in (
        assets("get", EMPTY_IN_FOLDER, tmp_path / "copy"),
        assets("verify", EMPTY_IN_FOLDER),
    ):
        assert refused.returncode == 6
        assert refused.stdout == ""
        assert refused.stderr.startswith(f"error: {EMPTY_IN_FOLDER} is not intact")
        assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "copy").exists()


def test_a_malformed_cid_is_refused_by_name(assets: Decentralml, tmp_path: Path) -> None:
    refused = assets("get", "../../etc/passwd", tmp_path / "copy")

    assert refused.returncode == 6
    assert "no content identifier" in refused.stderr


def test_a_path_that_is_not_there_is_a_wrong_command_line(assets: Decentralml) -> None:
    assert assets("cid", "no-such-file").returncode == 2


def test_an_empty_store_says_how_to_fill_it(assets: Decentralml) -> None:
    shown = assets("list")

    assert shown.returncode == 0
    assert "assets put PATH" in shown.stderr
    assert json.loads(assets("list", "--json").stdout) == []
