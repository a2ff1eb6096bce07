"""`decentralml keys`, as a person and as a program uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Decentralml = Callable[..., "subprocess.CompletedProcess[str]"]
VECTORS = Path(__file__).parents[2] / "vectors" / "polkadot_js_keys.json"
WORDS = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
ADDRESS = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV"  # what polkadot-js makes of WORDS


@pytest.fixture
def keys(tmp_path: Path) -> Decentralml:
    def run(
        *arguments: object, password: str | None = "secret", typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "decentralml.cli.main", "keys", *map(str, arguments)]
        environment = {
            "DECENTRALML_KEYS": str(tmp_path / "keys"),
            "HOME": str(tmp_path),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        if password is not None:
            environment["DECENTRALML_PASSWORD"] = password
        return subprocess.run(
            command, env=environment, input=typed, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    return run


def test_a_created_key_is_listed_and_its_words_are_shown_once_apart_from_data(
    keys: Decentralml,
) -> None:
    made = keys("create", "mine", "--json")
    info = json.loads(made.stdout)
    assert info["name"] == "mine"
    words = next(line for line in made.stderr.splitlines() if len(line.split()) == 12)
    assert words.strip() not in made.stdout
    assert [one["address"] for one in json.loads(keys("list", "--json").stdout)] == [
        info["address"]
    ]
    assert keys("show", "mine").stdout == f"mine  {info['address']}\n"


def test_words_are_read_from_what_is_piped_in_and_never_from_an_argument(
    keys: Decentralml,
) -> None:
    assert keys("import", "mine", typed=f"{WORDS}\n").stdout == f"mine  {ADDRESS}\n"
    assert keys("import", "other", *WORDS.split()).returncode == 2


def test_words_need_not_be_shown(keys: Decentralml) -> None:
    made = keys("create", "mine", "--hide-words")
    assert not [line for line in made.stderr.splitlines() if len(line.split()) == 12]


def test_a_file_of_polkadot_js_is_taken_over_and_given_back(
    keys: Decentralml, tmp_path: Path
) -> None:
    vectors = json.loads(VECTORS.read_text())
    file = tmp_path / "from-wallet.json"
    file.write_text(json.dumps(vectors["files"][0]))

    taken = keys("import", "mine", "--file", file, password=vectors["password"])

    assert taken.stdout == f"mine  {ADDRESS}\n"
    given = json.loads(keys("export", "mine", password=None).stdout)
    assert given["encoded"] == vectors["files"][0]["encoded"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "absent"], "keys create absent"),
        (["create", "a/b"], "names no key"),
        (["import", "mine", "--file", "/nowhere/key.json"], "cannot be used as a key"),
        (["import", "mine"], "no mnemonic"),
    ],
)
def test_a_refusal_is_one_line_with_the_status_of_keys(
    keys: Decentralml, arguments: list[str], words: str
) -> None:
    refused = keys(*arguments)
    assert refused.returncode == 5
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""


def test_a_key_is_not_made_without_a_password(keys: Decentralml) -> None:
    for nothing in (None, ""):
        refused = keys("create", "mine", password=nothing)
        assert (refused.returncode, "DECENTRALML_PASSWORD" in refused.stderr) == (5, True)
    assert json.loads(keys("list", "--json").stdout) == []


def test_a_machine_without_a_key_ring_says_what_else_to_use(keys: Decentralml) -> None:
    keys("create", "mine")
    wrong = keys("remember", "mine", password="other")
    assert (wrong.returncode, "does not open" in wrong.stderr) == (5, True)
