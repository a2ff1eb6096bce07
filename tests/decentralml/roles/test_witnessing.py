"""How a script ended is known even when the role that started it was killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from decentralml.errors import TaskFailed, TaskLimitExceeded
from decentralml.roles.witnessing import Witnessed, ended_well
from decentralml.runner import Limits, TaskRun, TrustedRunner, find_sandbox, run_task
from decentralml.types import Round, TaskId
from tests.decentralml.roles.town import Town, an_offer

# A role of its own process: runs the task folder and prints when it has.
ROLE = """
import sys
from pathlib import Path
from decentralml.roles.witnessing import Witnessed
from decentralml.runner import Limits, TaskRun, TrustedRunner, find_sandbox, run_task
folder, sandbox = Path(sys.argv[1]), sys.argv[2]
room = TrustedRunner() if sandbox == "none" else find_sandbox().require()
run = TaskRun(folder / "task", folder / "data", folder / "run", None, 1, "me")
run_task(run, Limits(), Witnessed(room, folder / "ended"), lambda line: print(line, flush=True))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "task").mkdir()
    (tmp_path / "data").mkdir()
    return tmp_path


def script(folder: Path, text: str) -> None:
    (folder / "task" / "start_task.sh").write_text("set -eu\n" + text)


def run(folder: Path) -> None:
    task = TaskRun(folder / "task", folder / "data", folder / "run", None, 1, "me")
    run_task(task, Limits(), Witnessed(TrustedRunner(), folder / "ended"))


GOOD = """echo '{"examples": 1}' > "$RESULT_DIR/result.json"\n"""


def test_a_script_that_ends_well_is_recorded(folder: Path) -> None:
    script(folder, GOOD)
    assert not ended_well(folder / "ended")
    run(folder)
    assert ended_well(folder / "ended")


@pytest.mark.parametrize("end", ["exit 3\n", "kill -9 $$\n"])
def test_a_script_that_ends_badly_is_not_taken_for_a_good_one(folder: Path, end: str) -> None:
    script(folder, GOOD + end)
    with pytest.raises(TaskFailed):
        run(folder)
    assert not ended_well(folder / "ended")


def test_a_witness_shows_what_its_sandbox_is() -> None:
    witnessed = Witnessed(TrustedRunner(), Path("ended"))
    assert (witnessed.name, witnessed.isolated) == ("none", False)


def start_role(folder: Path, sandbox: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ROLE, str(folder), sandbox], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("sandbox", ["none", "bubblewrap"])
def test_a_killed_roles_script_is_stopped_and_not_recorded(folder: Path, sandbox: str) -> None:
    if sandbox != "none" and find_sandbox().sandbox is None:
        pytest.skip("bubblewrap does not work here")
    script(folder, 'echo begun\nsleep 60\ntouch "$RESULT_DIR/went-on"\n' + GOOD)
    role = start_role(folder, sandbox)
    assert role.stdout is not None
    with role.stdout:
        assert role.stdout.readline() == "begun\n"
        os.kill(role.pid, signal.SIGKILL)
        role.wait(30)
    assert not ended_well(folder / "ended")  # waits until the script is gone
    assert not (folder / "run" / "went-on").exists()


def is_running(process: psutil.Process) -> bool:
    """Whether it can still do anything: one that only waits to be reaped by its parent cannot."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("sandbox", ["none", "bubblewrap"])
def test_a_script_stopped_at_a_limit_is_gone_and_not_recorded(folder: Path, sandbox: str) -> None:
    report = find_sandbox()
    if sandbox != "none" and report.sandbox is None:
        pytest.skip("bubblewrap does not work here")
    room = TrustedRunner() if sandbox == "none" else report.require()
    script(folder, 'sleep 2\ntouch "$RESULT_DIR/went-on"\n' + GOOD)
    task = TaskRun(folder / "task", folder / "data", folder / "run", None, 1, "me")
    with pytest.raises(TaskLimitExceeded):
        run_task(task, Limits(wall_seconds=0.3), Witnessed(room, folder / "ended"))
    assert not ended_well(folder / "ended")
    left = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in str(p.info)]
    _, there = psutil.wait_procs(left, timeout=5)  # the kernel may be clearing up
    assert not any(is_running(process) for process in there)
    assert not (folder / "run" / "went-on").exists()


@pytest.mark.timeout(180)
def test_a_role_killed_around_the_scripts_end_leaves_no_doubt(folder: Path) -> None:
    """Whichever is first, the record says ended only for a script that did all of its work."""
    script(folder, "echo begun\n" + GOOD + 'touch "$RESULT_DIR/all"\n')
    for _ in range(10):
        for left in (folder / "run").glob("*"):
            left.unlink()
        (folder / "ended").unlink(missing_ok=True)
        role = start_role(folder, "none")
        assert role.stdout is not None
        with role.stdout:
            role.stdout.readline()
            os.kill(role.pid, signal.SIGKILL)
            role.wait(30)
        if ended_well(folder / "ended"):
            assert (folder / "run" / "all").exists()


class Killed(BaseException):
    """The role ends here."""


@pytest.fixture
def interrupted(town: Town) -> TaskId:
    """A task whose script ended well, and whose role was killed before it could look."""
    task = (
        town.creator("Alice").create_task(town.bundle(), an_offer(), model=town.base_model()).task
    )

    def checkpoint(name: str) -> None:
        if name.endswith(":returned"):
            raise Killed

    bob = town.contributor("Bob", checkpoint=checkpoint)
    bob.accept_task(task)
    with pytest.raises(Killed):
        bob.run(task)
    return task


def test_a_script_that_ended_while_its_role_was_killed_is_not_run_again(
    town: Town, interrupted: TaskId
) -> None:
    result = town.contributor("Bob").run(interrupted)
    assert (result / "weights.safetensors").is_file()
    assert town.runs("Bob") == 1


def test_a_result_found_after_a_kill_is_judged_as_any_other(
    town: Town, interrupted: TaskId
) -> None:
    bob = town.contributor("Bob")
    (bob.workspace.round(interrupted, Round(1)).run / "result.json").unlink()
    with pytest.raises(TaskFailed, match=r"left no result\.json"):
        bob.run(interrupted)
    assert bob.progress(bob.show(interrupted)).failures == 1
    assert (bob.run(interrupted) / "result.json").is_file()
    assert town.runs("Bob") == 2
