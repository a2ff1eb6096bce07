"""The contract of stores, on a bucket of each service."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cloud.servers import Service
from tests.contracts.store import StoreContract, bundle

__all__ = ["bundle"]  # the fixture of the contract


class TestOnVersitygw(StoreContract):
    """S3 over a file system, with real signatures."""


class TestOnMoto(StoreContract):
    """S3 as somebody else wrote it."""

    @pytest.fixture
    def service(self, enter: Callable[[str], Service]) -> Service:
        return enter("moto")


class TestOnGoogle(StoreContract):
    """Google Cloud Storage's JSON API."""

    @pytest.fixture
    def service(self, enter: Callable[[str], Service]) -> Service:
        return enter("fake-gcs")


class TestOnAzure(StoreContract):
    """Azure Blob Storage."""

    @pytest.fixture
    def service(self, enter: Callable[[str], Service]) -> Service:
        return enter("azurite")
