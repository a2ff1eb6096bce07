"""Which bucket, and where in it: ``s3://bucket/prefix``, ``gs://…``, ``az://container/prefix``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from decentralml.errors import ConfigError

SCHEMES = ("s3", "gs", "az")

_BUCKET = re.compile(r"[a-z0-9$][a-z0-9._-]{1,220}[a-z0-9]")
# No mark that fsspec would take for a pattern, and none that a URL needs quoted.
_FOLDER = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._=+-]{1,255}")


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a bucket.

    Attributes:
        scheme: ``s3``, ``gs`` or ``az``.
        bucket: its name; Azure calls it a container.
        prefix: folders within it, without slashes at the ends; empty for all of it.
    """

    scheme: str
    bucket: str
    prefix: str

    @property
    def path(self) -> str:
        """Bucket and prefix, as fsspec names a folder."""
        return f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}"


def parse_address(text: str) -> Address:
    """The place that a URL names.

    Raises:
        ConfigError: it names none, or carries a secret; no message repeats what may be one.
    """
    scheme, _, rest = text.partition("://")
    if scheme not in SCHEMES:
        raise ConfigError("A bucket's address begins with s3://, gs:// or az://.")
    if any(mark in rest for mark in "@?#"):
        raise ConfigError(
            f"The {scheme}:// address of the store has a user, a password or parameters in it. "
            f"Name only {scheme}://BUCKET/FOLDER: credentials are found in the environment, a "
            "profile or the machine's role, and an endpoint in AWS_ENDPOINT_URL."
        )
    bucket, _, prefix = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigError(
            f"{bucket[:80]!a} names no bucket. Write {scheme}://BUCKET/FOLDER; a name has 3 or "
            "more lower-case letters, digits, '.', '-' and '_'."
        )
    folders = [folder for folder in prefix.split("/") if folder]
    for folder in folders:
        if not _FOLDER.fullmatch(folder):
            raise ConfigError(
                f"{folder[:80]!a} is no folder for a bucket here. "
                "Use letters, digits, '.', '-', '_', '=' and '+'."
            )
    return Address(scheme, bucket, "/".join(folders))
