"""`decentralml assets` where tasks count: export and import, pins, mirrors, and what gc leaves."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from decentralml.assets.local import LocalStore
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId
from tests.decentralml.cli.conftest import CommandLine

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
Post = Callable[..., int]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def stray(cli: CommandLine, tmp_path: Path) -> str:
    """A content that no task needs."""
    (tmp_path / "stray").write_text("nobody needs this")
    return cli.good("assets", "put", tmp_path / "stray").out.strip()


@pytest.fixture(autouse=True)
def _content_of_its_own(job: Path, model: Path, tmp_path: Path) -> None:
    """The tests share a chain: no other test's task needs this one's bundle or model."""
    (job / "unique").write_text(str(tmp_path))
    layers = {"dense/kernel": np.frombuffer(os.urandom(6), np.uint8).astype(np.float32)}
    save_weights(model, layers, WeightsHeader(examples=1))


def deliver(cli: CommandLine, task: int, key: str = "//Bob") -> str:
    """Bob works a round; the CID of his result."""
    cli.good("contributor", "accept-task", task, "--key", key)
    cli.good("contributor", "run", task, "--key", key, "--yes")
    cli.good("contributor", "send-task-result", task, "--key", key)
    return str(cli.good("tasks", "results", task, "--json").data[-1]["result"])


def terms(cli: CommandLine, task: int) -> tuple[str, str]:
    """CIDs of a task's bundle and of its model."""
    said = cli.good("tasks", "show", task, "--json").data
    return said["terms"]["bundle"], said["model"]


def test_a_task_is_exported_and_worked_on_elsewhere(
    cli: CommandLine, post: Post, tmp_path: Path
) -> None:
    task = post()
    bundle, model = terms(cli, task)
    said = cli.good("assets", "export", task, tmp_path / "task.car", "--json").data
    assert {one["path"]: one["cid"] for one in said["contents"]} == {
        "bundle": bundle, "models/round-1": model,
    }  # fmt: skip

    elsewhere = CommandLine(
        {
            **cli.environment,
            "DECENTRALML_STORE": str(tmp_path / "other store"),
            "DECENTRALML_WORKSPACE": str(tmp_path / "other workspace"),
        }
    )
    brought = elsewhere.good("assets", "import", tmp_path / "task.car")
    assert bundle in brought.out
    assert f"task {task} of the chain 0x" in brought.err
    deliver(elsewhere, task)


def test_the_same_task_gives_the_same_file(cli: CommandLine, post: Post, tmp_path: Path) -> None:
    task = post()
    for name in ("one.car", "two.car"):
        cli.good("assets", "export", task, tmp_path / name)
    assert (tmp_path / "one.car").read_bytes() == (tmp_path / "two.car").read_bytes()


def test_results_and_all_rounds_models_are_exported_when_asked_for(
    cli: CommandLine, post: Post, tmp_path: Path
) -> None:
    task = post("--rounds", "2")
    first = terms(cli, task)[1]
    result = deliver(cli, task)
    cli.good("creator", "validate-all", task, "--key", "//Alice")
    cli.good("creator", "federate", task, "--round", 1, "--key", "//Alice")
    cli.good("creator", "start-round", task, "--key", "//Alice")
    second = terms(cli, task)[1]
    assert first != second

    said = cli.good(
        "assets", "export", task, tmp_path / "all.car", "--all", "--results", "--json"
    ).data
    paths = {one["path"]: one["cid"] for one in said["contents"]}
    assert paths["models/round-1"] == first
    assert paths["models/round-2"] == second
    assert paths[f"results/round-1/{BOB}"] == result


def test_a_content_is_exported_by_its_cid_without_a_chain(
    alone: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("content")
    cid = alone.good("assets", "put", tmp_path / "file").out.strip()
    assert alone.good("assets", "export", cid, tmp_path / "f.car").out == f"{tmp_path}/f.car\n"
    again = alone("assets", "export", cid, tmp_path / "f.car")
    assert (again.status, "exists already" in again.err) == (6, True)
    (tmp_path / "f.car").write_bytes(b"no CAR")
    refused = alone("assets", "import", tmp_path / "f.car")
    assert (refused.status, "is no CAR file" in refused.err) == (6, True)


def test_contents_and_tasks_are_mirrored_to_another_store(
    cli: CommandLine, post: Post, stray: str, tmp_path: Path
) -> None:
    task = post()
    other = tmp_path / "other"

    said = cli.good("assets", "mirror", task, stray, "--to", other, "--json").data

    assert set(LocalStore(other).list()) == {*terms(cli, task), stray}
    assert {one["cid"] for one in said["contents"]} == {*terms(cli, task), stray}


def test_gc_leaves_what_the_tasks_of_my_accounts_need(
    cli: CommandLine, post: Post, stray: str, store: LocalStore
) -> None:
    task = post()
    needed = {*terms(cli, task), deliver(cli, task)}

    seen = cli.good("assets", "gc", "--dry-run", "--json").data
    assert seen["goes"] == {stray: store.size(stray)}  # nothing else: earlier tests' stores differ
    assert store.has(stray)
    done = cli.good("assets", "gc", "--yes", "--json").data

    assert done["freed"] == done["bytes"] > 0
    assert set(store.list()) == needed
    assert set(done["accounts"]) == {ALICE, BOB}
    assert task in done["tasks"]


def test_gc_keeps_a_task_until_it_is_pruned(
    cli: CommandLine, post: Post, store: LocalStore
) -> None:
    task = post()
    cli.good("creator", "withdraw-task", task, "--key", "//Alice")
    cli.good("assets", "gc", "--yes")
    assert set(store.list()) == set(terms(cli, task))

    cli.good("creator", "prune-task", task, "--key", "//Alice")
    cli.good("assets", "gc", "--yes")
    assert list(store.list()) == []


def test_gc_keeps_what_is_drafted_and_what_is_uploaded_but_not_on_the_chain_yet(
    cli: CommandLine, post: Post, store: LocalStore, tmp_path: Path
) -> None:
    task = post()
    with_files = [tmp_path / name for name in ("drafted", "uploaded", "forgotten")]
    for file in with_files:
        file.write_text(file.name)
    drafted, uploaded, forgotten = (store.put_file(file) for file in with_files)
    (folder,) = (tmp_path / "workspace").glob(f"*/{ALICE}")
    chain = f"0x{folder.parent.name}"
    space = Workspace(tmp_path / "workspace", chain, AccountId(ALICE))
    space.journal.write_note("draft/next", json.dumps({"bundle": drafted, "model": None}))
    space.journal.write_note(f"upload/{task}/1", uploaded)
    space.journal.write_note("upload/99999/1", forgotten)
    space.close()

    cli.good("assets", "gc", "--yes")

    assert store.has(drafted)
    assert store.has(uploaded)
    assert not store.has(forgotten)


def test_gc_asks_and_no_is_an_answer(
    cli: CommandLine, post: Post, stray: str, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    post()
    nobody = cli("assets", "gc")
    assert (nobody.status, "--yes" in nobody.err) == (3, True)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert "nothing was removed" in cli.good("assets", "gc").err
    assert store.has(stray)
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert "freed" in cli.good("assets", "gc").err
    assert not store.has(stray)


def test_gc_removes_nothing_when_the_chain_cannot_be_asked(
    alone: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("content")
    cid = alone.good("assets", "put", tmp_path / "file").out.strip()
    hasty = CommandLine({**alone.environment, "DECENTRALML_TIMEOUT": "1"})

    refused = hasty("assets", "gc", "--yes", "--key", "//Alice")

    assert refused.status == 4
    assert LocalStore(tmp_path / "store").has(cid)


def test_gc_removes_nothing_when_nobodys_tasks_would_be_kept(
    cli: CommandLine, stray: str, store: LocalStore
) -> None:
    refused = cli("assets", "gc", "--yes")
    assert (refused.status, "No account is known" in refused.err) == (3, True)
    assert store.has(stray)


def test_gc_waits_for_nobody_who_is_at_work(
    cli: CommandLine,
    post: Post,
    *,
    stray: str,
    store: LocalStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post()
    (folder,) = (tmp_path / "workspace").glob(f"*/{ALICE}")
    at_work = Workspace(tmp_path / "workspace", folder.parent.name, AccountId(ALICE))
    monkeypatch.setattr("decentralml.cli.wiring.WORKSPACE_PATIENCE", 0)

    with at_work.hold():
        refused = cli("assets", "gc", "--yes")

    assert (refused.status, "another process" in refused.err) == (9, True)
    assert store.has(stray)


def test_what_is_pinned_stays_until_it_is_unpinned(
    cli: CommandLine, post: Post, stray: str, store: LocalStore
) -> None:
    post()
    assert cli.good("assets", "pin", stray).out.strip() == stray
    assert [one for one in cli.good("assets", "list", "--json").data if one["pinned"]] == [
        {"cid": stray, "bytes": store.size(stray), "pinned": True}
    ]
    cli.good("assets", "gc", "--yes")
    assert store.has(stray)

    cli.good("assets", "unpin", stray)
    cli.good("assets", "gc", "--yes")
    assert not store.has(stray)


def test_a_pinned_task_stays_after_it_is_gone_from_the_chain(
    cli: CommandLine, post: Post, store: LocalStore
) -> None:
    task = post()
    needed = set(terms(cli, task))
    assert "2 of them new" in cli.good("assets", "pin", task).err
    cli.good("creator", "withdraw-task", task, "--key", "//Alice")
    cli.good("creator", "prune-task", task, "--key", "//Alice")
    cli.good("assets", "gc", "--yes")
    assert set(store.list()) == needed

    assert "unpinned: 2" in cli.good("assets", "unpin", task).err
    cli.good("assets", "gc", "--yes")
    assert list(store.list()) == []


def test_pinning_brings_what_only_a_mirror_has(
    cli: CommandLine, stray: str, store: LocalStore, tmp_path: Path
) -> None:
    here = str(tmp_path / "new store")
    mirrored = CommandLine(
        {**cli.environment, "DECENTRALML_STORE": here, "DECENTRALML_MIRRORS": str(store.root)}
    )
    unknown = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"

    said = mirrored.good("assets", "pin", stray, unknown, "--json").data

    assert said["lacking"] == [unknown]
    assert list(LocalStore(Path(here)).list()) == [stray]


def test_all_that_the_store_has_is_verified_and_what_is_damaged_named(
    alone: CommandLine, tmp_path: Path
) -> None:
    cids = []
    for name in ("a", "b"):
        (tmp_path / name).write_text(name * 50)
        cids.append(alone.good("assets", "put", tmp_path / name).out.strip())
    assert alone.good("assets", "verify", *cids).err == "intact\n"
    assert "2 of 2 intact" in alone.good("assets", "verify", "--all").err
    damaged = tmp_path / "store" / f"{cids[0]}.car"
    damaged.write_bytes(damaged.read_bytes()[:-1])

    found = alone("assets", "verify", "--all", "--json")

    assert found.status == 6
    assert {one["cid"]: one["intact"] for one in found.data} == {cids[0]: False, cids[1]: True}
    assert alone("assets", "verify").status == 3


def test_the_size_of_contents_and_of_the_store_is_told(alone: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(1000))
    cid = alone.good("assets", "put", tmp_path / "file").out.strip()

    assert 1000 < int(alone.good("assets", "size", cid).out) < 1200
    assert alone.good("assets", "size", "--json").data["contents"].keys() == {cid}


def test_a_creator_and_a_worker_with_stores_of_their_own_read_from_one_another(
    cli: CommandLine, post: Post, store: LocalStore, tmp_path: Path
) -> None:
    workers = tmp_path / "workers store"
    worker = CommandLine(
        {
            **cli.environment,
            "DECENTRALML_STORE": str(workers),
            "DECENTRALML_MIRRORS": str(store.root),
        }
    )
    link = tmp_path / "workers-store"  # mirrors are words: a path with a space would be two
    link.symlink_to(workers)
    creator = CommandLine({**cli.environment, "DECENTRALML_MIRRORS": str(link)})

    task = post()
    result = deliver(worker, task)
    creator.good("creator", "validate-task-result", task, 1, BOB, "--accept", "--key", "//Alice")

    assert list(LocalStore(workers).list()) == [result]
    assert not store.has(result)
    (checked,) = creator.good("creator", "fetch-results", task, "--key", "//Alice", "--json").data
    assert checked["refused"] is None
