"""Objects of one bucket: the only place that knows fsspec.

Requests run on fsspec's own loop, in a thread of its own, so several go on at once without threads
here. Each is bounded in time with all its repetitions, which the services' libraries make.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any, Generic, TypeVar

from decentralml.assets.cloud.address import Address
from decentralml.assets.cloud.failures import is_absent, is_past_the_end, named, no_bucket
from decentralml.errors import ConfigError, DecentralMLError, StoreRefused

PATIENCE = 300.0  # seconds for one request with all its repetitions
AT_ONCE = 4  # requests

_Result = TypeVar("_Result")

# Everything else (keys, endpoint, region) is left to the usual chains of each service.
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 10,
            "read_timeout": 60,
            "retries": {"max_attempts": 4, "mode": "standard"},
        }
    },
    "gs": {"timeout": 60},
    "az": {"connection_timeout": 10, "read_timeout": 60},
}
_LIBRARY = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}
_CHANGED = ("LastModified", "last_modified", "updated", "mtime")


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a listing: its length, and when it was written, where the service says so."""

    size: int
    written: datetime | None


class Pending(Generic[_Result]):
    """A request under way."""

    def __init__(self, future: Future[_Result], store: str) -> None:
        self._future = future
        self._store = store

    def result(self) -> _Result:
        """Waits for it.

        Raises:
            StoreUnreachable, StoreRefused: what became of it.
        """
        try:
            return self._future.result()
        except DecentralMLError:
            raise
        except Exception as error:
            raise named(error, self._store) from error

    def cancel(self) -> None:
        """Gives it up."""
        self._future.cancel()


class Bucket:
    """What a store needs of a bucket; keys are below the address's prefix.

    All methods raise `StoreUnreachable` or `StoreRefused` (`NoSuchBucket`, `AccessDenied`,
    `CredentialsRefused`, `ClockSkewed`).
    """

    def __init__(self, address: Address, patience: float = PATIENCE) -> None:
        """
        Args:
            address: where the objects lie.
            patience: seconds for one request with all its repetitions.
        """
        self._address = address
        self._store = str(address)
        self._patience = patience
        self._known = False  # whether the bucket is known to exist

    @cached_property
    def _files(self) -> Any:
        """The service's file system; made when first used, which imports its library.

        Raises:
            ConfigError: that library is not installed.
        """
        scheme = self._address.scheme
        logging.getLogger("gcsfs").addHandler(logging.NullHandler())  # or it prints its errors
        try:
            import fsspec

            return fsspec.filesystem(
                scheme, use_listings_cache=False, skip_instance_cache=True, **_OPTIONS[scheme]
            )
        except ImportError as error:
            raise ConfigError(
                f"A store at {scheme}:// needs {_LIBRARY[scheme]}. "
                "Install it with: pip install 'decentralml[cloud]'"
            ) from error
        except Exception as error:
            raise named(error, self._store) from error

    def read(self, key: str, start: int, end: int) -> bytes | None:
        """Bytes ``start`` up to ``end`` of an object, fewer if it is shorter; None without it."""
        return self.start_reading(key, start, end).result()

    def start_reading(self, key: str, start: int, end: int) -> Pending[bytes | None]:
        """As `read`, without waiting."""
        return self._start(lambda: self._read(key, start, end))

    def write(self, key: str, data: bytes) -> None:
        """Makes an object, or replaces it: whole or not at all."""
        self.start_writing(key, data).result()

    def start_writing(self, key: str, data: bytes) -> Pending[object]:
        """As `write`, without waiting."""
        return self._start(lambda: self._files._pipe_file(self._path(key), data))

    def find(self, folder: str) -> dict[str, Found]:
        """The objects in a folder and in those below it, by key within that folder."""
        return self._start(lambda: self._find(folder)).result()

    def remove(self, keys: Iterable[str]) -> None:
        """Removes objects; one that is gone already is fine."""
        requests: list[Pending[None]] = []
        for key in keys:
            if len(requests) == AT_ONCE:
                requests.pop(0).result()
            requests.append(self._start(partial(self._remove, key)))
        for request in requests:
            request.result()

    def _path(self, key: str) -> str:
        return f"{self._address.path}/{key}"

    def _start(self, request: Callable[[], Coroutine[Any, Any, _Result]]) -> Pending[_Result]:
        loop = self._files.loop
        bounded = asyncio.wait_for(request(), self._patience)
        return Pending(asyncio.run_coroutine_threadsafe(bounded, loop), self._store)

    async def _read(self, key: str, start: int, end: int) -> bytes | None:
        get = self._get_s3 if self._address.scheme == "s3" else self._get
        try:
            data = await get(self._path(key), start, end)
        except Exception as error:
            if is_past_the_end(error):
                return b""
            if not is_absent(error):
                raise
            await self._require_bucket()
            return None
        if len(data) > end - start:
            raise StoreRefused(
                self._store, "it sent more than was asked for", "Name another store."
            )
        return data

    async def _get(self, path: str, start: int, end: int) -> bytes:
        data: bytes = await self._files._cat_file(path, start=start, end=end)
        return data

    async def _get_s3(self, path: str, start: int, end: int) -> bytes:
        """As `_get`; but s3fs reads whatever comes, also from a server that sends without end."""
        bucket, _, key = path.partition("/")
        answer = await self._files._call_s3(
            "get_object", Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}"
        )
        body = answer["Body"]
        try:
            declared = answer.get("ContentLength")
            if not isinstance(declared, int) or declared > end - start:
                raise StoreRefused(
                    self._store, "it sends more than was asked for", "Name another store."
                )
            data: bytes = await body.read()
            return data
        finally:
            body.close()

    async def _find(self, folder: str) -> dict[str, Found]:
        path = self._path(folder)
        try:
            listed = await self._files._find(path, detail=True, withdirs=False)
        except Exception as error:
            if not is_absent(error):
                raise
            listed = {}
        if not listed:
            await self._require_bucket()
            return {}
        start = f"{path}/"
        return {
            name.removeprefix(start): Found(int(about.get("size") or 0), _written(about))
            for name, about in listed.items()
            if name.startswith(start)
        }

    async def _remove(self, key: str) -> None:
        try:
            await self._files._rm_file(self._path(key))
        except Exception as error:
            if not is_absent(error):
                raise

    async def _require_bucket(self) -> None:
        """An object that is absent may be so because its bucket is: asked once."""
        if self._known:
            return
        try:
            await self._files._info(self._address.bucket)
        except Exception as error:
            if is_absent(error):
                raise no_bucket(self._store) from error
            raise
        self._known = True


def _written(about: dict[str, Any]) -> datetime | None:
    for name in _CHANGED:
        value = about.get(name)
        if isinstance(value, str):
            with suppress(ValueError):
                value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if isinstance(value, datetime):
            return value
    return None
