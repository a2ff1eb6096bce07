"""From the text that names a store to the store: one line for each kind that there is.

A kind's module is imported when a store of that kind is opened, so that nobody needs the libraries
of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from decentralml.errors import ConfigError

if TYPE_CHECKING:
    from decentralml.assets.store import AssetStore


def open_store(location: str) -> AssetStore:
    """The store at a location: a folder, or an address with a scheme.

    Opening asks nobody: what does not answer says so when it is used.

    Raises:
        ConfigError: no such kind, or no address of its kind.
    """
    scheme, colon, _ = location.partition("://")
    if not colon:
        return _folder(location)
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise ConfigError(
            f"There is no store for {scheme[:40]}:// here. Name a folder, as in --store ~/bundles, "
            f"or an address that begins with one of: {known}."
        )
    return SCHEMES[scheme](location)


def _folder(location: str) -> AssetStore:
    from decentralml.assets.local import LocalStore

    return LocalStore(Path(location.removeprefix("file://")).expanduser())


def _ipfs(location: str) -> AssetStore:
    try:
        from decentralml.assets.ipfs.store import IpfsStore
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"A store in IPFS needs the package {error.name}. "
            "Install it with: pip install 'decentralml[ipfs]'"
        ) from error

    return IpfsStore(location)


def _gateway(location: str) -> AssetStore:
    from decentralml.assets.gateway import GatewayStore

    return GatewayStore(location)


SCHEMES: Mapping[str, Callable[[str], AssetStore]] = {
    "file": _folder,
    "http": _gateway,
    "https": _gateway,
    "ipfs": _ipfs,
    "ipfs+https": _ipfs,
}
"""Scheme -> what opens the whole location."""
