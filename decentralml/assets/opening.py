"""From the text that names a store to the store: one line for each kind that there is.

A kind's module is imported when a store of that kind is opened, so that nobody needs the libraries
of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from decentralml.errors import AssetError, ConfigError

if TYPE_CHECKING:
    from decentralml.assets.mirrored import Passed
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


def ignore(_name: str, _error: AssetError) -> None:
    """Tells nobody which store was passed over."""


def open_stores(location: str, mirrors: Sequence[str] = (), passed: Passed = ignore) -> AssetStore:
    """The store at a location, with others to read from what it lacks.

    Args:
        mirrors: locations of the others, in the order in which they are asked.
        passed: told of each store that lacks a content, does not answer or lies.

    Raises: ConfigError: as `open_store`.
    """
    if not mirrors:
        return open_store(location)
    from decentralml.assets.mirrored import MirroredStore

    named = [(shown(place), open_store(place)) for place in (location, *mirrors)]
    return MirroredStore(named, passed)


def shown(location: str) -> str:
    """A location without what may be secret in it, to print."""
    scheme, colon, rest = location.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if colon else location


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


def _bucket(location: str) -> AssetStore:
    from decentralml.assets.cloud.store import CloudStore

    return CloudStore(location)


SCHEMES: Mapping[str, Callable[[str], AssetStore]] = {
    "az": _bucket,
    "file": _folder,
    "gs": _bucket,
    "http": _gateway,
    "https": _gateway,
    "ipfs": _ipfs,
    "ipfs+https": _ipfs,
    "s3": _bucket,
}
"""Scheme -> what opens the whole location."""
