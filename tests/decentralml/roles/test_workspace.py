"""One person's folder: a place for each thing, one process at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from decentralml.errors import WorkspaceBusy
from decentralml.roles.workspace import Workspace, put_in_place
from decentralml.types import AccountId, Round, TaskId

ALICE = AccountId("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
GENESIS = "0x" + "ab" * 32


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, GENESIS, ALICE)


def test_each_chain_and_account_has_its_own_folder(tmp_path: Path, workspace: Workspace) -> None:
    other_chain = Workspace(tmp_path, "0x" + "cd" * 32, ALICE)
    other_account = Workspace(tmp_path, GENESIS, AccountId("5FHneW46xGXgs5mUiveU4sbTyGBzmst"))
    assert workspace.folder == tmp_path / "abababababab" / ALICE
    assert len({workspace.folder, other_chain.folder, other_account.folder}) == 3


def test_a_workspace_named_from_here_is_the_same_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Workspace(Path("here"), GENESIS, ALICE).folder == (
        tmp_path / "here" / "abababababab" / ALICE
    )


def test_only_the_person_can_read_the_folder(workspace: Workspace) -> None:
    assert workspace.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("account", ["../x", "a/b", "", ".", "a\0b"])
def test_an_account_that_is_no_address_gets_no_folder(workspace: Workspace, account: str) -> None:
    with pytest.raises(ValueError, match="address"):
        workspace.round(TaskId(1), Round(1)).received(AccountId(account))


def test_the_lock_may_be_taken_twice_in_one_process(workspace: Workspace) -> None:
    with workspace.hold(), workspace.hold():
        pass
    with workspace.hold():
        pass


def test_a_second_holder_is_refused_until_the_first_is_done(
    tmp_path: Path, workspace: Workspace
) -> None:
    other = Workspace(tmp_path, GENESIS, ALICE)
    with workspace.hold(), pytest.raises(WorkspaceBusy, match="another process"), other.hold():
        pass
    with other.hold():
        pass


def test_a_child_that_shares_the_descriptor_does_not_keep_the_lock(
    tmp_path: Path, workspace: Workspace
) -> None:
    with workspace.hold():
        shared = os.dup(workspace._lock)  # what a child has between fork and exec
    try:
        with Workspace(tmp_path, GENESIS, ALICE).hold():
            pass
    finally:
        os.close(shared)


def test_a_killed_process_leaves_no_lock_behind(tmp_path: Path, workspace: Workspace) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from decentralml.roles.workspace import Workspace\n"
        "with Workspace(Path(sys.argv[1]), sys.argv[2], sys.argv[3]).hold():\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), GENESIS, ALICE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    with holder.stdin, holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WorkspaceBusy), workspace.hold():
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(30)
    with workspace.hold():
        pass


def test_put_in_place_moves_all_or_nothing(tmp_path: Path) -> None:
    being_made = tmp_path / "delivery.tmp"
    (being_made / "result").mkdir(parents=True)
    (being_made / "result" / "model").write_bytes(b"weights")
    put_in_place(being_made, tmp_path / "delivery")
    assert (tmp_path / "delivery" / "result" / "model").read_bytes() == b"weights"
    assert not being_made.exists()


def test_fresh_removes_what_an_interrupted_step_left(workspace: Workspace) -> None:
    folder = workspace.round(TaskId(1), Round(2))
    folder.run.mkdir(parents=True)
    (folder.run / "half").write_text("written")
    assert not folder.fresh(folder.run).exists()
    folder.log.write_text("old")
    assert not folder.fresh(folder.log).exists()
    assert not folder.fresh(folder.delivery).exists()


def test_fresh_removes_a_link_and_not_what_it_points_at(
    tmp_path: Path, workspace: Workspace
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    folder = workspace.round(TaskId(1), Round(1))
    folder.run.parent.mkdir(parents=True)
    folder.run.symlink_to(precious)
    folder.fresh(folder.run)
    assert precious.is_dir()
