"""A daemon that errs or lies: refused by name in bounded time, or the rest got another way."""

from __future__ import annotations

import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decentralml.assets.at_hand import AtHand
from decentralml.assets.cid import to_bytes
from decentralml.assets.ipfs.api import DaemonHangs
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.assets.rules import BundleLimits
from decentralml.assets.unixfs import varint
from decentralml.errors import (
    AssetNotFound,
    BundleTooLarge,
    StoreRefused,
    StoreUnreachable,
    WrongBytes,
)
from decentralml.types import Cid
from tests.decentralml.assets.ipfs.fake import Call, FakeDaemon, fake_daemon

HASTY = 0.4  # seconds, where an answer never comes
PATIENCE = 60.0  # seconds, where one does, however busy the machine is
BOUND = 50.0  # seconds: far above what is allowed, below for ever

Answer = Callable[[Call], None]


@pytest.fixture
def daemon() -> Iterator[FakeDaemon]:
    with fake_daemon() as daemon:
        yield daemon


@pytest.fixture
def store(daemon: FakeDaemon) -> IpfsStore:
    return IpfsStore(daemon.location, patience=PATIENCE, comeback=PATIENCE)


@pytest.fixture
def hasty(daemon: FakeDaemon) -> IpfsStore:
    return IpfsStore(daemon.location, patience=HASTY, comeback=HASTY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of three blocks each."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / name).write_bytes(os.urandom((2 << 20) + 5))
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused_in_time(store: IpfsStore, cid: Cid, place: Path, kind: type[Exception]) -> str:
    """Fetches in vain, in bounded time, and leaves nothing behind; the message."""
    began = time.monotonic()
    with pytest.raises(kind) as refusal:
        store.fetch(cid, place)
    assert time.monotonic() - began < BOUND
    assert not [path for path in place.parent.iterdir() if place.name in path.name]
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def silence(call: Call) -> None:
    call.line.recv(1)  # until the other side gives up


def drip(call: Call) -> None:
    call.begin()
    while True:
        call.line.sendall(b"x")
        time.sleep(0.02)


def drip_head(call: Call) -> None:
    call.line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        call.line.sendall(b"x")
        time.sleep(0.02)


def endless(call: Call) -> None:
    call.begin()
    while True:
        call.line.sendall(bytes(1 << 16))


def endless_head(call: Call) -> None:
    call.line.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        call.line.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")


def endless_error(call: Call) -> None:
    call.begin("500 Internal Server Error")
    while True:
        call.line.sendall(b"e" * (1 << 16))


def no_http(call: Call) -> None:
    call.line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    call.line.close()


def compressed(call: Call) -> None:
    call.answer(b"\x1f\x8b" + bytes(100), "200 OK", "Content-Encoding: gzip")


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (silence, DaemonHangs, "it hangs: nothing came"),
        (drip, DaemonHangs, "it hangs"),
        (drip_head, DaemonHangs, "it hangs"),
        (endless, StoreRefused, "sent more than"),
        (endless_head, StoreUnreachable, "the connection broke"),
        (endless_error, StoreRefused, "status 500"),
        (no_http, StoreUnreachable, "the connection broke"),
        (compressed, StoreRefused, "compressed its answer"),
    ],
)
def test_an_answer_that_is_none_is_refused_by_name(  # noqa: PLR0917
    daemon: FakeDaemon, store: IpfsStore, hasty: IpfsStore, folder: Path, tmp_path: Path,
    answer: Answer, kind: type[Exception], says: str,
) -> None:  # fmt: skip
    cid = daemon.add(folder)
    daemon.answers["block/get"] = answer

    asked = hasty if kind is DaemonHangs else store
    assert says in refused_in_time(asked, cid, tmp_path / "copy", kind)


def test_nobody_there_is_said_in_one_line_with_what_to_do(tmp_path: Path, folder: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        store = IpfsStore(f"ipfs://127.0.0.1:{port}")

        with pytest.raises(StoreUnreachable) as failure:
            store.put_folder(folder)

    assert str(failure.value) == (
        f"the IPFS daemon at ipfs://127.0.0.1:{port} does not answer: nobody listens there. "
        "Start it with `ipfs daemon`, or name another store with --store."
    )


def test_no_redirect_is_followed(
    daemon: FakeDaemon, store: IpfsStore, folder: Path, tmp_path: Path
) -> None:
    cid = daemon.add(folder)
    with fake_daemon() as elsewhere:
        place = f"Location: http://127.0.0.1:{elsewhere.port}/api/v0/block/get"
        daemon.answers["block/get"] = lambda call: call.answer(b"", "302 Found", place)

        said = refused_in_time(store, cid, tmp_path / "copy", StoreRefused)

        assert "sends us elsewhere" in said
        assert elsewhere.asked == []


def test_a_block_with_other_bytes_is_refused(
    daemon: FakeDaemon, store: IpfsStore, folder: Path, tmp_path: Path
) -> None:
    cid = daemon.add(folder)
    daemon.answers["block/get"] = lambda call: call.answer(b"other bytes")
    daemon.answers["dag/export"] = lambda call: call.answer(b"")

    said = refused_in_time(store, cid, tmp_path / "copy", WrongBytes)
    assert "other bytes than its hash says" in said


def test_a_forged_block_within_the_stream_is_refused(
    daemon: FakeDaemon, store: IpfsStore, folder: Path, tmp_path: Path
) -> None:
    cid = daemon.add(folder)
    stream = bytearray(daemon.car(cid))
    stream[-1] ^= 1
    stream[len(stream) // 2] ^= 1
    daemon.answers["dag/export"] = lambda call: call.answer(bytes(stream))

    refused_in_time(store, cid, tmp_path / "copy", WrongBytes)


def test_blocks_of_the_stream_in_another_order_are_asked_for_one_by_one(
    daemon: FakeDaemon, store: IpfsStore, folder: Path, tmp_path: Path
) -> None:
    cid = daemon.add(folder)
    backwards = [cid, *reversed([other for other in daemon.blocks if other != cid])]
    stream = daemon.car(cid)[:59] + b"".join(map(daemon.section, backwards))
    daemon.answers["dag/export"] = lambda call: call.answer(stream)

    store.fetch(cid, tmp_path / "copy")

    assert files_of(tmp_path / "copy") == files_of(folder)


def test_a_stream_cut_short_without_a_word_goes_on_block_by_block(
    daemon: FakeDaemon, store: IpfsStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(5 << 20))
    cid = daemon.add(tmp_path / "file")
    stream = daemon.car(cid)[: 3 << 20]
    daemon.answers["dag/export"] = lambda call: call.answer(stream)

    store.fetch(cid, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == (tmp_path / "file").read_bytes()
    assert len(daemon.asked_for("block/get")) == 1 + 3  # the root's, then what was cut off


def test_a_block_that_is_nowhere_makes_the_content_not_found(
    daemon: FakeDaemon, store: IpfsStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(5 << 20))
    cid = daemon.add(tmp_path / "file")
    del daemon.blocks[next(other for other in daemon.blocks if other != cid)]

    said = refused_in_time(store, cid, tmp_path / "copy", AssetNotFound)
    assert "nor where it looked" in said


def test_a_stream_of_blocks_that_nobody_asked_for_is_not_read_on(
    daemon: FakeDaemon, store: IpfsStore, folder: Path, tmp_path: Path
) -> None:
    cid = daemon.add(folder)
    sent = 0

    def junk(call: Call) -> None:
        nonlocal sent
        call.begin()
        call.line.sendall(daemon.car(cid)[:59] + daemon.section(cid))
        (tmp_path / "junk").write_bytes(os.urandom(1 << 20))
        with fake_daemon() as other:
            section = other.section(other.add(tmp_path / "junk"))
        while True:
            call.line.sendall(section)
            sent += len(section)

    daemon.answers["dag/export"] = junk
    store.fetch(cid, tmp_path / "copy")

    assert files_of(tmp_path / "copy") == files_of(folder)
    assert sent < 16 << 20  # what lies in buffers between us


def test_a_file_without_end_stops_at_the_limit(
    daemon: FakeDaemon, store: IpfsStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(bytes(64 << 20))  # one block, sixty-four times
    cid = daemon.add(tmp_path / "file")

    with pytest.raises(BundleTooLarge):
        store.fetch(cid, tmp_path / "copy", BundleLimits(max_bytes=8 << 20))

    assert len(daemon.asked_for("block/get")) < 15
    assert not (tmp_path / "copy").exists()


def test_endless_answers_cost_no_memory(
    daemon: FakeDaemon, store: IpfsStore, folder: Path, tmp_path: Path
) -> None:
    cid = daemon.add(folder)
    for name in ("block/get", "pin/ls", "repo/stat"):
        daemon.answers[name] = endless_error
    tracemalloc.start()
    try:
        with pytest.raises(StoreRefused):
            store.fetch(cid, tmp_path / "copy")
        with pytest.raises(StoreRefused):
            list(store.list())
        with pytest.raises(StoreRefused):
            store.gc(set())
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"Keys": []}',
        b'{"Keys": {"bafy": 7}}',
        b"\xff\xfe",
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"Keys": {}} {"Keys": {}}',
        b"<html>",
    ],
)
def test_a_list_in_another_form_is_refused(
    daemon: FakeDaemon, store: IpfsStore, body: bytes
) -> None:
    daemon.answers["pin/ls"] = lambda call: call.answer(body)

    with pytest.raises(StoreRefused, match="kubo"):
        list(store.list())


@pytest.mark.parametrize(
    "body", [b"[]", b"7", b'"x"', b"null", b'{"Pins": 7', b'{"Progress": "x"}']
)
def test_a_pin_answered_in_another_form_is_no_pin(
    daemon: FakeDaemon, store: IpfsStore, tmp_path: Path, body: bytes
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    daemon.answers["pin/ls"] = lambda call: call.tell(
        {"Message": f"path '{call.cid}' is not pinned", "Code": 0}, "500 Internal Server Error"
    )
    daemon.answers["pin/add"] = lambda call: call.answer(body)

    with pytest.raises(StoreRefused):
        store.put_file(tmp_path / "file")


def test_pins_of_others_that_look_like_ours_are_not_listed_nor_removed(
    daemon: FakeDaemon, store: IpfsStore, folder: Path
) -> None:
    cid = daemon.add(folder)
    names = ["decentralml:", f"decentralml:{cid}", f"my decentralml:{cid}", "decentralml:../x"]
    keys = {f"{cid[:-1]}{mark}": {"Type": "recursive", "Name": name}
            for mark, name in zip("abcd", names, strict=True)}  # fmt: skip
    daemon.answers["pin/ls"] = lambda call: call.tell({"Keys": keys})
    daemon.answers["repo/stat"] = lambda call: call.tell({"RepoSize": 1, "StorageMax": 2})
    daemon.answers["repo/gc"] = lambda call: call.answer(b"")

    assert list(store.list()) == []
    assert store.gc(set()) == 0
    assert "pin/rm" not in {name for name, _ in daemon.asked}


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_refused_caller_is_told_where_the_secret_belongs(
    daemon: FakeDaemon, store: IpfsStore, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setenv("DECENTRALML_IPFS_AUTH", "basic:ada:hidden-word")
    daemon.answers["pin/ls"] = lambda call: call.answer(b"no", status)

    with pytest.raises(StoreRefused, match="DECENTRALML_IPFS_AUTH") as refusal:
        list(store.list())

    assert "hidden-word" not in str(refusal.value)
    assert daemon.heads[-1]["Authorization"] == "Basic YWRhOmhpZGRlbi13b3Jk"


def test_what_is_no_daemon_at_all_is_told_apart(daemon: FakeDaemon, store: IpfsStore) -> None:
    daemon.answers["pin/ls"] = lambda call: call.answer(b"<h1>Not Found</h1>", "404 Not Found")

    with pytest.raises(StoreRefused, match=r"status 404.*Is it the API of a kubo daemon"):
        list(store.list())


def test_a_daemon_that_takes_nothing_in_is_given_up(
    daemon: FakeDaemon, hasty: IpfsStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(20 << 20))
    daemon.answers["pin/ls"] = lambda call: call.tell(
        {"Message": f"path '{call.cid}' is not pinned", "Code": 0}, "500 Internal Server Error"
    )
    daemon.answers["dag/import"] = lambda call: daemon.over.wait(BOUND)  # reads nothing
    began = time.monotonic()

    with pytest.raises(DaemonHangs):
        hasty.put_file(tmp_path / "file")

    assert time.monotonic() - began < BOUND


def test_a_daemon_that_breaks_off_and_comes_back_is_asked_for_the_rest_alone(
    store: IpfsStore, daemon: FakeDaemon, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(6 << 20))
    cid = daemon.add(tmp_path / "file")
    stream = daemon.car(cid)
    answered = 0

    def breaks_off(call: Call) -> None:
        call.begin(length=len(stream))
        call.line.sendall(stream[: 2 << 20])
        call.line.shutdown(socket.SHUT_RDWR)

    def away_at_first(call: Call) -> None:
        nonlocal answered
        answered += 1
        if answered in (2, 3):
            call.line.shutdown(socket.SHUT_RDWR)
        else:
            daemon.give(call)

    daemon.answers |= {"dag/export": breaks_off, "block/get": away_at_first}
    store.fetch(cid, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == (tmp_path / "file").read_bytes()
    came = [to_bytes(asked) for asked in daemon.asked_for("block/get")]
    assert len(set(came)) == 1 + 5  # the root, and all but the one that the stream brought whole


def test_what_came_before_a_daemon_went_away_is_not_asked_for_again_by_the_next_attempt(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(6 << 20))
    place = tmp_path / "copy"
    with fake_daemon() as daemon:
        cid, port = daemon.add(tmp_path / "file"), daemon.port
        stream = daemon.car(cid)[: (3 << 20) + 200_000]
        store = IpfsStore(daemon.location, patience=PATIENCE, comeback=0.05)
        gone = threading.Event()

        def breaks_off(call: Call) -> None:
            call.begin(length=len(stream) + 1)
            call.line.sendall(stream)
            gone.set()
            call.line.shutdown(socket.SHUT_RDWR)

        def root_only(call: Call) -> None:
            if gone.is_set():
                call.line.shutdown(socket.SHUT_RDWR)
            else:
                daemon.give(call)

        daemon.answers |= {"dag/export": breaks_off, "block/get": root_only}
        with pytest.raises(StoreUnreachable):
            store.fetch(cid, place)
        assert not place.exists()

    with fake_daemon(port) as back:
        back.add(tmp_path / "file")
        store.fetch(cid, place)

        assert place.read_bytes() == (tmp_path / "file").read_bytes()
        assert len(back.asked_for("block/get")) == 1 + 3  # the root, and the half that had not come
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "file"]


def test_what_an_interrupted_fetch_left_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(3 << 20))
    with fake_daemon() as daemon:
        cid = daemon.add(tmp_path / "file")
        rest = tmp_path / f".copy.{cid[-16:]}.rest"
        rest.mkdir()
        (rest / "content").write_bytes(os.urandom(3 << 20))
        IpfsStore(daemon.location, patience=PATIENCE).fetch(cid, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == (tmp_path / "file").read_bytes()
    assert not rest.exists()


def test_a_refused_content_leaves_nothing_of_earlier_attempts(
    daemon: FakeDaemon, store: IpfsStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(3 << 20))
    cid = daemon.add(tmp_path / "file")
    rest = tmp_path / f".copy.{cid[-16:]}.rest"
    rest.mkdir()
    (rest / "content").write_bytes((tmp_path / "file").read_bytes()[: 1 << 20])

    with pytest.raises(BundleTooLarge):
        store.fetch(cid, tmp_path / "copy", BundleLimits(max_bytes=2 << 20))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_what_is_at_hand_is_not_asked_of_the_daemon(
    daemon: FakeDaemon, store: IpfsStore, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "task").mkdir()
    at_hand = AtHand(tmp_path / "task")
    first = daemon.add(folder)
    store.fetch(first, tmp_path / "task" / "first", at_hand=at_hand)
    with (folder / "two").open("r+b") as file:
        file.write(b"changed")
    second = daemon.add(folder)
    daemon.asked.clear()

    store.fetch(second, tmp_path / "task" / "second", at_hand=at_hand)

    assert files_of(tmp_path / "task" / "second") == files_of(folder)
    assert daemon.asked_for("dag/export") == []
    # The folder, its two files' nodes, and the one block that is new.
    assert len(daemon.asked_for("block/get")) == 4


def test_a_stream_that_goes_on_with_a_forbidden_length_is_read_no_further(
    daemon: FakeDaemon, store: IpfsStore, folder: Path, tmp_path: Path
) -> None:
    cid = daemon.add(folder)
    stream = daemon.car(cid)[:59] + varint(1 << 27) + bytes(1 << 16)
    daemon.answers["dag/export"] = lambda call: call.answer(stream)

    store.fetch(cid, tmp_path / "copy")

    assert files_of(tmp_path / "copy") == files_of(folder)
    assert set(daemon.asked_for("block/get")) == set(daemon.blocks)
