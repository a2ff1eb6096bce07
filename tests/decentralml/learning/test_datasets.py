"""Digits: real MNIST where it is, a checked download, scikit-learn's digits where neither is."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.datasets import (
    Examples,
    load_digits,
    load_mnist,
    load_sklearn_digits,
    mnist_folder,
    read_idx,
)
from decentralml.learning.errors import DataNotFound, DownloadFailed
from decentralml.learning.mirrors import RemoteFile, fetch_mnist


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + sizes + array.astype(np.uint8).tobytes()


IMAGES = np.arange(2 * 3 * 4).reshape(2, 3, 4)


@pytest.mark.skipif(mnist_folder() is None, reason="DECENTRALML_MNIST_DIR is not set")
def test_mnist_has_70_000_images_of_28_by_28() -> None:
    digits = load_digits(mnist_folder())
    assert digits.train.images.shape == (60_000, 28, 28)
    assert len(digits.test) == 10_000
    assert digits.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert digits.source.startswith("MNIST from ")


def test_scikit_learn_s_digits_are_drawn_as_large_as_mnist_s_and_named_as_what_they_are() -> None:
    digits = load_digits()
    assert digits.train.images.shape == (1437, 28, 28)
    assert digits.test.images.shape == (360, 28, 28)
    assert digits.train.images.max() == 255
    assert sorted(np.unique(digits.test.labels).tolist()) == list(range(10))
    assert digits.source.startswith("the handwritten digits of scikit-learn, as no folder")


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataNotFound, match=r"decentralml\[keras\]"):
        load_sklearn_digits("no reason")


def test_the_variable_names_the_folder() -> None:
    assert mnist_folder({"DECENTRALML_MNIST_DIR": "/data/mnist"}) == Path("/data/mnist")
    assert mnist_folder({"DECENTRALML_MNIST_DIR": ""}) is None
    assert mnist_folder({}) is None


def test_a_folder_without_mnist_is_an_error_and_not_silently_other_digits(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match=r"has no train-images-idx3-ubyte\.gz"):
        load_digits(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_mnist_is_read_packed_and_unpacked(tmp_path: Path, suffix: str) -> None:
    for part, count in (("train", 2), ("t10k", 1)):
        for name, array in (
            (f"{part}-images-idx3-ubyte", IMAGES[:count]),
            (f"{part}-labels-idx1-ubyte", np.arange(count)),
        ):
            data = idx(array)
            (tmp_path / (name + suffix)).write_bytes(gzip.compress(data) if suffix else data)
    digits = load_mnist(tmp_path)
    assert (digits.train.images == IMAGES).all()
    assert digits.test.labels.tolist() == [0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\x09\x01\0\0\0\x01a",
        b"\0\0\x08\x04" + bytes(16),
        b"\0\0\x08\x00",
        idx(IMAGES)[:-1],
        idx(IMAGES) + b"x",
        b"\0\0\x08\x03" + b"\xff" * 12,
    ],
)
def test_a_file_that_is_no_idx_or_damaged_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(DataNotFound):
        read_idx(path)


def test_a_broken_gz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(IMAGES))[:-9])
    with pytest.raises(DataNotFound, match="cannot be read"):
        read_idx(path)


def test_images_and_labels_must_fit() -> None:
    with pytest.raises(DataNotFound, match="do not fit"):
        Examples(np.zeros((2, 3, 3), np.uint8), np.zeros(3, np.uint8))


def test_a_saved_shard_holds_the_chosen_rows(tmp_path: Path) -> None:
    examples = Examples(IMAGES.astype(np.uint8), np.array([7, 8], np.uint8))
    examples.take(np.array([1])).save(tmp_path / "new" / "shard.npz")
    with np.load(tmp_path / "new" / "shard.npz", allow_pickle=False) as shard:
        assert (shard["images"] == IMAGES[1:]).all()
        assert shard["labels"].tolist() == [8]


# Downloads, from real servers on this machine

CONTENT = {"a.gz": bytes(range(256)) * 1000, "b.gz": b"small"}
FILES = {
    name: RemoteFile(len(data), hashlib.sha256(data).hexdigest()) for name, data in CONTENT.items()
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves /good/, /resumes/ (knows Range) and /bad/ (other bytes); keeps what was asked."""

    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        _, kind, name = self.path.split("/")
        wanted = self.headers["Range"]
        self.server.asked.append((self.path, wanted))  # type: ignore[attr-defined]
        if kind == "none":
            self.send_error(404)
            return
        data = CONTENT[name] if kind != "bad" else CONTENT[name][::-1] + b"and more"
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if kind == "resumes" else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start:])

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    asked: list[tuple[str, str | None]]

    def base(self, kind: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{kind}/"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_files_are_fetched_once_and_progress_reaches_the_end(
    server: Server, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    fetched = fetch_mnist(tmp_path, lambda *at: told.append(at), [server.base("good")], FILES)
    assert fetched.downloaded == 256_005
    assert {name: (tmp_path / name).read_bytes() for name in CONTENT} == CONTENT
    assert told == sorted(told)
    assert told[-1] == (256_005, 256_005)
    assert fetch_mnist(tmp_path, None, [server.base("good")], FILES).downloaded == 0
    assert len(server.asked) == 2


@pytest.mark.parametrize(("kind", "received"), [("resumes", 156_005), ("good", 256_005)])
def test_a_broken_off_download_goes_on_where_the_server_can(
    server: Server, tmp_path: Path, kind: str, received: int
) -> None:
    (tmp_path / "a.gz.part").write_bytes(CONTENT["a.gz"][:100_000])
    assert fetch_mnist(tmp_path, None, [server.base(kind)], FILES).downloaded == received
    assert server.asked[0][1] == "bytes=100000-"
    assert (tmp_path / "a.gz").read_bytes() == CONTENT["a.gz"]


def test_the_next_mirror_is_asked_after_one_without_the_file_and_one_with_other_bytes(
    server: Server, tmp_path: Path
) -> None:
    mirrors = [server.base("none"), server.base("bad"), server.base("good")]
    fetch_mnist(tmp_path, None, mirrors, FILES)
    assert (tmp_path / "a.gz").read_bytes() == CONTENT["a.gz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gz", "b.gz"]


def test_a_whole_but_wrong_part_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.gz.part").write_bytes(bytes(256_000))
    fetch_mnist(tmp_path, None, [server.base("good"), server.base("good")], FILES)
    assert (tmp_path / "a.gz").read_bytes() == CONTENT["a.gz"]


def test_without_a_good_mirror_it_says_what_each_did(server: Server, tmp_path: Path) -> None:
    mirrors = [server.base("none"), server.base("bad")]
    with pytest.raises(DownloadFailed, match=r"a\.gz: .*404.*other bytes than expected"):
        fetch_mnist(tmp_path, None, mirrors, FILES)
    with pytest.raises(DownloadFailed, match="no mirror"):
        fetch_mnist(tmp_path, None, [], FILES)


def test_no_network_means_scikit_learn_s_digits_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise DownloadFailed("a.gz: unreachable")

    monkeypatch.setattr("decentralml.learning.datasets.fetch_mnist", unreachable)
    assert "could not be downloaded (a.gz: unreachable)" in load_digits(None, tmp_path).source


@pytest.mark.skipif(mnist_folder() is None, reason="DECENTRALML_MNIST_DIR is not set")
def test_a_download_that_is_already_there_is_loaded(tmp_path: Path) -> None:
    folder = mnist_folder()
    assert folder is not None
    for file in folder.glob("*.gz"):
        (tmp_path / file.name).symlink_to(file)
    assert len(load_digits(None, tmp_path).train) == 60_000
