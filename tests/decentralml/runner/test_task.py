"""A person is shown what a script may touch before it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from decentralml.runner import Limits, TaskRun, describe
from decentralml.runner.limits import readable

RUN = TaskRun(Path("/t"), Path("/mine"), Path("/r"), Path("/m.keras"), 1, "me")
LIMITS = Limits(
    wall_seconds=90, cpu_seconds=180, memory_bytes=1 << 30, disk_bytes=5 << 20, tasks=64
)


def test_in_a_sandbox_it_reads_what_is_given_and_writes_its_result() -> None:
    assert str(describe(RUN, LIMITS, isolated=True)).splitlines() == [
        "Runs /t/start_task.sh in a sandbox.",
        "  reads    /t, /mine, /m.keras, this machine's programs and Python packages",
        "  writes   /r",
        "  network  none",
        "  at most  90 s, 180 s of CPU, 1 GiB of memory, 5 MiB of results, "
        "64 processes and threads",
    ]


def test_what_a_strategy_tells_is_read_and_what_the_script_keeps_is_written() -> None:
    run = replace(
        RUN, settings_path=Path("/s.json"), strategy_path=Path("/c.bin"), state_dir=Path("/state")
    )
    shown = str(describe(run, LIMITS, isolated=True)).splitlines()
    assert "/t, /mine, /m.keras, /s.json, /c.bin, this machine's" in shown[1]
    assert shown[2] == "  writes   /r, /state"


def test_without_a_sandbox_it_can_do_all_that_the_person_can() -> None:
    shown = str(describe(RUN, LIMITS, isolated=False)).splitlines()

    assert "WITHOUT a sandbox, with all your rights" in shown[0]
    assert "all that you can read" in shown[1]
    assert "all that you can" in shown[2]
    assert shown[3] == "  network  as you have"


@pytest.mark.parametrize(
    ("count", "unit", "shown"),
    [
        (1023, "bytes", "1023 bytes"),
        (1024, "bytes", "1 KiB"),
        (1536 << 20, "bytes", "1.5 GiB"),
        (3 << 50, "bytes", "3072 TiB"),
        (3600, "s", "3,600 s"),
        (0.5, "s", "0.5 s"),
    ],
)
def test_a_limit_is_shown_in_words(count: float, unit: str, shown: str) -> None:
    assert readable(count, unit) == shown
