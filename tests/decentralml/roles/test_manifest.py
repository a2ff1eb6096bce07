"""A delivery says for what it was made; one made for something else is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from decentralml.errors import UnusableModel
from decentralml.learning.errors import MalformedResult
from decentralml.roles.delivery import model_file, pack
from decentralml.roles.manifest import CopiedResult, Manifest, check_delivery, write_delivery
from decentralml.roles.workspace import RoundFolder
from decentralml.types import AccountId, Cid, Round, TaskId

MANIFEST = Manifest(
    genesis="0xab",
    task=TaskId(12),
    round=Round(3),
    worker=AccountId("5Worker"),
    bundle=Cid("bafybundle"),
    base_model=Cid("bafymodel"),
)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    result, folder = tmp_path / "run", tmp_path / "delivery"
    result.mkdir()
    folder.mkdir()
    (result / "result.json").write_text("{}")
    write_delivery(result, MANIFEST, folder)
    return folder


def test_a_delivery_has_the_manifest_and_the_result(delivery: Path) -> None:
    assert json.loads((delivery / "manifest.json").read_text()) == {
        "version": 1,
        "genesis": "0xab",
        "task": 12,
        "round": 3,
        "worker": "5Worker",
        "bundle": "bafybundle",
        "base_model": "bafymodel",
    }
    assert (delivery / "result" / "result.json").read_text() == "{}"


def test_the_same_content_gives_the_same_bytes() -> None:
    assert MANIFEST.encode() == replace(MANIFEST).encode()


def test_files_that_a_script_made_unreadable_are_readable_in_the_delivery(tmp_path: Path) -> None:
    result, folder = tmp_path / "run", tmp_path / "delivery"
    (result / "inner").mkdir(parents=True)
    folder.mkdir()
    (result / "inner" / "model").write_bytes(b"weights")
    (result / "inner" / "model").chmod(0)
    (result / "inner").chmod(0o100)
    write_delivery(result, MANIFEST, folder)
    assert (folder / "result" / "inner" / "model").read_bytes() == b"weights"


def test_a_fitting_delivery_gives_its_result(delivery: Path) -> None:
    assert check_delivery(delivery, MANIFEST) == delivery / "result"


@pytest.mark.parametrize(
    "expected",
    [
        replace(MANIFEST, genesis="0xcd"),
        replace(MANIFEST, task=TaskId(13)),
        replace(MANIFEST, round=Round(4)),
        replace(MANIFEST, worker=AccountId("5Other")),
        replace(MANIFEST, bundle=Cid("bafyother")),
        replace(MANIFEST, base_model=Cid("bafyother")),
        replace(MANIFEST, base_model=None),
    ],
    ids=["chain", "task", "round", "worker", "bundle", "model", "no model"],
)
def test_a_delivery_made_for_something_else_is_a_copy(delivery: Path, expected: Manifest) -> None:
    with pytest.raises(CopiedResult) as refused:
        check_delivery(delivery, expected)
    assert getattr(expected, refused.value.field) != getattr(MANIFEST, refused.value.field)
    assert refused.value.reason.startswith("CopiedResult: its manifest names the ")


def test_a_base_model_that_nobody_remembers_is_not_compared(delivery: Path) -> None:
    expected = replace(MANIFEST, base_model=None)
    assert check_delivery(delivery, expected, base_known=False) == delivery / "result"
    with pytest.raises(CopiedResult):
        check_delivery(delivery, replace(expected, task=TaskId(1)), base_known=False)


def fields(**changes: object) -> str:
    known = json.loads(MANIFEST.encode())
    return json.dumps({k: v for k, v in {**known, **changes}.items() if v != "absent"})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no json",
        "[]",
        "null",
        "[" * 4000,
        fields(version="absent"),
        fields(version=2),
        fields(version=True),
        fields(version="1"),
        fields(task="12"),
        fields(task=True),
        fields(task=12.0),
        fields(task="absent"),
        fields(worker=None),
        fields(worker=["5Worker"]),
        fields(base_model="absent"),
        fields(base_model=7),
        fields(more="things"),
        fields() + " " * 5000,
        '{"version": 1' + "0" * 4000 + "}",
    ],
)
def test_a_malformed_manifest_is_refused(delivery: Path, content: str) -> None:
    (delivery / "manifest.json").write_text(content)
    with pytest.raises(MalformedResult):
        check_delivery(delivery, MANIFEST)


def test_a_manifest_that_is_no_text_is_refused(delivery: Path) -> None:
    (delivery / "manifest.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(MalformedResult, match="not JSON"):
        check_delivery(delivery, MANIFEST)


def test_a_delivery_without_manifest_or_result_is_refused(delivery: Path) -> None:
    (delivery / "result").rename(delivery / "other")
    with pytest.raises(MalformedResult, match="no folder result"):
        check_delivery(delivery, MANIFEST)
    (delivery / "result").write_text("a file")
    with pytest.raises(MalformedResult, match="no folder result"):
        check_delivery(delivery, MANIFEST)
    (delivery / "manifest.json").unlink()
    with pytest.raises(MalformedResult, match=r"no file manifest\.json"):
        check_delivery(delivery, MANIFEST)


def test_links_are_not_followed(tmp_path: Path, delivery: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (delivery / "result").rename(elsewhere)
    (delivery / "result").symlink_to(elsewhere)
    with pytest.raises(MalformedResult, match="no folder result"):
        check_delivery(delivery, MANIFEST)
    (delivery / "manifest.json").rename(tmp_path / "manifest.json")
    (delivery / "manifest.json").symlink_to(tmp_path / "manifest.json")
    with pytest.raises(MalformedResult, match=r"no file manifest\.json"):
        check_delivery(delivery, MANIFEST)


def test_packing_interrupted_after_any_move_is_finished_by_packing_again(tmp_path: Path) -> None:
    folder = RoundFolder(tmp_path)
    folder.run.mkdir()
    (folder.run / "result.json").write_text("{}")
    # Interrupted before the result moved: a half-made delivery lies beside it.
    (tmp_path / "delivery.tmp").mkdir()
    (tmp_path / "delivery.tmp" / "manifest.json").write_text("half")
    pack(folder, MANIFEST)
    assert check_delivery(folder.delivery, MANIFEST).is_dir()
    # Interrupted before the last rename.
    folder.delivery.rename(tmp_path / "delivery.tmp")
    pack(folder, MANIFEST)
    assert check_delivery(folder.delivery, MANIFEST).is_dir()
    # Not interrupted at all.
    pack(folder, MANIFEST)
    assert check_delivery(folder.delivery, MANIFEST).is_dir()


def test_a_models_file_is_the_only_one_in_its_bundle(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel):
        model_file(tmp_path / "missing")
    with pytest.raises(UnusableModel):
        model_file(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"zip")
    assert model_file(tmp_path) == tmp_path / "model.keras"
    (tmp_path / "more").write_bytes(b"")
    with pytest.raises(UnusableModel, match="exactly one file"):
        model_file(tmp_path)


def test_a_folder_or_link_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(UnusableModel):
        model_file(tmp_path / "folder")
    (tmp_path / "link").mkdir()
    (tmp_path / "real").write_bytes(b"")
    (tmp_path / "link" / "model.keras").symlink_to(tmp_path / "real")
    with pytest.raises(UnusableModel):
        model_file(tmp_path / "link")
