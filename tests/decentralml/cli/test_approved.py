"""Outputs that a person approved; any change of words or widths shows as a difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from decentralml.cli.main import GROUPS, app
from tests.decentralml.cli.conftest import CommandLine

Approve = Callable[[str, str], None]
Post = Callable[..., int]
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"


def commands_of(group: str) -> list[str]:
    command = typer.main.get_command(app).get_command(None, group)  # type: ignore[attr-defined]
    return list(getattr(command, "commands", {}))


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_and_its_commands(
    alone: CommandLine, approve: Approve, group: str
) -> None:
    shown = [alone.good(group, "--help").out]
    shown += [alone.good(group, command, "--help").out for command in commands_of(group)]
    assert max(len(line) for text in shown for line in text.splitlines()) <= 80
    approve(f"help-{group}", "\n".join(shown).replace(alone.environment["HOME"], "HOME"))


def test_the_help_of_all(alone: CommandLine, approve: Approve) -> None:
    approve("help", alone.good("--help").out)


def test_what_is_shown_from_posting_to_pay(
    cli: CommandLine, post: Post, approve: Approve, tmp_path: Path
) -> None:
    said: list[str] = []

    def say(*arguments: object) -> None:
        done = cli(*arguments)
        typed = " ".join(map(str, arguments))
        said.append(f"$ decentralml {typed}\n{done.out}{done.err}[{done.status}]\n")

    say("tasks", "list")
    task = post("--stake", "1", "--title", "Digits: train on [red]yours[/red]\x1b[31m")
    say("tasks", "list")
    say("tasks", "show", task)
    say("contributor", "send-task-result", task, "--key", "//Bob")
    say("contributor", "accept-task", task, "--key", "//Bob")
    say("contributor", "run", task, "--key", "//Bob")
    say("contributor", "run", task, "--key", "//Bob", "--yes")
    say("contributor", "send-task-result", task, "--key", "//Bob")
    say("contributor", "assignments", "--key", "//Bob")
    say("creator", "fetch-results", task, "--key", "//Alice")
    say("creator", "validate-task-result", task, 1, BOB, "--key", "//Alice")
    say("creator", "validate-all", task, "--key", "//Alice")
    say("tasks", "results", task)
    say("creator", "federate", task, "--round", 1, "--key", "//Alice")
    say("creator", "federate", task, "--key", "//Alice")
    say("creator", "prune-task", task, "--key", "//Bob")
    say("chain", "transfer", BOB, "1,5", "--key", "//Alice")
    approve("story", "\n".join(said).replace(str(tmp_path), "TMP"))


def test_the_settings_and_where_each_came_from(alone: CommandLine, approve: Approve) -> None:
    shown = alone.good("config", "show", "--key", "alice").out
    approve("config-show", shown.replace(alone.environment["HOME"], "HOME"))
