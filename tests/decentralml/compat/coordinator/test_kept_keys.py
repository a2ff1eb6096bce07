"""Keys that are kept for others: one password, and their own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.compat.coordinator.kept_keys import KeptKeys
from decentralml.errors import PasswordMissing, WrongPassword


def test_a_key_that_was_made_opens_again(tmp_path: Path) -> None:
    keys = KeptKeys(tmp_path, lambda: "secret")
    first, second = keys.make(), keys.make()
    again = KeptKeys(tmp_path, lambda: "secret")

    assert (first, second) == ("kept-0001", "kept-0002")
    assert again.open(first).public_key == keys.open(first).public_key
    assert again.open(second).public_key != keys.open(first).public_key
    assert [info.address for info in again.list()] == [
        keys.open(name).ss58_address for name in (first, second)
    ]


def test_the_password_is_asked_once_and_only_when_needed(tmp_path: Path) -> None:
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        return "secret"

    keys = KeptKeys(tmp_path, ask)
    assert (keys.list(), asked) == ([], [])
    keys.check()
    keys.make()
    keys.make()
    assert asked == [1]


def test_another_password_is_found_out_at_the_beginning(tmp_path: Path) -> None:
    KeptKeys(tmp_path, lambda: "secret").make()

    with pytest.raises(WrongPassword):
        KeptKeys(tmp_path, lambda: "other").check()


def test_a_password_that_nobody_has_is_found_out_at_the_beginning(tmp_path: Path) -> None:
    def nobody() -> str:
        raise PasswordMissing("kept-keys", "DECENTRALML_PASSWORD")

    with pytest.raises(PasswordMissing):
        KeptKeys(tmp_path, nobody).check()
