"""`decentralml creator federate`: a whole job by one command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.decentralml.cli.conftest import CommandLine

Post = Callable[..., int]
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CHARLIE = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
DAVE = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"
TOKEN = 10**12


@contextmanager
def working(cli: CommandLine, task: int, *keys: str) -> Iterator[None]:
    """Contributors' daemons, each a process of its own; they must end by themselves."""
    start = "from decentralml.cli.main import main; main()"
    command = [sys.executable, "-c", start, "contributor", "work", "--task", str(task), "--yes"]
    environment = {**os.environ, **cli.environment}
    daemons = [
        subprocess.Popen([*command, "--key", key], env=environment, stderr=subprocess.DEVNULL)
        for key in keys
    ]
    try:
        yield
        for daemon in daemons:
            assert daemon.wait(60) == 0
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()


def test_a_job_of_three_rounds_is_run_by_one_command_beside_its_contributors(
    cli: CommandLine, post: Post, tmp_path: Path
) -> None:
    task = post("--slots", 2, "--rounds", 3)
    picture, output = tmp_path / "curve.png", tmp_path / "model.safetensors"
    with working(cli, task, "//Bob", "//Charlie"):
        done = cli.good(
            "creator", "federate", task, "--curves", picture, "--output", output, "--json",
            "--tensorboard", tmp_path / "board", "--strategy", "fedavgm", "--key", "//Alice",
        )  # fmt: skip
    report = done.lines[-1]["report"]
    assert report["ended"] == "every round is done"
    assert [len(one["used"]) for one in report["rounds"]] == [2, 2, 2]
    assert {w: e["paid"] for w, e in report["earned"].items()} == {
        BOB: 15 * TOKEN,
        CHARLIE: 15 * TOKEN,
    }
    lines = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [(line["task"], line["round"], line["results"]) for line in lines] == [
        (task, 1, 2),
        (task, 2, 2),
        (task, 3, 2),
    ]
    assert lines[0]["claimed"] == {"accuracy": 0.5}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert output.read_bytes() == Path(report["rounds"][-1]["model"]).read_bytes()
    assert list((tmp_path / "board").glob("events.*"))
    started = [e for e in done.lines if e["did"] == "round started"]
    assert [event["round"] for event in started] == [2, 3]
    assert cli.good("tasks", "show", task, "--json").data["status"] == "completed"


def test_a_job_that_is_over_shows_its_rounds_and_payments_again(
    cli: CommandLine, post: Post
) -> None:
    task = post("--slots", 1)
    with working(cli, task, "//Bob"):
        first = cli.good("creator", "federate", task, "--key", "//Alice")
    again = cli.good("creator", "federate", task, "--key", "//Alice")
    assert again.out == first.out
    assert "5FHneW46…HjJM694ty"[:8] in again.out
    assert "the job is over: every round is done" in again.err
    assert "last model: " in again.err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--strategy", "no-such"], "no-such"),
        (["--strategy-option", "momentum=0.5"], "momentum"),
        (["--patience", "2"], "nothing measures the models"),
        (["--fraction", "0"], "fraction"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_anything_is_done(
    cli: CommandLine, post: Post, options: list[str], why: str
) -> None:
    refused = cli("creator", "federate", post(), *options, "--key", "//Alice")
    assert refused.status != 0
    assert why in refused.err
    assert "Traceback" not in refused.err


def test_somebody_elses_job_is_not_run(cli: CommandLine, post: Post) -> None:
    refused = cli("creator", "federate", post(), "--key", "//Bob")
    assert refused.status != 0
    assert "another account's" in refused.err


def test_the_strategys_settings_are_published_from_the_first_round_on(
    cli: CommandLine, post: Post
) -> None:
    task = post("--strategy", "fedprox", "--strategy-option", "mu=0.5")
    cli.good("contributor", "accept-task", task, "--key", "//Bob")
    (settings,) = Path(cli.environment["DECENTRALML_WORKSPACE"]).glob(
        f"*/{BOB}/tasks/{task}/round-1/model/round.json"
    )
    assert json.loads(settings.read_text()) == {"settings": {"mu": 0.5}, "strategy": "fedprox"}


def test_a_machine_works_for_an_account_with_a_key_that_cannot_move_its_money(
    cli: CommandLine, post: Post
) -> None:
    cli.good("keys", "appoint", CHARLIE, "--key", "//Dave")
    task = post("--policy", "auto-accept")
    in_name = ["--key", "//Charlie", "--in-name-of", DAVE]
    done = cli.good(
        "contributor", "work", "--task", task, "--once", "--yes", "--json", *in_name
    ).lines
    assert "sent" in [event["did"] for event in done]
    (result,) = cli.good("tasks", "results", task, "--json").data
    assert (result["worker"], result["paid"]) == (DAVE, 5 * TOKEN)

    dismissed = cli.good("keys", "dismiss", CHARLIE, "--key", "//Dave", "--json").data
    assert dismissed["outcome"] == "dismissed"
    refused = cli("contributor", "accept-task", post(), *in_name)
    assert refused.status != 0
    assert "may not make this call" in refused.err


def test_an_account_that_is_none_is_refused_before_anything_is_signed(cli: CommandLine) -> None:
    refused = cli("contributor", "assignments", "--key", "//Bob", "--in-name-of", "5No")
    assert refused.status != 0
    assert "5No" in refused.err
