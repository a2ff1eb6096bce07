"""How a daemon is named, and where the secret for it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.assets.ipfs.address import Address, Endpoint, authorization
from decentralml.assets.opening import open_store
from decentralml.errors import ConfigError, StoreUnreachable

HERE = Endpoint("127.0.0.1", 5001)


@pytest.mark.parametrize(
    ("location", "endpoint", "multiaddr"),
    [
        ("ipfs://127.0.0.1:5001", HERE, "/ip4/127.0.0.1/tcp/5001/http"),
        ("ipfs://127.0.0.1", HERE, "/ip4/127.0.0.1/tcp/5001/http"),
        ("ipfs://127.0.0.1:5001/", HERE, "/ip4/127.0.0.1/tcp/5001/http"),
        ("ipfs://[::1]:7", Endpoint("::1", 7), "/ip6/::1/tcp/7/http"),
        ("ipfs://kubo.example:7", Endpoint("kubo.example", 7), "/dns/kubo.example/tcp/7/http"),
        (
            "ipfs+https://kubo.example:443",
            Endpoint("kubo.example", 443, secure=True),
            "/dns/kubo.example/tcp/443/https",
        ),
    ],
)
def test_an_api_is_named_by_host_and_port(
    location: str, endpoint: Endpoint, multiaddr: str
) -> None:
    found = Address.parse(location).find()

    assert found == endpoint
    assert found.multiaddr == multiaddr


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("/ip4/127.0.0.1/tcp/41223", Endpoint("127.0.0.1", 41223)),
        ("/ip4/127.0.0.1/tcp/41223/http\n", Endpoint("127.0.0.1", 41223)),
        ("/ip6/::1/tcp/5001", Endpoint("::1", 5001)),
        ("/dns4/kubo/tcp/5001", Endpoint("kubo", 5001)),
    ],
)
def test_a_repository_tells_where_its_daemon_listens(
    tmp_path: Path, text: str, endpoint: Endpoint
) -> None:
    (tmp_path / "api").write_text(text)

    assert Address.parse(f"ipfs://{tmp_path}").find() == endpoint


def test_the_own_repository_is_that_of_the_environment_else_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ipfs").mkdir()
    (tmp_path / ".ipfs" / "api").write_text("/ip4/127.0.0.1/tcp/1")
    (tmp_path / "api").write_text("/ip4/127.0.0.1/tcp/2")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("IPFS_PATH", raising=False)
    assert Address.parse("ipfs://").find().port == 1

    monkeypatch.setenv("IPFS_PATH", str(tmp_path))
    assert Address.parse("ipfs://").find().port == 2


@pytest.mark.parametrize("content", [None, "", "/unix/run/ipfs.sock", "junk" * 1000, "\x00\xff"])
def test_a_repository_without_a_daemon_says_how_to_start_one(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "api").write_text(content)

    with pytest.raises(StoreUnreachable, match="ipfs daemon"):
        Address.parse(f"ipfs://{tmp_path}").find()


@pytest.mark.parametrize(
    "location",
    [
        "ipfs://127.0.0.1:port",
        "ipfs://127.0.0.1:99999",
        "ipfs://127.0.0.1:5001/api/v0",
        "ipfs://127.0.0.1:5001?timeout=1",
        "ipfs://127.0.0.1:5001#x",
        "ipfs://[::1",
        "ipfs+https://",
        "ipfs+https:///path",
    ],
)
def test_what_names_no_daemon_is_refused_when_it_is_read(location: str) -> None:
    with pytest.raises(ConfigError, match=r"ipfs://127\.0\.0\.1:5001"):
        open_store(location)


def test_a_host_name_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="no host's name"):
        list(open_store("ipfs://not_a_host:5001").list())


@pytest.mark.parametrize(
    "location", ["ipfs://ada:hidden-word@127.0.0.1:5001", "ipfs+https://hidden-word@kubo.example"]
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(location: str) -> None:
    with pytest.raises(ConfigError, match="DECENTRALML_IPFS_AUTH") as refusal:
        open_store(location)

    assert "hidden-word" not in str(refusal.value)
    assert refusal.value.__context__ is None


@pytest.mark.parametrize(
    ("secret", "header"),
    [
        ("basic:ada:word", "Basic YWRhOndvcmQ="),
        ("basic:ada:with:colons", "Basic YWRhOndpdGg6Y29sb25z"),
        ("bearer:token", "Bearer token"),
        ("", None),
    ],
)
def test_the_secret_has_kubos_own_form(
    secret: str, header: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_IPFS_AUTH", secret)

    assert authorization(HERE) == header


@pytest.mark.parametrize("secret", ["hidden-word", "basic:hidden-word", "digest:a:hidden-word"])
def test_a_secret_in_another_form_is_refused_and_not_repeated(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_IPFS_AUTH", secret)

    with pytest.raises(ConfigError, match="AuthSecret") as refusal:
        authorization(HERE)

    assert "hidden-word" not in str(refusal.value)


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        (Endpoint("127.8.9.1", 1), True),
        (Endpoint("::1", 1), True),
        (Endpoint("localhost", 1), True),
        (Endpoint("10.0.0.1", 1), False),
        (Endpoint("kubo.example", 1), False),
        (Endpoint("kubo.example", 1, secure=True), True),
    ],
)
def test_a_secret_leaves_this_machine_only_encrypted(
    endpoint: Endpoint, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECENTRALML_IPFS_AUTH", "bearer:token")

    if allowed:
        assert authorization(endpoint) == "Bearer token"
    else:
        with pytest.raises(ConfigError, match=r"ipfs\+https"):
            authorization(endpoint)
