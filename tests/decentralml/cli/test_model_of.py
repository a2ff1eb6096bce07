"""`create-task --model-of`: an engineer's accepted model is posted to contributors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.decentralml.cli.conftest import CommandLine

BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
Post = Callable[..., int]


def contribution(cli: CommandLine, job: Path, model_of: object, key: str) -> int:
    command = ["creator", "create-task", job, "--kind", "contribution", "--title", "go on"]
    terms = ["--reward", "1", "--policy", "auto-accept", "--model-of", model_of, "--json"]
    return int(cli.good(*command, *terms, "--key", key).data["task"])


def test_an_engineer_goes_on_as_creator_with_the_model_that_was_accepted(
    cli: CommandLine, post: Post, job: Path
) -> None:
    asked = post("--kind", "engineering")
    cli.good("engineer", "work", "--task", asked, "--once", "--yes", "--key", "//Bob")
    again = cli(
        "creator", "create-task", job, "--kind", "contribution", "--title", "go on",
        "--reward", "1", "--model-of", asked, "--key", "//Bob",
    )  # fmt: skip
    assert again.status == 9
    assert "wait until it is accepted" in again.err
    cli.good("creator", "validate-all", asked, "--key", "//Alice")

    by_engineer = contribution(cli, job, asked, "//Bob")
    by_creator = contribution(cli, job, f"{asked}/1/{BOB}", "//Alice")
    first, second = (cli.good("tasks", "show", t, "--json").data for t in (by_engineer, by_creator))
    assert first["model"] == second["model"] is not None
    assert first["creator"] == BOB
    cli.good("contributor", "work", "--task", by_engineer, "--once", "--yes", "--key", "//Charlie")
    report = cli.good("creator", "federate", by_engineer, "--round", 1, "--key", "//Bob", "--json")
    assert len(report.data["used"]) == 1


@pytest.mark.parametrize("text", ["x", "3/1", "3/0/5F", "3/1/a/b", "-1"])
def test_a_result_that_is_no_such_name_is_a_wrong_command_line(
    alone: CommandLine, job: Path, text: str
) -> None:
    done = alone(
        "creator", "create-task", job, "--kind", "contribution", "--title", "x",
        "--reward", "1", f"--model-of={text}", "--key", "//Bob",
    )  # fmt: skip
    assert done.status == 2, done.err
