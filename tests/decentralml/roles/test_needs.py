"""What of a journal is needed: what the chain does not know yet, and of tasks that it still has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.assets.cid import cid_of_bytes
from decentralml.roles.clearing import accounts_in, other_chains, standing_still
from decentralml.roles.journal import Journal
from decentralml.roles.needs import Need, noted_in, well_formed
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId, Cid, TaskId

A, B = cid_of_bytes(b"a"), cid_of_bytes(b"b")
GENESIS = "0x" + "ab" * 32
ALICE, BOB = (
    AccountId("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
    AccountId("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"),
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


def test_what_is_noted_of_a_task_counts_while_the_task_does(journal: Journal) -> None:
    journal.write_note("upload/7/1", A)
    journal.write_note("job/7/2", f'{{"model": "{B}"}}')

    assert noted_in(journal, [TaskId(7)]) == {A, B}
    assert noted_in(journal, [TaskId(70)]) == set()


def test_a_draft_counts_until_it_is_posted(journal: Journal) -> None:
    journal.write_note("draft/one", f'{{"bundle": "{A}"}}')
    assert noted_in(journal, []) == {A}

    journal.write_signed("create/one", "create_task", "{}")
    assert noted_in(journal, []) == {A}

    journal.write_done("create/one", "{}")
    assert noted_in(journal, []) == set()


def test_a_refused_post_leaves_its_draft_to_be_posted_again(journal: Journal) -> None:
    journal.write_note("draft/one", f'{{"bundle": "{A}"}}')
    journal.write_signed("create/one", "create_task", "{}")
    journal.write_failed("create/one", "too poor")

    assert noted_in(journal, []) == {A}


def test_a_call_under_way_needs_what_it_names(journal: Journal) -> None:
    journal.write_signed("start_round/1/2", "start_round", f'{{"model": "{A}"}}')

    assert noted_in(journal, []) == {A}


def test_what_somebody_wrote_on_the_chain_is_a_cid_or_nothing() -> None:
    upper = A.upper()
    texts = [A, "../../etc/passwd", "", upper, f"{B} and more", "b" + "a" * 58]

    found = well_formed(Need(TaskId(1), "bundle", Cid(text)) for text in texts)

    assert found == {A, B}


def test_the_accounts_that_worked_here_are_known_by_their_folders(tmp_path: Path) -> None:
    for account in (ALICE, BOB):
        Workspace(tmp_path, GENESIS, account).close()
    Workspace(tmp_path, "0x" + "cd" * 32, ALICE).close()
    (tmp_path / "pins.json").write_text("[]")

    assert accounts_in(tmp_path, GENESIS) == sorted([ALICE, BOB])
    assert other_chains(tmp_path, GENESIS) == 1
    assert accounts_in(tmp_path / "nowhere", GENESIS) == []
    assert other_chains(tmp_path / "nowhere", GENESIS) == 0


def test_all_workspaces_of_a_chain_are_held_and_let_go(tmp_path: Path) -> None:
    for account in (ALICE, BOB):
        Workspace(tmp_path, GENESIS, account).close()

    with standing_still(tmp_path, GENESIS, 0) as spaces:
        assert [space.account for space in spaces] == sorted([ALICE, BOB])
    with standing_still(tmp_path, GENESIS, 0):
        pass
