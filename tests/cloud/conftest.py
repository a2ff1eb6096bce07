"""Buckets of real services; one service of a kind serves a whole run, each test has its bucket."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from decentralml.assets.cloud.store import CloudStore
from tests.cloud.servers import SERVICES, Service

_VARIABLES = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR", "BOTO")


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Service]]:
    """Starts a service when it is first asked for."""
    started: dict[str, Service] = {}
    with ExitStack() as stack:

        def start(name: str) -> Service:
            if name not in started:
                folder = tmp_path_factory.mktemp(name)
                started[name] = stack.enter_context(SERVICES[name](folder))
            return started[name]

        yield start


@pytest.fixture(autouse=True)
def nobodys_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the credentials of whoever runs it."""
    import os

    for name in list(os.environ):
        if name.startswith(_VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def enter(
    start: Callable[[str], Service], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Service]:
    """Starts a service and makes it the one that this process talks to."""

    def enter(name: str) -> Service:
        service = start(name)
        for variable, value in service.environment.items():
            monkeypatch.setenv(variable, value)
        return service

    return enter


@pytest.fixture
def service(enter: Callable[[str], Service]) -> Service:
    """S3 over the files of a folder."""
    return enter("versitygw")


@pytest.fixture
def bucket(service: Service) -> str:
    """The name of a new bucket."""
    name = f"test-{uuid.uuid4().hex}"
    service.make_bucket(name)
    return name


@pytest.fixture
def url(service: Service, bucket: str) -> str:
    """The address of a store in a new bucket."""
    return f"{service.scheme}://{bucket}/some/folder"


@pytest.fixture
def store(url: str) -> CloudStore:
    return CloudStore(url, patience=60)
