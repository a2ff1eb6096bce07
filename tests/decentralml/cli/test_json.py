"""Whatever a command prints or does, a program can read it: `--json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
import typer
from keyring.backend import KeyringBackend

from decentralml.cli.main import GROUPS, app
from pallets_mock.testing import DevChain
from tests.decentralml.cli.conftest import CommandLine

BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CHARLIE = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
EVE = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"
TOKEN = 10**12
# They become another program, or print a file that is JSON already.
WITHOUT = {"chain dev", "coordinator", "keys export"}
Post = Callable[..., int]


class Ring(KeyringBackend):
    """A key ring that this process keeps to itself."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def ring() -> Iterator[Ring]:
    before, mine = keyring.get_keyring(), Ring()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def deliver(cli: CommandLine, task: int) -> None:
    for command in (["accept-task"], ["run", "--yes"], ["send-task-result"]):
        cli.good("contributor", command[0], task, *command[1:], "--key", "//Bob")


def reject(cli: CommandLine, task: int) -> None:
    verdict = ["--reject", "--reason", "too little", "--key", "//Alice", "--json"]
    said = cli.good("creator", "validate-task-result", task, 1, BOB, *verdict).data
    assert (said["outcome"], said["block"] > 0) == ("rejected", True)


def test_every_command_takes_it() -> None:
    lacking = set()
    for name in GROUPS:
        group = typer.main.get_command(app).get_command(None, name)  # type: ignore[attr-defined]
        for word, command in getattr(group, "commands", {"": group}).items():
            options = {option for parameter in command.params for option in parameter.opts}
            if "--json" not in options:
                lacking.add(f"{name} {word}".strip())
    assert lacking == WITHOUT


def test_a_preview_has_the_script_and_what_it_may_touch(cli: CommandLine, post: Post) -> None:
    task = post()
    shown = cli.good("contributor", "preview", task, "--key", "//Bob", "--json").data
    assert shown["script"] == (Path(shown["bundle"]) / "start_task.sh").read_text()
    assert shown["complete"] is True
    assert (shown["task"]["id"], "WITHOUT a sandbox" in shown["touches"]) == (task, True)


@pytest.mark.parametrize(("more", "complete"), [(0, True), (1, False)])
def test_a_preview_says_when_the_script_is_longer_than_what_is_shown(
    cli: CommandLine, post: Post, job: Path, more: int, complete: bool
) -> None:
    script = job / "start_task.sh"
    script.write_text(script.read_text().ljust((64 << 10) + more, "#"))
    shown = cli.good("contributor", "preview", post(), "--key", "//Bob", "--json").data
    assert (len(shown["script"]), shown["complete"]) == (64 << 10, complete)


def test_a_run_gives_the_folder_of_its_result(cli: CommandLine, post: Post) -> None:
    task = post()
    cli.good("contributor", "accept-task", task, "--key", "//Bob")
    made = cli.good("contributor", "run", task, "--yes", "--key", "//Bob", "--json").data
    assert made["task"] == task
    assert (Path(made["folder"]) / "weights.safetensors").is_file()


def test_a_verdict_has_its_block_and_is_given_once(
    cli: CommandLine, post: Post, tmp_path: Path
) -> None:
    task = post()
    deliver(cli, task)
    accept = ["creator", "validate-task-result", task, 1, BOB, "--accept", "--json"]
    said = cli.good(*accept, "--key", "//Alice").data
    result, *_ = cli.good("tasks", "results", task, "--json").data
    assert (said["outcome"], said["block"] > result["sent"]) == ("accepted", True)
    # Where the journal is, the verdict that was given is found and its block said again.
    assert cli.good(*accept, "--key", "//Alice").data == said
    elsewhere = ["--workspace", tmp_path / "elsewhere"]
    again = cli.good(*accept, "--key", "//Alice", *elsewhere).data
    assert again == {"outcome": "decided before", "block": None}


def test_a_dispute_and_its_ruling_have_their_blocks(cli: CommandLine, post: Post) -> None:
    task = post("--arbiter", EVE)
    deliver(cli, task)
    reject(cli, task)
    asked = cli.good("contributor", "dispute-result", task, 1, "--key", "//Bob", "--json").data
    ruling = ["--for", "worker", "--key", "//Eve", "--json"]
    ruled = cli.good("creator", "resolve-dispute", task, 1, BOB, *ruling).data
    assert [asked["outcome"], ruled["outcome"]] == ["disputed", "for the worker"]
    assert 0 < asked["block"] < ruled["block"]


def test_a_person_is_told_that_the_dispute_began_and_how_it_ended(
    cli: CommandLine, post: Post
) -> None:
    task = post("--arbiter", EVE)
    deliver(cli, task)
    reject(cli, task)
    asked = cli.good("contributor", "dispute-result", task, 1, "--key", "//Bob")
    assert "disputed (block" in asked.err
    ruling = ["--for", "validator", "--key", "//Eve"]
    ruled = cli.good("creator", "resolve-dispute", task, 1, BOB, *ruling)
    assert "ruled for the validator (block" in ruled.err


@pytest.mark.parametrize("by", ["worker", "creator"])
def test_a_claim_has_the_result_as_the_chain_keeps_it_now(
    cli: CommandLine, post: Post, market_chain: DevChain, by: str
) -> None:
    task = post("--validate-time", "10")
    deliver(cli, task)
    market_chain.new_block(11)
    command = {
        "worker": ["contributor", "claim-result", task, 1, "--key", "//Bob"],
        "creator": ["creator", "claim-result", task, 1, BOB, "--key", "//Alice"],
    }
    said = cli.good(*command[by], "--json").data
    assert (said["outcome"], said["block"] > 0) == ("claimed", True)
    assert (said["result"]["worker"], said["result"]["paid"]) == (BOB, 5 * TOKEN)


def test_giving_up_has_its_block_and_twice_is_nothing(cli: CommandLine, post: Post) -> None:
    task = post()
    cli.good("contributor", "accept-task", task, "--key", "//Charlie")
    release = ["contributor", "release-assignment", task, "--key", "//Charlie", "--json"]
    said, again = cli.good(*release).data, cli.good(*release).data
    assert (said["outcome"], said["block"] > 0) == ("released", True)
    assert again == {"outcome": "nothing to give up", "block": None}


def test_a_slot_that_is_opened_after_a_missed_round_has_its_block(
    cli: CommandLine, post: Post, market_chain: DevChain
) -> None:
    task = post("--round-time", "10", "--accept-for", "10")
    cli.good("contributor", "accept-task", task, "--key", "//Charlie")
    market_chain.new_block(11)
    release = ["creator", "release-assignment", task, CHARLIE, "--key", "//Alice", "--json"]
    said = cli.good(*release).data
    assert (said["outcome"], said["block"] > 0) == ("released", True)


def test_withdrawing_and_pruning_have_their_blocks(cli: CommandLine, post: Post) -> None:
    task = post()
    cli.good("contributor", "accept-task", task, "--key", "//Charlie")
    cli.good("contributor", "release-assignment", task, "--key", "//Charlie")
    withdrawn = cli.good("creator", "withdraw-task", task, "--key", "//Alice", "--json").data
    prune = ["creator", "prune-task", task, "--key", "//Alice", "--json"]
    pruned, again = cli.good(*prune).data, cli.good(*prune).data
    assert withdrawn["outcome"] == "withdrawn"
    assert (pruned["outcome"], pruned["items"] > 0) == ("pruned", True)
    assert pruned["block"] > withdrawn["block"]
    assert again == {"outcome": "nothing left to prune", "block": None, "items": 0}


def test_a_new_task_folder_is_named(alone: CommandLine, tmp_path: Path) -> None:
    made = alone.good("creator", "new-task", tmp_path / "mine", "--json").data
    assert made == {"folder": str(tmp_path / "mine"), "template": "contribution"}
    assert (tmp_path / "mine" / "start_task.sh").is_file()


def test_the_settings_file_is_named_whether_it_exists_or_not(
    alone: CommandLine, tmp_path: Path
) -> None:
    assert alone.good("config", "path", "--json").data["exists"] is False
    file = tmp_path / "mine.toml"
    file.write_text('key = "alice"\n')
    said = alone.good("config", "path", "--config", file, "--json").data
    assert said == {"path": str(file), "exists": True}


def test_a_password_is_remembered_and_forgotten_and_never_printed(
    alone: CommandLine, ring: Ring
) -> None:
    mine = CommandLine({**alone.environment, "DECENTRALML_PASSWORD": "not to be seen"})
    mine.good("keys", "create", "mine")
    remembered = mine.good("keys", "remember", "mine", "--json")
    assert remembered.data == {"name": "mine", "remembered": True}
    assert list(ring.kept.values()) == ["not to be seen"]
    assert "not to be seen" not in remembered.out + remembered.err
    forgotten = mine.good("keys", "forget", "mine", "--json").data
    assert (forgotten, ring.kept) == ({"name": "mine", "remembered": False}, {})
