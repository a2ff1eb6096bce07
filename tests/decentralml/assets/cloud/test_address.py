"""Which addresses name a place in a bucket, and that no secret in one is ever repeated."""

from __future__ import annotations

import pytest

from decentralml.assets.cloud.address import Address, parse_address
from decentralml.assets.cloud.store import CloudStore
from decentralml.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://market", Address("s3", "market", "")),
        ("s3://market/", Address("s3", "market", "")),
        ("gs://my_market.example/tasks/2026", Address("gs", "my_market.example", "tasks/2026")),
        ("az://market//tasks/", Address("az", "market", "tasks")),
        ("s3://abc/a.b/date=1", Address("s3", "abc", "a.b/date=1")),
    ],
)
def test_an_address_is_bucket_and_folder(text: str, address: Address) -> None:
    assert parse_address(text) == address


def test_an_address_is_written_as_it_is_read() -> None:
    assert str(parse_address("s3://market/tasks/")) == "s3://market/tasks"
    assert str(parse_address("s3://market")) == "s3://market"


@pytest.mark.parametrize(
    "text",
    [
        "s3://AKIAEXAMPLE:hunter2@market/tasks",
        "az://market/tasks?sv=2026&sig=hunter2",
        "gs://market/tasks#hunter2",
        "s3://market/hunter2@example",
    ],
)
def test_an_address_with_a_secret_in_it_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigError, match="credentials are found in the environment") as refused:
        CloudStore(text)

    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        "s3://", "s3:///tasks", "s3://ab", "s3://Market", "s3://mar*ket", "s3://market/../other",
        "s3://market/a*", "s3://market/[a]", "s3://market/ü", "s3://market/a b", "s3://market/.",
        "http://market/tasks", "market/tasks", "s3:/market", "",
    ],
)  # fmt: skip
def test_what_names_no_place_in_a_bucket_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_address(text)
