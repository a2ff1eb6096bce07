"""The market by the command line alone: every role, from posting to pay, on the real runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pallets_mock.testing import DevChain
from tests.decentralml.cli.conftest import CommandLine

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CHARLIE = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
EVE = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw"
TOKEN = 10**12
Post = Callable[..., int]


def deliver(cli: CommandLine, task: int, key: str = "//Bob") -> None:
    cli.good("contributor", "accept-task", task, "--key", key)
    cli.good("contributor", "run", task, "--key", key, "--yes")
    cli.good("contributor", "send-task-result", task, "--key", key)


def test_a_contribution_goes_from_posting_to_pay(cli: CommandLine, post: Post) -> None:
    task = post("--stake", "1")
    assert task in [t["id"] for t in cli.good("contributor", "list", "--json").data]
    assert "start_task.sh" in cli.good("contributor", "preview", task, "--key", "//Bob").err

    taken = cli.good("contributor", "accept-task", task, "--key", "//Bob", "--json").data
    assert (taken["worker"], taken["stake"]) == (BOB, TOKEN)
    made = cli.good("contributor", "run", task, "--key", "//Bob", "--yes")
    assert (Path(made.out.strip()) / "weights.safetensors").is_file()
    sent = cli.good("contributor", "send-task-result", task, "--key", "//Bob", "--json").data
    assert (sent["round"], sent["worker"], sent["status"]) == (1, BOB, "pending-validation")

    checked = cli.good("creator", "fetch-results", task, "--key", "//Alice", "--json").data
    assert [(c["worker"], c["refused"], c["examples"]) for c in checked] == [(BOB, None, 1)]
    cli.good("creator", "validate-task-result", task, 1, BOB, "--accept", "--key", "//Alice")
    assert [r["paid"] for r in cli.good("tasks", "results", task, "--json").data] == [5 * TOKEN]
    assert cli.good("tasks", "show", task, "--json").data["status"] == "completed"
    assert "items removed" in cli.good("creator", "prune-task", task, "--key", "//Alice").err
    assert cli("tasks", "show", task).status == 4


def test_two_rounds_are_federated(cli: CommandLine, post: Post, tmp_path: Path) -> None:
    task = post("--slots", "2", "--rounds", "2")
    for key in ("//Bob", "//Charlie"):
        report = cli.good("contributor", "work", "--task", task, "--once", "--yes", "--key", key)
        assert report.out.count("sent") == 1
    decided = cli.good("creator", "validate-all", task, "--key", "//Alice", "--json").data
    assert [one["verdict"] for one in decided] == ["accept", "accept"]

    copy = tmp_path / "federated.safetensors"
    federated = cli.good(
        "creator", "federate", task, "--round", 1, "--output", copy, "--key", "//Alice", "--json"
    ).data
    assert {part["worker"] for part in federated["used"]} == {BOB, CHARLIE}
    assert copy.read_bytes() == Path(federated["model"]).read_bytes()
    now = cli.good("creator", "start-round", task, "--key", "//Alice", "--json").data
    assert now["round"] == 2
    again = cli.good("contributor", "work", "--task", task, "--once", "--yes", "--json",
                     "--key", "//Bob")  # fmt: skip
    assert ("sent", 2) in [(event["did"], event["round"]) for event in again.lines]


def test_a_rejection_is_disputed_and_the_arbiter_pays_the_worker(
    cli: CommandLine, post: Post
) -> None:
    task = post("--arbiter", EVE)
    deliver(cli, task)
    why = ["--reject", "--reason", "too little"]
    cli.good("creator", "validate-task-result", task, 1, BOB, *why, "--key", "//Alice")
    assert "too little" in cli.good("tasks", "results", task).out
    cli.good("contributor", "dispute-result", task, 1, "--key", "//Bob")
    cli.good("creator", "resolve-dispute", task, 1, BOB, "--for", "worker", "--key", "//Eve")
    (result,) = cli.good("tasks", "results", task, "--json").data
    assert result["paid"] == 5 * TOKEN
    known = cli.good("tasks", "reputation", BOB, "--json").data["reputation"]
    assert known["disputes_won"] == 1


def test_silence_of_the_validator_pays_once_its_time_is_over(
    cli: CommandLine, post: Post, market_chain: DevChain
) -> None:
    task = post("--validate-time", "10")
    deliver(cli, task)
    early = cli("contributor", "claim-result", task, 1, "--key", "//Bob")
    assert (early.status, "TooEarly" in early.err) == (4, True)
    market_chain.new_block(11)
    cli.good("contributor", "claim-result", task, 1, "--key", "//Bob")
    assert cli.good("tasks", "results", task, "--json").data[0]["paid"] == 5 * TOKEN


def test_an_evaluator_validates_what_is_delegated(cli: CommandLine, post: Post) -> None:
    task = post("--policy", EVE)
    deliver(cli, task)
    assert [t["id"] for t in cli.good("evaluator", "list", "--key", "//Eve", "--json").data] == [
        task
    ]
    done = cli.good("evaluator", "work", "--once", "--key", "//Eve", "--json")
    assert ("validated", task) in [(event["did"], event["task"]) for event in done.lines]
    assert cli.good("tasks", "results", task, "--json").data[0]["status"] == "accepted"


def test_a_withdrawn_task_frees_what_is_not_owed(cli: CommandLine, post: Post) -> None:
    held = cli.good("chain", "balance", ALICE, "--json").data["held"]
    task = post("--slots", "3")
    assert cli.good("chain", "balance", ALICE, "--json").data["held"] >= held + 15 * TOKEN
    cli.good("creator", "withdraw-task", task, "--key", "//Alice")
    cli.good("creator", "prune-task", task, "--key", "//Alice")
    assert cli.good("chain", "balance", ALICE, "--json").data["held"] == held


def test_who_gives_up_early_gets_the_stake_back(cli: CommandLine, post: Post) -> None:
    task = post("--stake", "2")
    cli.good("contributor", "accept-task", task, "--key", "//Charlie")
    cli.good("contributor", "release-assignment", task, "--key", "//Charlie")
    assert cli.good("tasks", "show", task, "--json").data["assigned"] == 0


@pytest.mark.parametrize(("rounds", "policy"), [(1, "manual"), (1, "auto-accept"), (2, "manual")])
def test_a_task_that_is_accepted_again_says_what_is_left_to_do(
    cli: CommandLine, post: Post, rounds: int, policy: str
) -> None:
    task = post("--rounds", rounds, "--policy", policy)
    deliver(cli, task)
    again = cli.good("contributor", "accept-task", task, "--key", "//Bob").err
    assert ("nothing is left to do" in again) == (rounds == 1)
    assert ("goes on with the next round" in again) == (rounds == 2)


def test_a_task_that_was_given_up_leaves_nothing_to_do(cli: CommandLine, post: Post) -> None:
    task = post("--rounds", 2)
    cli.good("contributor", "accept-task", task, "--key", "//Bob")
    cli.good("contributor", "release-assignment", task, "--key", "//Bob")
    again = cli.good("contributor", "accept-task", task, "--key", "//Bob")
    assert "nothing is left to do" in again.err


def test_the_same_posting_said_twice_is_one_task(cli: CommandLine, post: Post) -> None:
    assert post("--name", "one") == post("--name", "one")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["tasks", "show", "99999"], 4, "UnknownTask"),
        (["tasks", "show", "18446744073709551616"], 2, "no whole number"),
        (["tasks", "show", "one"], 2, "no whole number"),
        (["tasks", "reputation", "5Nobody"], 4, "no address"),
        (["tasks", "list", "--kind", "digging"], 2, "kinds are contribution"),
        (["creator", "list"], 3, "keys create"),
        (["creator", "list", "--key", "nobody"], 5, "keys create nobody"),
        (["creator", "validate-task-result", "0", "1", BOB, "--key", "//Alice"], 2, "--accept"),
        (
            ["creator", "validate-task-result", "0", "1", BOB, "--reject", "--key", "//Alice"],
            2,
            "--reason",
        ),
        (["creator", "resolve-dispute", "0", "1", BOB, "--for", "me"], 2, "worker or validator"),
        (["creator", "watch", "--once", "--key", "//Alice", "99999"], 4, "UnknownTask"),
        (["contributor", "run", "99999", "--key", "//Bob"], 4, "UnknownTask"),
        (["contributor", "run", "0", "--key", "//Bob", "--data", "/nowhere"], 2, "does not exist"),
        (["contributor", "work", "--once", "--key", "//Bob", "--trust", "5X"], 4, "no address"),
        (["assets", "verify", "bafy"], 6, "content identifier"),
        (["config", "show", "--config", "/nowhere.toml"], 3, "no settings file"),
        (["creator", "new-task", "/proc/nowhere"], 1, "Create it, or name another"),
        (["creator", "new-task", "x", "--template", "poem"], 9, "contribution"),
    ],
)
def test_a_refusal_is_words_and_a_status_and_no_traceback(
    cli: CommandLine, arguments: list[str], status: int, words: str
) -> None:
    refused = cli(*arguments)
    assert (refused.status, refused.out) == (status, ""), refused.err
    assert words in " ".join(refused.err.split())


def test_a_script_of_a_stranger_is_not_run_where_nobody_can_be_asked(
    cli: CommandLine, post: Post
) -> None:
    task = post()
    cli.good("contributor", "accept-task", task, "--key", "//Bob")
    refused = cli("contributor", "run", task, "--key", "//Bob")
    assert (refused.status, "--trust CREATOR" in refused.err) == (9, True)
    assert cli("contributor", "run", task, "--key", "//Bob", "--trust", ALICE).status == 0


@pytest.mark.parametrize("policy", ["nobody", "5Nobody"])
def test_a_policy_that_there_is_not_is_a_wrong_command_line(
    cli: CommandLine, job: Path, policy: str
) -> None:
    refused = cli(
        "creator", "create-task", job, "--kind", "contribution", "--title", "x", "--reward", "1",
        "--policy", policy, "--key", "//Alice",
    )  # fmt: skip
    assert (refused.status, "auto-accept, manual" in refused.err) == (2, True)
