"""Killed at any moment: the bucket shows a whole bundle or none, and what was sent stays sent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_path
from decentralml.assets.cloud.store import CloudStore
from tests.cloud.servers import Service, s3_client
from tests.cloud.test_bundles import Objects, Traffic, objects, traffic

__all__ = ["objects", "traffic"]
MIB = 1 << 20

_PUT = """
import os, signal, sys
from pathlib import Path
from decentralml.assets.cloud.bucket import Bucket
from decentralml.assets.cloud.store import CloudStore

url, path, moment = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def progress(done, total):
    share = {"hashing": 0.3, "sending": 0.75}.get(moment, 2)
    if done > share * total:
        die()

write = Bucket.write
def writing(bucket, key, data):
    if moment == "before the index":
        die()
    write(bucket, key, data)
    if moment == "after the index":
        die()

Bucket.write = writing
CloudStore(url).put_file(Path(path), progress)
"""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of six parts."""
    path = tmp_path / "large"
    path.write_bytes(os.urandom(40 * MIB))
    return path


def putting(url: str, large: Path, moment: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _PUT, url, str(large), moment])


def assert_none_or_whole(url: str, large: Path) -> bool:
    """Whether the bundle is there; if it is, it is whole."""
    store = CloudStore(url)
    cid = cid_of_path(large)
    if list(store.list()) == []:
        assert not store.has(cid)
        return False
    assert list(store.list()) == [cid]
    store.verify(cid)
    return True


@pytest.mark.parametrize(
    ("moment", "whole"),
    [
        ("hashing", False),
        ("sending", False),
        ("before the index", False),
        ("after the index", True),
    ],
)
def test_killed_while_putting(  # noqa: PLR0917 - a row of the table
    url: str, large: Path, traffic: Traffic, objects: Objects, moment: str, whole: bool
) -> None:
    process = putting(url, large, moment)
    assert process.wait(100) == -signal.SIGKILL
    assert assert_none_or_whole(url, large) is whole
    there = len(objects.parts())

    CloudStore(url).put_file(large)

    assert assert_none_or_whole(url, large)
    assert len(traffic.parts_sent) == 6 - there
    if moment in ("before the index", "after the index"):
        assert there == 6


@pytest.mark.parametrize("arrived", [1, 4])
def test_killed_from_outside_once_some_parts_have_arrived(
    url: str, large: Path, objects: Objects, traffic: Traffic, arrived: int
) -> None:
    with putting(url, large) as process:
        until = time.monotonic() + 100
        while len(objects.parts()) < arrived and process.poll() is None:
            assert time.monotonic() < until
        process.kill()

    assert_none_or_whole(url, large)
    there = len(objects.parts())
    assert there >= arrived

    CloudStore(url).put_file(large)

    assert assert_none_or_whole(url, large)
    assert len(traffic.parts_sent) == 6 - there


def test_nothing_unfinished_is_left_that_the_owner_would_pay_for(
    service: Service, bucket: str, url: str, large: Path
) -> None:
    """No multipart upload stays open: parts are objects of their own."""
    assert putting(url, large, "sending").wait(100) == -signal.SIGKILL

    uploads = s3_client(service.endpoint).list_multipart_uploads(Bucket=bucket)

    assert "Uploads" not in uploads
