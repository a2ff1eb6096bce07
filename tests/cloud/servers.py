"""Storage services on this machine, each started for the tests and stopped after them.

versitygw speaks S3 with real signatures over a folder; moto answers S3 in Python; fake-gcs-server
stands for Google's service, Azurite for Azure's. `scripts/test_cloud.sh` gets them all.
"""

from __future__ import annotations

import base64
import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEY, SECRET = "decentralml-test", "a-secret-that-no-message-may-repeat"
_AZURE_KEY = base64.b64encode(b"also-a-secret-that-no-message-may-repeat" * 2).decode()
STARTING = 30  # seconds


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        scheme: of its stores' addresses.
        endpoint: where it listens.
        environment: what tells a client where it is and who the client is.
        make_bucket: makes a new, empty one.
        folder: where a service that keeps objects as files keeps them.
    """

    scheme: str
    endpoint: str
    environment: Mapping[str, str]
    make_bucket: Callable[[str], None]
    folder: Path | None = field(default=None)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, log: Path, **extra: str) -> Iterator[None]:
    """A server that listens on a port until the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **extra}
        )
    try:
        until = time.monotonic() + STARTING
        while not _listens(port):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < until, f"{command[0]} does not start"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def program(variable: str, name: str) -> str:
    """A server's program: what the variable names, else what the path has."""
    found = os.environ.get(variable) or shutil.which(name)
    assert found, f"there is no {name}: run these tests by scripts/test_cloud.sh, which gets it"
    return found


def s3_client(endpoint: str, key: str = KEY, secret: str = SECRET) -> Any:
    import botocore.session

    return botocore.session.Session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


def _s3(endpoint: str, folder: Path | None) -> Service:
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    client = s3_client(endpoint)
    return Service(
        "s3", endpoint, environment, lambda name: client.create_bucket(Bucket=name), folder
    )


@contextmanager
def versitygw(folder: Path) -> Iterator[Service]:
    """S3 over the files of a folder."""
    objects = folder / "objects"
    objects.mkdir()
    port = free_port()
    found = program("DECENTRALML_VERSITYGW", "versitygw")
    command = [found, "--port", f"127.0.0.1:{port}", "posix", str(objects)]
    with running(command, port, folder / "log", ROOT_ACCESS_KEY=KEY, ROOT_SECRET_KEY=SECRET):
        yield _s3(f"http://127.0.0.1:{port}", objects)


@contextmanager
def moto(folder: Path) -> Iterator[Service]:
    """S3 as moto's server answers it; it takes any credentials."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, folder / "log"):
        yield _s3(f"http://127.0.0.1:{port}", None)


@contextmanager
def fake_gcs(folder: Path) -> Iterator[Service]:
    """Google Cloud Storage's JSON API over a folder; it asks for no credentials."""
    port = free_port()
    found = program("DECENTRALML_FAKE_GCS", "fake-gcs-server")
    endpoint = f"http://127.0.0.1:{port}"
    command = [
        found, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
        "-backend", "memory", "-public-host", f"127.0.0.1:{port}", "-external-url", endpoint,
    ]  # fmt: skip

    def make_bucket(name: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(
            "POST", "/storage/v1/b?project=test", f'{{"name": "{name}"}}',
            {"Content-Type": "application/json"},
        )  # fmt: skip
        assert connection.getresponse().status == 200

    with running(command, port, folder / "log"):
        environment = {"STORAGE_EMULATOR_HOST": endpoint}
        yield Service("gs", endpoint, environment, make_bucket)


@contextmanager
def azurite(folder: Path) -> Iterator[Service]:
    """Azure Blob Storage as Azurite answers it, with real signatures."""
    from azure.storage.blob import BlobServiceClient

    port = free_port()
    found = program("DECENTRALML_AZURITE", "azurite-blob")
    command = [
        found, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent",
        "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry",
    ]  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}/tester"
    connection = (
        f"DefaultEndpointsProtocol=http;AccountName=tester;AccountKey={_AZURE_KEY};"
        f"BlobEndpoint={endpoint};"
    )
    with running(command, port, folder / "log", AZURITE_ACCOUNTS=f"tester:{_AZURE_KEY}"):
        client = BlobServiceClient.from_connection_string(connection)
        environment = {"AZURE_STORAGE_CONNECTION_STRING": connection}
        yield Service(
            "az", endpoint, environment, lambda name: _discard(client.create_container(name))
        )


def _discard(value: object) -> None:
    pass


SERVICES = {"versitygw": versitygw, "moto": moto, "fake-gcs": fake_gcs, "azurite": azurite}
