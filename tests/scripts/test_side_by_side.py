"""Parts side by side: real processes, which tell each other by files that they have come so far."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE = 60


def script(name: str) -> ModuleType:
    """A script as a module; scripts are no package."""
    specification = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


side_by_side = script("side_by_side")
check_all = script("check_all")
Part = side_by_side.Part


def shell(name: str, text: str, **options: Any) -> Any:
    return Part(name, ("sh", "-eu", "-c", text), **options)


def run(
    *parts: Any, cores: int = 2, seconds: float = PATIENCE, news: float = 300.0, **how: Any
) -> Any:
    """Whether all passed, and what was said."""
    said: list[str] = []
    runner = side_by_side.SideBySide(
        parts, cores=cores, seconds=seconds, say=said.append, news_every=news
    )
    return runner.run(**how), "\n".join(said)


def meet(folder: Path, me: str, other: str) -> str:
    """Ends only when both parts run at the same time."""
    return f"touch {folder}/{me}; until [ -e {folder}/{other} ]; do sleep 0.01; done"


def test_going_on_runs_what_does_not_wait_for_the_failure_and_shows_each_failure_last(
    tmp_path: Path,
) -> None:
    passed, said = run(
        shell("broken", "echo why; exit 3"),
        shell("after it", f"touch {tmp_path}/after", after=("broken",)),
        shell("beside it", f"touch {tmp_path}/beside; echo fine"),
        shell("broken too", "echo and why; exit 4", after=("beside it",)),
        cores=1,
        keep_going=True,
    )
    assert not passed
    assert ((tmp_path / "after").exists(), (tmp_path / "beside").exists()) == (False, True)
    assert said.index("fine") < said.index("why\n") < said.index("and why\n")
    assert "=== not run: after it\n" in said


def names(parts: list[Any]) -> list[str]:
    return [part.name for part in parts]


def test_each_part_says_what_it_cost_the_processor() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    passed, said = run(Part("busy", (sys.executable, "-c", busy)), shell("idle", "sleep 0.3"))
    assert passed
    shares = re.findall(r"by the clock, ([0-9.]+) \+ ([0-9.]+) s of CPU", said)
    seconds = [float(own) + float(kernels) for own, kernels in shares]
    assert min(seconds) < 0.1
    assert max(seconds) >= 0.25


def test_two_parts_run_at_the_same_time_when_there_are_cores_for_both(tmp_path: Path) -> None:
    passed, _ = run(
        shell("one", meet(tmp_path, "one", "two")), shell("two", meet(tmp_path, "two", "one"))
    )
    assert passed


def test_what_needs_no_core_runs_beside_what_takes_all(tmp_path: Path) -> None:
    passed, _ = run(
        shell("all", meet(tmp_path, "all", "none"), cores=2),
        shell("none", meet(tmp_path, "none", "all"), cores=0),
    )
    assert passed


def test_no_more_start_than_there_are_cores() -> None:
    waiting = [Part("a", ()), Part("b", (), cores=2), Part("c", ()), Part("d", ())]
    assert names(side_by_side.next_parts(waiting, set(), 2)) == ["a", "c"]
    assert names(side_by_side.next_parts(waiting, set(), 1)) == ["a"]
    assert names(side_by_side.next_parts(waiting, set(), 0)) == []


def test_a_part_starts_once_all_that_it_waits_for_passed() -> None:
    waiting = [Part("b", (), after=("a", "c"))]
    assert names(side_by_side.next_parts(waiting, {"a"}, 2)) == []
    assert names(side_by_side.next_parts(waiting, {"a", "c"}, 2)) == ["b"]


def test_a_part_that_wants_more_cores_than_there_are_gets_all_of_them() -> None:
    passed, said = run(shell("wide", "echo done", cores=8), cores=1)
    assert passed
    assert "done" in said


def test_what_a_part_prints_is_shown_in_one_piece() -> None:
    chatter = "for line in 1 2 3; do echo {0} $line; sleep 0.01; done"
    _, said = run(shell("one", chatter.format("one")), shell("two", chatter.format("two")))
    assert "one 1\none 2\none 3\n" in said
    assert "two 1\ntwo 2\ntwo 3\n" in said


def test_a_failure_ends_the_others_and_its_log_comes_last(tmp_path: Path) -> None:
    passed, said = run(
        shell("endless", f"echo $$ > {tmp_path}/pid; echo on my way; sleep 600"),
        shell("broken", f"until [ -s {tmp_path}/pid ]; do sleep 0.01; done; echo why; exit 3"),
        shell("later", f"touch {tmp_path}/started", after=("broken",)),
    )
    assert not passed
    assert said.index("on my way") < said.index("why") < said.index("=== FAILED: broken, exit")
    assert not (tmp_path / "started").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_processes_that_an_ended_part_started_end_with_it(tmp_path: Path) -> None:
    passed, _ = run(
        shell("parent", f"sleep 600 & echo $! > {tmp_path}/child; wait"),
        shell("broken", f"until [ -s {tmp_path}/child ]; do sleep 0.01; done; exit 1"),
    )
    assert not passed
    child, until = int((tmp_path / "child").read_text()), time.monotonic() + PATIENCE
    while not is_over(child):  # killed is told at once, carried out when the kernel comes to it
        assert time.monotonic() < until


def is_over(pid: int) -> bool:
    """Whether a process ended; a dead one may wait for somebody to ask how."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_when_time_is_over_the_end_of_each_log_is_shown() -> None:
    passed, said = run(shell("slow", "echo half way; exec sleep 600"), seconds=0.5)
    assert not passed
    assert "half way" in said
    assert "not done in" in said


def test_a_long_silence_is_filled_by_what_is_running(tmp_path: Path) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("=== running: quiet"):
            (tmp_path / "go").touch()

    quiet = shell("quiet", f"until [ -e {tmp_path}/go ]; do sleep 0.01; done")
    runner = side_by_side.SideBySide([quiet], cores=1, seconds=PATIENCE, say=say, news_every=0.05)
    assert runner.run()


def test_waiting_for_a_part_that_is_not_before_is_refused() -> None:
    with pytest.raises(ValueError, match="missing"):
        run(shell("one", "true", after=("missing",)))
    with pytest.raises(ValueError, match="two"):
        run(shell("one", "true", after=("two",)), shell("two", "true"))


@pytest.mark.skipif(
    not os.access("/proc/self/autogroup", os.W_OK), reason="sessions are no groups, or not ours"
)
def test_the_group_that_a_part_is_scheduled_in_is_as_nice_as_the_part() -> None:
    _, said = run(shell("compile", "cat /proc/self/autogroup", nice=5))
    assert re.search(r"autogroup-\d+ nice 5$", said, re.MULTILINE)


def test_a_part_runs_as_nice_as_it_says() -> None:
    _, said = run(shell("compile", "nice", nice=5))
    assert f"\n{min(os.nice(0) + 5, 19)}\n" in said


def test_a_choice_brings_what_it_waits_for() -> None:
    assert names(check_all.with_what_they_wait_for(["test-ipfs"])) == [
        "node",
        "setup",
        "kubo",
        "cloud-environment",
        "test-ipfs",
    ]


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        check_all.main(["test-everything"])
    assert "no part 'test-everything'" in capsys.readouterr().err


def test_every_script_that_a_part_runs_is_there() -> None:
    scripts = {word for part in check_all.PARTS for word in part.command if word.endswith(".sh")}
    assert scripts
    assert [name for name in scripts if not (SCRIPTS.parent / name).is_file()] == []


def test_every_target_of_make_that_tests_is_a_part() -> None:
    makefile = (SCRIPTS.parent / "Makefile").read_text()
    targets = {line.split(":")[0] for line in makefile.splitlines() if line.startswith("test")}
    assert targets <= set(names(check_all.PARTS))


def test_a_termination_ends_what_runs(tmp_path: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
from side_by_side import Part, SideBySide, stop_on_signals
stop_on_signals()
write = "echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 600"
endless = Part("endless", ("sh", "-c", write))
SideBySide([endless], cores=1, seconds=600).run()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as runner:
        while not (tmp_path / "pid").exists():
            assert runner.poll() is None
            threading.Event().wait(0.01)
        runner.terminate()
        assert runner.wait(PATIENCE) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
