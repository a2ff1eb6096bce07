"""What a bucket refuses, and what goes wrong on the way, has a name and says what to do next."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_bytes
from decentralml.assets.cloud.store import CloudStore
from decentralml.errors import (
    AccessDenied,
    AssetError,
    ClockSkewed,
    CredentialsRefused,
    NoSuchBucket,
    StoreRefused,
    StoreUnreachable,
)
from tests.cloud.faults import (
    answer,
    endless,
    far_too_long,
    forwarding,
    s3_error,
    serving,
    silence,
)
from tests.cloud.servers import KEY, SECRET, Service, free_port

SOMETHING = cid_of_bytes(b"something")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"something")
    return tmp_path / "file"


@pytest.fixture
def me(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for servers that do not look at them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def assert_refused(store: CloudStore, file: Path, kind: type[AssetError], why: str) -> None:
    """In every method, on one line, with the next step, and without a secret."""
    actions = (
        lambda: store.put_file(file),
        lambda: store.has(SOMETHING),
        lambda: list(store.list()),
        lambda: store.fetch(SOMETHING, file.parent / "copy"),
        lambda: store.gc(keep=set()),
    )
    for action in actions:
        with pytest.raises(kind, match=why) as refused:
            action()
        said = str(refused.value)
        assert type(refused.value) is kind
        assert "\n" not in said
        assert said.count(". ") >= 1
        assert not any(secret in said for secret in (SECRET, "hunter2"))


def test_a_bucket_that_there_is_not(service: Service, file: Path) -> None:
    store = CloudStore("s3://no-such-bucket")

    assert_refused(store, file, NoSuchBucket, "s3://no-such-bucket refused: there is no such")


@pytest.mark.parametrize(("name", "scheme"), [("fake-gcs", "gs"), ("azurite", "az")])
def test_a_bucket_that_there_is_not_elsewhere(
    enter: object, file: Path, name: str, scheme: str
) -> None:
    enter(name)  # type: ignore[operator]

    assert_refused(CloudStore(f"{scheme}://no-such-bucket"), file, NoSuchBucket, "no such bucket")


def test_a_wrong_secret(url: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")

    assert_refused(CloudStore(url), file, CredentialsRefused, "does not know these credentials")


def test_an_unknown_key(url: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "hunter2")

    assert_refused(CloudStore(url), file, CredentialsRefused, "does not know these credentials")


def test_no_credentials_at_all(url: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    assert_refused(CloudStore(url), file, CredentialsRefused, "no credentials.*AWS_PROFILE")


def test_no_account_at_azure(file: Path) -> None:
    store = CloudStore("az://container")

    assert_refused(store, file, CredentialsRefused, "AZURE_STORAGE_CONNECTION_STRING")


def test_a_wrong_key_at_azure(enter: object, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = enter("azurite").environment["AZURE_STORAGE_CONNECTION_STRING"]  # type: ignore[operator]
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING", known.replace("AccountKey=", "AccountKey=hunter2h")
    )

    # Azurite answers with the code that Azure has for a forbidden network.
    assert_refused(CloudStore("az://container"), file, AccessDenied, "do not allow this")


def test_a_clock_that_differs(url: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.auth

    def late(remove_tzinfo: bool = True) -> datetime.datetime:
        now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=2)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    monkeypatch.setattr(botocore.auth, "get_current_datetime", late)

    assert_refused(CloudStore(url), file, ClockSkewed, "clock differs")


@pytest.mark.usefixtures("me")
@pytest.mark.parametrize(
    ("status", "code", "kind", "why"),
    [
        ("400 Bad Request", "ExpiredToken", CredentialsRefused, "have expired"),
        ("403 Forbidden", "AccessDenied", AccessDenied, "do not allow this"),
        ("403 Forbidden", "RequestTimeTooSkewed", ClockSkewed, "clock differs"),
        ("418 I'm a teapot", "Teapot", StoreRefused, "secret=…"),
    ],
)
def test_what_s3_refuses_has_a_name(  # noqa: PLR0917 - a row of the table
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    code: str,
    kind: type[AssetError],
    why: str,
) -> None:
    with serving(lambda number, connection: s3_error(status, code)(connection)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)

        assert_refused(CloudStore("s3://bucket"), file, kind, why)


@pytest.mark.parametrize(
    ("status", "kind", "why"),
    [
        ("401 Unauthorized", CredentialsRefused, "does not know these credentials"),
        ("403 Forbidden", AccessDenied, "do not allow this"),
    ],
)
def test_what_google_refuses_has_a_name(
    file: Path, monkeypatch: pytest.MonkeyPatch, status: str, kind: type[AssetError], why: str
) -> None:
    body = json.dumps({"error": {"code": int(status[:3]), "message": "secret=hunter2"}})
    talk = answer(status, body, "application/json")
    with serving(lambda number, connection: talk(connection)) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)

        assert_refused(CloudStore("gs://bucket"), file, kind, why)


@pytest.mark.usefixtures("me")
def test_an_endpoint_where_nobody_listens(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    store = CloudStore("s3://bucket", patience=3)

    with pytest.raises(StoreUnreachable, match="AWS_ENDPOINT_URL"):
        store.put_file(file)


@pytest.mark.usefixtures("me")
def test_a_server_that_never_answers_is_given_up_in_time(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda number, connection: silence(connection)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        store = CloudStore("s3://bucket", patience=20)
        began = time.monotonic()

        with pytest.raises(StoreUnreachable):
            store.put_file(file)

    assert time.monotonic() - began < 80
    assert server.connections >= 1


@pytest.mark.usefixtures("me")
@pytest.mark.parametrize("talk", [endless, far_too_long])
def test_an_answer_without_end_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, talk: object
) -> None:
    with serving(lambda number, connection: talk(connection)) as server:  # type: ignore[operator]
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        store = CloudStore("s3://bucket", patience=30)

        with pytest.raises(StoreRefused, match="more than was asked for"):
            store.verify(SOMETHING)


def test_a_server_that_is_overloaded_for_a_moment_is_asked_again(
    service: Service, url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(service.endpoint.rpartition(":")[2])
    busy, real = s3_error("503 Slow Down", "SlowDown"), forwarding(port)

    with serving(lambda number, connection: (busy if number < 2 else real)(connection)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        store = CloudStore(url)

        store.verify(store.put_file(file))

    assert server.connections > 2


def test_connections_that_break_are_made_again(
    service: Service, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(service.endpoint.rpartition(":")[2])
    (tmp_path / "large").write_bytes(bytes(range(256)) * (40 << 10))
    breaking, real = forwarding(port, cut_after=1 << 20), forwarding(port)

    with serving(lambda number, connection: (breaking if number < 3 else real)(connection)) as way:
        monkeypatch.setenv("AWS_ENDPOINT_URL", way.endpoint)
        store = CloudStore(url)

        store.verify(store.put_file(tmp_path / "large"))

    assert way.connections > 3


@pytest.mark.usefixtures("me")
def test_a_server_that_stays_overloaded_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = s3_error("503 Slow Down", "SlowDown")
    with serving(lambda number, connection: busy(connection)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)

        with pytest.raises(StoreUnreachable, match="what was sent stays"):
            CloudStore("s3://bucket", patience=8).put_file(file)
