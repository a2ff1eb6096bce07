"""What a bundle becomes in a bucket, what is sent, what is fetched, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from decentralml.assets.at_hand import AtHand
from decentralml.assets.car import CarReader
from decentralml.assets.cid import cid_of_path, raw_cid, to_bytes, to_text
from decentralml.assets.cloud.bucket import Bucket
from decentralml.assets.cloud.layout import MAX_INDEX, lay_out
from decentralml.assets.cloud.store import CloudStore
from decentralml.assets.fetching import unpack
from decentralml.assets.rules import BundleLimits
from decentralml.errors import (
    AssetNotFound,
    BundleChanged,
    BundleTooLarge,
    ContentMismatch,
)
from decentralml.types import Cid
from tests.cloud.servers import Service, s3_client
from tests.contracts.store import bundle, tree_of

__all__ = ["bundle"]  # the fixture of the contract
MIB = 1 << 20


class Traffic:
    """What went to and came from buckets, by key."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        self.came: list[tuple[str, int]] = []
        start_writing, start_reading = Bucket.start_writing, Bucket.start_reading

        def writing(bucket: Bucket, key: str, data: bytes) -> Any:
            self.sent.append(key)
            return start_writing(bucket, key, data)

        def reading(bucket: Bucket, key: str, start: int, end: int) -> Any:
            self.came.append((key, end - start))
            return start_reading(bucket, key, start, end)

        monkeypatch.setattr(Bucket, "start_writing", writing)
        monkeypatch.setattr(Bucket, "start_reading", reading)

    @property
    def parts_sent(self) -> list[str]:
        return [key for key in self.sent if key.startswith("parts/")]

    @property
    def bytes_of_parts(self) -> int:
        return sum(length for key, length in self.came if key.startswith("parts/"))


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    return Traffic(monkeypatch)


class Objects:
    """A bucket as somebody else with a client of S3 sees it."""

    def __init__(self, service: Service, bucket: str) -> None:
        self._client = s3_client(service.endpoint)
        self._bucket = bucket

    def __iter__(self) -> Iterator[str]:
        found = self._client.list_objects_v2(Bucket=self._bucket).get("Contents", [])
        return iter(sorted(one["Key"] for one in found))

    def __getitem__(self, key: str) -> bytes:
        body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    def __setitem__(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data)

    def __delitem__(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def parts(self) -> list[str]:
        return [key for key in self if "/parts/" in key]

    def indexes(self) -> list[str]:
        return [key for key in self if "/bundles/" in key]


@pytest.fixture
def objects(service: Service, bucket: str) -> Objects:
    return Objects(service, bucket)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of three parts."""
    path = tmp_path / "large"
    path.write_bytes(os.urandom(20 * MIB + 1))
    return path


def test_the_parts_together_are_a_car_file_of_the_bundle(
    store: CloudStore, objects: Objects, large: Path, tmp_path: Path
) -> None:
    cid = store.put_file(large)
    car = tmp_path / "file.car"
    car.write_bytes(b"".join(objects[key] for key in objects.parts()))

    with car.open("rb") as file:
        unpack(CarReader(file, to_bytes(cid)), to_bytes(cid), tmp_path / "copy", BundleLimits())

    assert (tmp_path / "copy").read_bytes() == large.read_bytes()
    assert objects.indexes() == [f"some/folder/bundles/{cid}"]
    assert len(objects.parts()) == 3


def test_what_is_there_is_not_sent_again(store: CloudStore, large: Path, traffic: Traffic) -> None:
    store.put_file(large)
    traffic.sent.clear()

    store.put_file(large)

    assert traffic.sent == []


def test_only_the_parts_that_are_missing_are_sent(
    store: CloudStore, objects: Objects, large: Path, traffic: Traffic
) -> None:
    cid = store.put_file(large)
    gone = objects.parts()[1]
    del objects[gone]
    traffic.sent.clear()

    store.put_file(large)

    assert [f"some/folder/{key}" for key in traffic.parts_sent] == [gone]
    store.verify(cid)


def test_a_part_of_another_length_is_sent_again(
    store: CloudStore, objects: Objects, large: Path, traffic: Traffic
) -> None:
    cid = store.put_file(large)
    key = objects.parts()[2]
    objects[key] = objects[key][:-1]
    traffic.sent.clear()

    store.put_file(large)

    assert len(traffic.parts_sent) == 1
    store.verify(cid)


def test_an_index_that_is_damaged_is_written_anew(
    store: CloudStore, objects: Objects, large: Path, traffic: Traffic
) -> None:
    cid = store.put_file(large)
    objects[objects.indexes()[0]] = b"no index"
    traffic.sent.clear()

    store.put_file(large)

    assert traffic.sent == [f"bundles/{cid}"]
    store.verify(cid)


def test_two_stores_see_the_same_bucket(
    store: CloudStore, url: str, bundle: Path, tmp_path: Path
) -> None:
    other = CloudStore(url)
    assert list(other.list()) == []

    cid = store.put_folder(bundle)

    assert list(other.list()) == [cid]
    other.fetch(cid, tmp_path / "copy")
    assert tree_of(tmp_path / "copy") == tree_of(bundle)


def test_stores_in_folders_of_one_bucket_do_not_see_one_another(
    store: CloudStore, bucket: str, bundle: Path
) -> None:
    above, beside = CloudStore(f"s3://{bucket}/some"), CloudStore(f"s3://{bucket}/some/folder2")

    cid = store.put_folder(bundle)

    for other in (above, beside):
        assert list(other.list()) == []
        assert other.gc(keep=set()) == 0
    store.verify(cid)


def test_a_file_that_changes_while_it_is_put_leaves_no_bundle(
    store: CloudStore, large: Path
) -> None:
    def change(done: int, total: int) -> None:
        if done >= total // 2:
            with large.open("r+b") as file:
                file.write(os.urandom(10))

    with pytest.raises(BundleChanged):
        store.put_file(large, change)

    assert list(store.list()) == []


def test_of_a_model_whose_last_layer_changed_only_that_block_is_fetched(
    store: CloudStore, tmp_path: Path, traffic: Traffic
) -> None:
    frozen = os.urandom(18 * MIB)
    mine = tmp_path / "mine"
    mine.mkdir()
    rounds = []
    for number in (1, 2):
        folder = tmp_path / f"round-{number}"
        folder.mkdir()
        (folder / "model").write_bytes(frozen + b"%d" % number * 1000)
        rounds.append(store.put_folder(folder))
    store.fetch(rounds[0], mine / "1", at_hand=AtHand(mine))
    assert traffic.bytes_of_parts > 18 * MIB
    traffic.came.clear()

    store.fetch(rounds[1], mine / "2", at_hand=AtHand(mine))

    assert (mine / "2" / "model").read_bytes() == frozen + b"2" * 1000
    assert traffic.bytes_of_parts < 4000  # the changed block, and the nodes above it


def test_a_bundle_is_fetched_in_as_many_requests_as_it_has_parts(
    store: CloudStore, large: Path, tmp_path: Path, traffic: Traffic
) -> None:
    cid = store.put_file(large)
    traffic.came.clear()

    store.fetch(cid, tmp_path / "copy")

    assert len(traffic.came) == 1 + 3  # the index, three parts


def assert_damaged(store: CloudStore, cid: Cid, why: str, tmp_path: Path) -> None:
    """Neither fetched nor verified, and nothing is left behind."""
    place = tmp_path / "place"
    place.mkdir(exist_ok=True)
    with pytest.raises(ContentMismatch, match=why):
        store.fetch(cid, place / "copy")
    with pytest.raises(ContentMismatch, match=why):
        store.verify(cid)
    assert list(place.iterdir()) == []


def test_a_flipped_bit_is_refused(
    store: CloudStore, objects: Objects, large: Path, tmp_path: Path
) -> None:
    cid = store.put_file(large)
    key = objects.parts()[1]
    data = bytearray(objects[key])
    data[len(data) // 2] ^= 1
    objects[key] = bytes(data)

    assert_damaged(store, cid, "other bytes than its hash", tmp_path)


def test_a_part_cut_short_is_refused(
    store: CloudStore, objects: Objects, large: Path, tmp_path: Path
) -> None:
    cid = store.put_file(large)
    key = objects.parts()[2]
    for length in (len(objects[key]) - 1, 10, 0):
        objects[key] = objects[key][:length]

        assert_damaged(store, cid, "is cut short", tmp_path)


def test_a_missing_part_is_refused(
    store: CloudStore, objects: Objects, large: Path, tmp_path: Path
) -> None:
    cid = store.put_file(large)
    del objects[objects.parts()[0]]

    assert_damaged(store, cid, "is missing", tmp_path)


def test_another_bundles_index_under_a_name_is_refused(
    store: CloudStore, objects: Objects, large: Path, bundle: Path, tmp_path: Path
) -> None:
    cid = store.put_file(large)
    other = store.put_folder(bundle)
    objects[f"some/folder/bundles/{cid}"] = objects[f"some/folder/bundles/{other}"]

    assert_damaged(store, cid, "index in the bucket is damaged", tmp_path)


def test_an_index_without_end_is_not_read_to_it(
    store: CloudStore, objects: Objects, large: Path, tmp_path: Path
) -> None:
    cid = cid_of_path(large)
    objects[f"some/folder/bundles/{cid}"] = bytes(MAX_INDEX + 1)

    assert_damaged(store, cid, "longer than any", tmp_path)


def test_an_index_that_promises_more_than_the_limits_is_refused_before_anything_is_read(
    store: CloudStore, objects: Objects, tmp_path: Path, traffic: Traffic
) -> None:
    """Each of a hundred small blocks could make us fetch megabytes that nobody needs."""
    root = raw_cid(b"root")
    junk = [(raw_cid(b"%d" % number), 2 * MIB) for number in range(200)]
    layout = lay_out(root, [*junk, (root, 4)])
    objects[f"some/folder/bundles/{to_text(root)}"] = layout.encode()

    with pytest.raises(BundleTooLarge):
        limits = BundleLimits(max_bytes=MIB, max_entries=100)
        store.fetch(to_text(root), tmp_path / "copy", limits)

    assert traffic.bytes_of_parts == 0


def test_what_is_none_of_the_stores_stays_when_it_is_cleared(
    store: CloudStore, objects: Objects, bundle: Path
) -> None:
    cid = store.put_folder(bundle)
    strangers = [
        "another/folder", "some/folder2/bundles/x", "some/folder/bundles/readme.txt",
        f"some/folder/parts/{cid}/notes", "some/folder/parts/stranger/00000-" + "0" * 32,
        "some/folder/notes",
    ]  # fmt: skip
    for key in strangers:
        objects[key] = b"mine"

    store.gc(keep=set())

    assert sorted(objects) == sorted(strangers)


def test_parts_without_a_bundle_go_when_they_are_old(
    url: str, store: CloudStore, objects: Objects, large: Path
) -> None:
    cid = store.put_file(large)
    del objects[f"some/folder/bundles/{cid}"]

    assert store.gc(keep=set()) == 0  # somebody may be sending them now
    assert len(objects.parts()) == 3

    assert CloudStore(url, abandoned=timedelta(0)).gc(keep=set()) > 20 * MIB
    assert list(objects) == []


def test_a_bundle_that_is_cleared_while_it_is_put_again_is_whole_or_gone(
    store: CloudStore, url: str, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clearing comes after the parts were found there, before the index is written."""
    cid = store.put_file(large)
    other = CloudStore(url, abandoned=timedelta(0))
    write = Bucket.write
    cleared: list[int] = []

    def clear_first(bucket: Bucket, key: str, data: bytes) -> None:
        if key.startswith("bundles/") and not cleared:
            cleared.append(other.gc(keep=set()))
        write(bucket, key, data)

    monkeypatch.setattr(Bucket, "write", clear_first)
    other._bucket.remove([f"bundles/{cid}"])

    store.put_file(large)

    assert cleared[0] > 20 * MIB
    store.verify(cid)


def test_a_bundle_that_is_put_while_it_is_cleared_is_whole_or_gone(
    store: CloudStore, url: str, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index comes after the clearing took it, before it takes the parts."""
    cid = store.put_file(large)
    remove = Bucket.remove
    index = store._bucket.read(f"bundles/{cid}", 0, MAX_INDEX)
    put: list[str] = []

    def put_first(bucket: Bucket, keys: Any) -> None:
        keys = list(keys)
        if not put and any(key.startswith("parts/") for key in keys):
            put.append(cid)
            bucket.write(f"bundles/{cid}", index or b"")
        remove(bucket, keys)

    monkeypatch.setattr(Bucket, "remove", put_first)

    CloudStore(url).gc(keep=set())

    assert put
    assert not store.has(cid)
    with pytest.raises(AssetNotFound):
        store.verify(cid)
