"""From the text that names a store to the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.assets.local import LocalStore
from decentralml.assets.opening import open_store
from decentralml.errors import ConfigError


@pytest.mark.parametrize("location", ["/srv/bundles", "file:///srv/bundles"])
def test_a_folder_is_named_plainly_or_as_a_file_address(location: str) -> None:
    store = open_store(location)

    assert isinstance(store, LocalStore)
    assert store.root == Path("/srv/bundles")


def test_a_tilde_is_the_persons_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    store = open_store("~/bundles")

    assert isinstance(store, LocalStore)
    assert store.root == Path("/home/ada/bundles")


def test_an_unknown_scheme_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no store for gopher://.*file://"):
        open_store("gopher://bundles")
