"""A gateway that is read: what an honest one serves, and what a hostile one cannot do.

The server here speaks the Trustless Gateway specification from a store's blocks; kubo's own is
tried in `tests/ipfs/test_gateway.py`.
"""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from decentralml.assets.at_hand import AtHand
from decentralml.assets.bounded import Patience
from decentralml.assets.cid import cid_of_bytes
from decentralml.assets.gateway import GatewayStore
from decentralml.assets.local import LocalStore
from decentralml.assets.rules import BundleLimits
from decentralml.errors import (
    AssetNotFound,
    BundleTooLarge,
    ConfigError,
    InvalidCid,
    StoreReadOnly,
    StoreRefused,
    StoreUnreachable,
    WrongBytes,
)
from decentralml.types import Cid
from tests.contracts.store import bundle, tree_of
from tests.decentralml.assets.a_gateway import CAR, RAW, Fault, Gateway, Handler, serving

__all__ = ["bundle"]

QUICK = Patience(connecting=2, silent=1.5, first=2, slowest=1 << 30)
BOMB = gzip.compress(bytes(16 << 20))


@pytest.fixture
def kept(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "kept")


@pytest.fixture
def gateway(kept: LocalStore) -> Iterator[Gateway]:
    with serving(kept) as server:
        yield server


@pytest.fixture
def store(gateway: Gateway) -> GatewayStore:
    return GatewayStore(gateway.url, patience=QUICK)


def test_a_folder_comes_in_one_request(
    store: GatewayStore, kept: LocalStore, gateway: Gateway, bundle: Path, tmp_path: Path
) -> None:
    cid = kept.put_folder(bundle)

    store.fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(bundle)
    assert gateway.asked == [("car", cid)]


def test_a_folder_in_shards_comes_though_its_order_is_another(
    store: GatewayStore, kept: LocalStore, gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "many").mkdir()
    for number in range(4000):
        (tmp_path / "many" / f"item-{number:06d}.json").write_bytes(b"%d" % (number % 7))
    cid = kept.put_folder(tmp_path / "many")

    store.fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(tmp_path / "many")
    assert gateway.asked == [("car", cid)]


def test_only_what_is_not_at_hand_is_asked_for(
    store: GatewayStore, kept: LocalStore, gateway: Gateway, bundle: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    store.fetch(kept.put_folder(bundle), mine / "first", at_hand=AtHand(mine))
    (bundle / "new").write_bytes(b"fresh")
    second = kept.put_folder(bundle)
    gateway.asked.clear()

    store.fetch(second, mine / "second", at_hand=AtHand(mine))

    assert tree_of(mine / "second") == tree_of(bundle)
    assert ("raw", cid_of_bytes(b"fresh")) in gateway.asked
    assert {wanted for wanted, _ in gateway.asked} == {"raw"}
    assert len(gateway.asked) < 8  # folders and the new file; no chunk of the weights


def test_what_it_has_is_copied_to_another_store(
    store: GatewayStore, kept: LocalStore, bundle: Path, tmp_path: Path
) -> None:
    cid = kept.put_folder(bundle)
    mine = LocalStore(tmp_path / "mine")

    with store.open(cid) as source:
        mine.put_from(source, cid)

    mine.verify(cid)


def test_it_says_what_it_has_and_how_large_that_is(
    store: GatewayStore, kept: LocalStore, bundle: Path
) -> None:
    cid = kept.put_folder(bundle)

    assert store.has(cid)
    assert 2 << 20 < store.size(cid) < 3 << 20
    store.verify(cid)


def test_what_it_lacks_is_not_found(store: GatewayStore, tmp_path: Path) -> None:
    never = cid_of_bytes(b"never stored")

    assert not store.has(never)
    for ask in (store.verify, store.size, lambda cid: store.fetch(cid, tmp_path / "copy")):
        with pytest.raises(AssetNotFound):
            ask(never)
    with pytest.raises(AssetNotFound), store.open(never):
        pass
    with pytest.raises(InvalidCid):
        store.has(Cid("../../etc/passwd"))


def test_nothing_can_be_put(store: GatewayStore, kept: LocalStore, bundle: Path) -> None:
    cid = kept.put_folder(bundle)
    refused: list[Callable[[], object]] = [
        lambda: store.put_folder(bundle),
        lambda: store.put_file(bundle / "start_task.sh"),
        lambda: store.gc({cid}),
    ]
    for put in refused:
        with pytest.raises(StoreReadOnly, match="--store"):
            put()
    with kept.open(cid) as source, pytest.raises(StoreReadOnly):
        store.put_from(source, cid)
    with pytest.raises(StoreRefused, match="does not list"):
        list(store.list())


@pytest.mark.parametrize(
    "address",
    ["http://", "https://me:secret@host", "http://host?x=1", "http://host#part"],
)
def test_an_address_that_is_none_is_refused_and_no_password_repeated(address: str) -> None:
    with pytest.raises(ConfigError) as refused:
        GatewayStore(address)
    assert "secret" not in str(refused.value)


def refused_by_name(
    store: GatewayStore, cid: Cid, error: type[Exception], words: str, tmp_path: Path
) -> None:
    """Not fetched, within seconds, in one line; and nothing is left behind."""
    began = time.monotonic()
    with pytest.raises(error, match=words) as refused:
        store.fetch(cid, tmp_path / "copy")
    assert time.monotonic() - began < 60
    assert "\n" not in str(refused.value)
    assert list(tmp_path.glob("*copy*")) == []


def flipped(handler: Handler, wanted: str, body: bytes) -> bool:
    at = len(body) // 2
    handler.answer(
        body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], CAR if wanted == "car" else RAW
    )
    return True


def longer(handler: Handler, wanted: str, body: bytes) -> bool:
    if wanted == "car":
        return False
    handler.answer(body + bytes(3 << 20), RAW)
    return True


def endless(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Type", CAR if wanted == "car" else RAW)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    while True:
        handler.wfile.write(bytes(1 << 16))


def silent(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.rfile.read(1)  # until the client hangs up
    return True


def dripping(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Type", CAR if wanted == "car" else RAW)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for byte in body:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.1)  # each in time for a limit on one read alone
    return True


def dripping_headers(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.send_response(200)
    handler.flush_headers()
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.1)


def circling(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.answer(b"", "text/plain", 302, Location=handler.path)
    return True


def leaving(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.answer(b"", "text/plain", 302, Location="file:///etc/passwd")
    return True


def a_page(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.answer(b"<html>", "text/html")
    return True


def packed(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.answer(BOMB, CAR if wanted == "car" else RAW, Content_Encoding="gzip")
    return True


def forbidden(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.answer(b"", "text/plain", 403)
    return True


def overloaded(handler: Handler, wanted: str, body: bytes) -> bool:
    handler.answer(b"", "text/plain", 503, Retry_After=86400)
    return True


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (flipped, WrongBytes, "not intact"),
        (endless, WrongBytes, "not intact"),
        (silent, StoreUnreachable, "wait for too long"),
        (dripping, StoreUnreachable, "wait for too long"),
        (dripping_headers, StoreUnreachable, "wait for too long"),
        (circling, StoreRefused, "redirects more than"),
        (leaving, StoreRefused, "redirects to 'file"),
        (a_page, StoreRefused, "'text/html' where"),
        (packed, StoreRefused, "packs"),
        (forbidden, StoreRefused, "status 403"),
        (overloaded, StoreUnreachable, "status 503"),
    ],
)
def test_a_gateway_that_misbehaves_is_refused_by_name_and_in_time(
    fault: Fault,
    error: type[Exception],
    words: str,
    *,
    store: GatewayStore,
    kept: LocalStore,
    gateway: Gateway,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content" * 100)
    cid = kept.put_file(tmp_path / "file")
    gateway.fault = fault

    refused_by_name(store, cid, error, words, tmp_path)


def test_no_more_of_a_block_is_read_than_a_block_can_have(
    store: GatewayStore, kept: LocalStore, gateway: Gateway, bundle: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (tmp_path / "file").write_bytes(b"x")
    store.fetch(kept.put_file(tmp_path / "file"), mine / "file", at_hand=AtHand(mine))
    cid = kept.put_folder(bundle)
    gateway.fault = longer

    with pytest.raises(StoreRefused, match="more than 2,097,152 bytes"):
        store.fetch(cid, mine / "copy", at_hand=AtHand(mine))


@pytest.mark.parametrize(
    ("host", "words"),
    [("127.0.0.1:1", "nothing listens there"), ("nobody.invalid", "nobody knows its name")],
)
def test_nobody_there_is_said_in_one_line(tmp_path: Path, host: str, words: str) -> None:
    store = GatewayStore(f"http://{host}", patience=QUICK)

    with pytest.raises(StoreUnreachable, match=f"{words}.*--store"):
        store.fetch(cid_of_bytes(b"x"), tmp_path / "copy")


def test_a_stream_that_breaks_off_is_gone_on_with_block_by_block(
    store: GatewayStore, kept: LocalStore, gateway: Gateway, bundle: Path, tmp_path: Path
) -> None:
    cid = kept.put_folder(bundle)

    def cut(handler: Handler, wanted: str, body: bytes) -> bool:
        if wanted == "car":
            handler.send_response(200)
            handler.send_header("Content-Type", CAR)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body[: (3 << 20) // 2])
            handler.close_connection = True
        return wanted == "car"

    gateway.fault = cut
    store.fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(bundle)
    assert gateway.asked[0] == ("car", cid)
    assert 0 < len(gateway.asked[1:]) < 7  # what came before the break is not asked for again


def test_a_gateway_without_streams_is_read_block_by_block(
    store: GatewayStore, kept: LocalStore, gateway: Gateway, bundle: Path, tmp_path: Path
) -> None:
    cid = kept.put_folder(bundle)
    gateway.fault = lambda handler, wanted, body: (
        wanted == "car" and forbidden(handler, wanted, body)
    )

    store.fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(bundle)


def test_a_redirect_to_where_it_is_is_followed(
    kept: LocalStore, gateway: Gateway, bundle: Path, tmp_path: Path
) -> None:
    cid = kept.put_folder(bundle)

    def moved(handler: Handler, wanted: str, body: bytes) -> bool:
        if "&moved" not in handler.path:
            handler.answer(b"moved", "text/plain", 301, Location=f"{handler.path}&moved=1")
            return True
        return False

    gateway.fault = moved
    GatewayStore(gateway.url, patience=QUICK).fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(bundle)


def test_localhost_is_asked_by_its_number() -> None:
    assert GatewayStore("http://localhost:8080/").url == "http://127.0.0.1:8080"
    assert GatewayStore("https://gateway.example/ipfs/").url == "https://gateway.example"


def test_content_past_a_limit_is_not_read_to_its_end(
    store: GatewayStore, kept: LocalStore, gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes(16 << 20))
    cid = kept.put_file(tmp_path / "large")

    with pytest.raises(BundleTooLarge):
        store.fetch(cid, tmp_path / "copy", BundleLimits(max_bytes=3 << 20))

    assert len(gateway.asked) < 8


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody signed but itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    place = tmp_path / "certificate.pem"
    plain = serialization.NoEncryption()
    pem, format_ = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    place.write_bytes(key.private_bytes(pem, format_, plain) + made.public_bytes(pem))
    return place


def test_over_https_only_a_certificate_that_is_trusted_will_do(
    *,
    kept: LocalStore,
    gateway: Gateway,
    bundle: Path,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cid = kept.put_folder(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    gateway.socket = context.wrap_socket(gateway.socket, server_side=True)
    url = gateway.url.replace("http:", "https:")

    with pytest.raises(StoreUnreachable, match="certificate cannot be trusted"):
        GatewayStore(url, patience=QUICK).fetch(cid, tmp_path / "copy")

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    GatewayStore(url).fetch(cid, tmp_path / "copy")
    assert tree_of(tmp_path / "copy") == tree_of(bundle)


def test_from_https_it_is_not_sent_on_to_http(
    *,
    kept: LocalStore,
    gateway: Gateway,
    bundle: Path,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cid = kept.put_folder(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    gateway.socket = context.wrap_socket(gateway.socket, server_side=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    def lesser(handler: Handler, wanted: str, body: bytes) -> bool:
        handler.answer(b"", "text/plain", 302, Location=f"{gateway.url}{handler.path}")
        return True

    gateway.fault = lesser
    with pytest.raises(StoreRefused, match="redirects to 'http:"):
        GatewayStore(gateway.url.replace("http:", "https:")).fetch(cid, tmp_path / "copy")
