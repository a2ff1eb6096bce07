"""Where a daemon's API is, and what it asks of who calls it.

``ipfs://HOST:PORT`` names it, ``ipfs+https://HOST:PORT`` where a server in front of it speaks TLS,
``ipfs:///PATH/TO/REPO`` a daemon by its repository (the port it listens on stands in there, also
when it is another after each start), and ``ipfs://`` alone the person's own: the repository in
IPFS_PATH, else ``~/.ipfs``.

What the API asks for (kubo's ``API.Authorizations``) is read from the environment, in kubo's own
form, ``basic:USER:PASSWORD`` or ``bearer:TOKEN``. It never stands in the address, since that is
shown, kept in files and seen by whoever lists processes.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from decentralml.errors import ConfigError, StoreUnreachable

SECRET_VARIABLE = "DECENTRALML_IPFS_AUTH"  # noqa: S105 - where it is, not what it is
START = "Start it with `ipfs daemon`, or name another store with --store."
DEFAULT_PORT = 5001
_SECURE = "ipfs+https"
_LARGEST_FILE = 1000  # bytes of a repository's file `api`
_MULTIADDR = re.compile(r"/(?:ip4|ip6|dns|dns4|dns6)/([^/]+)/tcp/([0-9]{1,5})(?:/http)?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an API listens."""

    host: str
    port: int
    secure: bool = False

    @property
    def multiaddr(self) -> str:
        """As libp2p writes it."""
        kind = "dns"
        if _is_address(self.host):
            kind = f"ip{ip_address(self.host).version}"
        return f"/{kind}/{self.host}/tcp/{self.port}/{'https' if self.secure else 'http'}"

    @property
    def is_here(self) -> bool:
        """Whether what is sent there stays on this machine."""
        if _is_address(self.host):
            return ip_address(self.host).is_loopback
        return self.host == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{_SECURE if self.secure else 'ipfs'}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """A daemon as a person names it: by an endpoint, or by a repository that tells the endpoint."""

    endpoint: Endpoint | None
    repository: Path | None = None

    @classmethod
    def parse(cls, location: str) -> Address:
        """The daemon that a store's address names.

        Raises:
            ConfigError: it is none; or a secret stands in it, which the message does not repeat.
        """
        try:
            parts = urlsplit(location)
            port = parts.port or DEFAULT_PORT
        except ValueError:
            raise _malformed() from None
        if "@" in parts.netloc:
            raise ConfigError(
                "An address with a password in it is seen by everybody who lists processes or "
                f"reads settings. Leave it out, and set {SECRET_VARIABLE} to basic:USER:PASSWORD."
            )
        if parts.query or parts.fragment:
            raise _malformed()
        if parts.netloc:
            return cls(_endpoint(parts, port))
        if parts.scheme == _SECURE:
            raise _malformed()
        if parts.path in ("", "/"):
            return cls(None, None)
        return cls(None, Path(unquote(parts.path)))

    def find(self) -> Endpoint:
        """Where the API listens now: it may be elsewhere after the daemon was started anew.

        Raises:
            StoreUnreachable: the repository says that no daemon runs.
        """
        if self.endpoint is not None:
            return self.endpoint
        own = Path(os.environ.get("IPFS_PATH") or Path("~/.ipfs").expanduser())
        repository = self.repository or own
        try:
            with (repository / "api").open("rb") as file:
                text = file.read(_LARGEST_FILE).decode("ascii", "replace").strip()
        except OSError:
            why = f"{repository} has no file `api`, so no daemon runs on it"
            raise StoreUnreachable(str(self), why, START) from None
        found = _MULTIADDR.fullmatch(text)
        if found is None:
            why = f"{repository / 'api'} names {text[:100]!a}, which is no address on TCP"
            raise StoreUnreachable(str(self), why, START)
        return Endpoint(found[1], int(found[2]))

    def __str__(self) -> str:
        if self.endpoint is not None:
            return str(self.endpoint)
        return f"ipfs://{self.repository or ''}"


def authorization(endpoint: Endpoint) -> str | None:
    """The value of the header ``Authorization`` that the environment asks for.

    Raises:
        ConfigError: it has another form, or it would leave this machine unencrypted.
    """
    secret = os.environ.get(SECRET_VARIABLE)
    if not secret:
        return None
    kind, _, rest = secret.partition(":")
    if kind not in ("basic", "bearer") or not rest or (kind == "basic" and ":" not in rest):
        raise ConfigError(
            f"{SECRET_VARIABLE} has another form than basic:USER:PASSWORD or bearer:TOKEN. "
            "Copy it again: it is what kubo's API.Authorizations calls AuthSecret."
        )
    if not endpoint.secure and not endpoint.is_here:
        raise ConfigError(
            f"{SECRET_VARIABLE} would travel to {endpoint.host} for all to read. Name the API by "
            f"{_SECURE}:// (a server with TLS before it), or reach it through a tunnel."
        )
    if kind == "bearer":
        return f"Bearer {rest}"
    return "Basic " + base64.b64encode(rest.encode()).decode("ascii")


def _endpoint(parts: SplitResult, port: int) -> Endpoint:
    host = parts.hostname or ""
    if not host or parts.path not in ("", "/"):
        raise _malformed()
    return Endpoint(host, port, parts.scheme == _SECURE)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _malformed() -> ConfigError:
    return ConfigError(
        "An IPFS daemon is named as in ipfs://127.0.0.1:5001, ipfs:///path/to/its/repository, or "
        "ipfs:// for the one in IPFS_PATH. Nothing may follow that."
    )
