"""A task that means well: what it gets, leaves, and how it fails. In the sandbox and without."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decentralml.errors import RunnerError, TaskFailed
from decentralml.runner import BubblewrapSandbox, TrustedRunner

GOOD = """
set -e
echo '{"examples": 5}' > "$RESULT_DIR/result.json"
"""


@pytest.fixture(params=["bubblewrap", "trusted"])
def job(
    request: pytest.FixtureRequest, make_job: Callable[[Any], Any]
) -> Any:  # the same story either way
    if request.param == "trusted":
        return make_job(TrustedRunner())
    sandbox: BubblewrapSandbox = request.getfixturevalue("bubblewrap")
    return make_job(sandbox)


def test_a_good_task_leaves_its_result_and_its_log(job: Any) -> None:
    outcome = job.script("echo training\n" + GOOD).start()

    assert outcome.exit_code == 0
    assert outcome.result == {"examples": 5}
    assert (outcome.result_dir / "result.json").is_file()
    assert outcome.log_path == job.run.result_dir.parent / "log"
    assert outcome.log_path.read_text() == "training\n"
    assert job.lines == ["training"]
    assert 0 < outcome.seconds < 60


def test_the_script_finds_its_folders_and_facts_in_the_environment(job: Any) -> None:
    job.script(
        GOOD
        + """
        test -f "$TASK_DIR/start_task.sh"; test "$(pwd)" = "$TASK_DIR"
        cat "$DATA_DIR/digits.csv" "$MODEL_PATH" > "$RESULT_DIR/seen"
        echo "$ROUND $CONTRIBUTOR_ID ${MODEL_PATH##*/} $EXTRA"
        """
    )
    object.__setattr__(job.run, "env", {"EXTRA": "more", "ROUND": "99"})

    outcome = job.start()

    assert job.lines == ["2 5Grw model.keras more"]
    assert (outcome.result_dir / "seen").read_text() == "5,0,4\nweights"


def test_the_script_finds_what_the_strategy_tells_and_keeps_what_it_needs_next_round(
    job: Any,
) -> None:
    (job.run.state_dir / "before").write_text("kept ")
    job.script(
        GOOD
        + """
        cat "$STATE_DIR/before" "$ROUND_SETTINGS" "$STRATEGY_PATH" > "$RESULT_DIR/seen"
        echo more > "$STATE_DIR/after"
        """
    )

    outcome = job.start()

    assert (outcome.result_dir / "seen").read_text() == 'kept {"mu": 1}\ncontrol'
    assert (job.run.state_dir / "after").read_text() == "more\n"


def test_a_task_without_data_and_model_has_neither_variable(job: Any) -> None:
    for name in ("data_dir", "model_path"):
        object.__setattr__(job.run, name, None)

    job.script(GOOD + 'echo "${DATA_DIR-none} ${MODEL_PATH-none}"').start()

    assert job.lines == ["none none"]


def test_python_on_the_path_is_ours_with_its_packages(job: Any, python: str) -> None:
    job.script(
        GOOD
        + "for name in python python3; do $name -c 'import numpy, sys; print(sys.executable)'; done"
    ).start()

    assert [Path(line).resolve() for line in job.lines] == [Path(python).resolve()] * 2


def test_nothing_else_of_the_persons_environment_is_seen(
    job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")

    job.script(GOOD + "env | sort").start()

    seen = {line.partition("=")[0] for line in job.lines}
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert "OMP_NUM_THREADS=3" in job.lines
    assert not any("hunter2" in line for line in job.lines)
    known = set(os.environ) & seen
    assert known <= {
        "PATH",
        "HOME",
        "LANG",
        "PWD",
        "USER",
        "LOGNAME",
        "OMP_NUM_THREADS",
        "TMPDIR",
    } | {name for name in known if name.startswith(("PYTHON", "TF_", "KERAS"))}


def test_a_failing_script_is_an_error_with_the_end_of_its_log(job: Any) -> None:
    job.script("for i in 1 2 3; do echo line $i; done; echo no data >&2; exit 3")

    with pytest.raises(TaskFailed) as failed:
        job.start()

    assert failed.value.exit_code == 3
    assert failed.value.log_end == "line 1\nline 2\nline 3\nno data"


def test_a_folder_without_the_script_is_an_error(job: Any) -> None:
    with pytest.raises(TaskFailed, match=r"no start_task\.sh"):
        job.start()


def test_a_result_folder_that_is_not_empty_is_refused_untouched(job: Any) -> None:
    job.run.result_dir.mkdir()
    (job.run.result_dir / "mine").touch()

    with pytest.raises(RunnerError, match="not empty"):
        job.script(GOOD).start()

    assert [path.name for path in job.run.result_dir.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("leaves", "why"),
    [
        ("true", "left no result.json"),
        ("mkdir $RESULT_DIR/result.json", "is no file"),
        ("echo '{' > $RESULT_DIR/result.json", "no JSON"),
        ("echo '[1]' > $RESULT_DIR/result.json", "no JSON object"),
        ("echo '{\"loss\": NaN}' > $RESULT_DIR/result.json", "no JSON"),
        ("head -c 2000000 /dev/zero > $RESULT_DIR/result.json", "longer than"),
        ("yes [ | head -c 500000 | tr -d '\\n' > $RESULT_DIR/result.json", "no JSON"),
        ("ln -s /etc/passwd $RESULT_DIR/result.json", "has a link"),
        (GOOD + "ln -s nowhere $RESULT_DIR/model.keras", "has a link"),
        (GOOD + "mkdir $RESULT_DIR/a; ln -s / $RESULT_DIR/a/root", "has a link"),
        (GOOD + "mkfifo $RESULT_DIR/pipe", "special file"),
        ("mkfifo $RESULT_DIR/result.json", "special file"),
    ],
)
def test_a_result_that_cannot_be_used_is_an_error(job: Any, leaves: str, why: str) -> None:
    with pytest.raises(TaskFailed, match=why) as failed:
        job.script(leaves).start()

    assert failed.value.exit_code == 0


def test_odd_permissions_in_a_result_become_ordinary(job: Any) -> None:
    outcome = job.script(
        GOOD + "cd $RESULT_DIR; mkdir d; echo x > d/f; chmod 6777 result.json; chmod 0 d/f ."
    ).start()

    assert outcome.result_dir.stat().st_mode & 0o7777 == 0o755
    assert (outcome.result_dir / "result.json").stat().st_mode & 0o7777 == 0o644
    assert (outcome.result_dir / "d" / "f").stat().st_mode & 0o7777 == 0o644


def test_a_result_larger_than_allowed_is_an_error_also_when_it_came_at_the_end(job: Any) -> None:
    with pytest.raises(TaskFailed, match="larger than allowed"):
        job.script(GOOD + "touch $RESULT_DIR/1 $RESULT_DIR/2").within(files=2).start()


def test_what_runs_on_in_the_background_ends_with_the_script(job: Any) -> None:
    outcome = job.script(GOOD + "sleep 600 &").start()

    assert outcome.seconds < 60


def test_output_that_is_closed_early_does_not_end_the_run(job: Any) -> None:
    outcome = job.script("exec >&- 2>&-; sleep 0.3\n" + GOOD).start()

    assert outcome.result == {"examples": 5}


def test_nothing_is_left_beside_the_result_and_the_log_not_even_of_a_killed_run(job: Any) -> None:
    scratch = job.run.log.parent / ".log-scratch"  # as a run that was killed leaves it
    (scratch / "bin").mkdir(parents=True)
    (scratch / "bin" / "python").symlink_to("/nowhere")
    before = {path.name for path in job.run.log.parent.iterdir()}

    job.script(GOOD).start()

    after = {path.name for path in job.run.log.parent.iterdir()}
    assert after == before - {".log-scratch"} | {"log", "result"}


def test_input_is_empty(job: Any) -> None:
    job.script(GOOD + "cat; echo end").start()

    assert job.lines == ["end"]
