"""When the watch measures; what it measures is shown by the tasks that it stops."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decentralml.runner import Limits, watch
from decentralml.runner.watch import Watch


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The clock and the machine's number of tasks, to be set."""
    state = {"now": 100.0, "tasks": 1000.0}
    monkeypatch.setattr(watch.time, "monotonic", lambda: state["now"])
    monkeypatch.setattr(watch, "_tasks_of_the_machine", lambda: int(state["tasks"]))
    return state


def test_it_measures_when_the_interval_is_over(machine: dict[str, float], tmp_path: Path) -> None:
    measuring = Watch(os.getpid(), [tmp_path], Limits())

    machine["now"] += watch.INTERVAL / 2
    assert not measuring.due()
    machine["now"] += watch.INTERVAL
    assert measuring.due()


def test_it_measures_at_once_when_tasks_multiply_by_more_than_the_limit(
    machine: dict[str, float], tmp_path: Path
) -> None:
    measuring = Watch(os.getpid(), [tmp_path], Limits(tasks=64))

    machine["tasks"] += 64
    assert not measuring.due()
    machine["tasks"] += 1
    assert measuring.due()


def test_others_tasks_make_it_measure_once_and_not_all_the_time(
    machine: dict[str, float], tmp_path: Path
) -> None:
    measuring = Watch(os.getpid(), [tmp_path], Limits(tasks=64, wall_seconds=10**6))
    machine["tasks"] += 5000

    assert measuring.due()
    assert measuring.exceeded() is None
    assert not measuring.due()


def test_a_system_that_does_not_tell_its_tasks_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "Path", lambda name: Path("/no/such/file"))

    assert watch._tasks_of_the_machine() == 0


def test_a_task_that_ended_is_past_no_limit(tmp_path: Path) -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    measuring = Watch(child, [tmp_path], Limits())
    os.waitpid(child, 0)

    assert measuring.exceeded() is None


def test_time_passes_its_limit_only_after_it(machine: dict[str, float], tmp_path: Path) -> None:
    measuring = Watch(os.getpid(), [tmp_path], Limits(wall_seconds=60))

    machine["now"] += 60
    assert measuring.exceeded() is None
    machine["now"] += 0.1
    assert measuring.exceeded() == ("time", "60 s")
