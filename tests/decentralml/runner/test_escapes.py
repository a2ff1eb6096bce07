"""A hostile task in the real sandbox: each escape is tried, and fails."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decentralml.errors import TaskFailed, TaskLimitExceeded

DONE = """
import json, os
with open(os.environ["RESULT_DIR"] + "/result.json", "w") as file:
    json.dump(seen, file)
"""


def ask(job: Any, code: str) -> dict[str, Any]:
    """What Python code inside finds out, as its dictionary ``seen``."""
    result: dict[str, Any] = job.python(code + DONE).start().result
    return result


def test_files_of_the_person_are_not_there(job: Any, tmp_path: Path) -> None:
    secret = tmp_path / "wallet.json"
    secret.write_text("secret")
    tried = [str(secret), str(Path.home() / ".ssh"), str(Path.home() / ".bashrc"), "/etc/shadow"]
    tried += [str(Path.cwd() / "README.md"), "/proc/1/root" + str(secret), "/sys", "/var", "/home"]

    seen = ask(job, f"import os; seen = {{p: os.path.exists(p) for p in {tried}}}")

    assert seen == dict.fromkeys(tried, False)


def test_bundle_data_model_and_system_cannot_be_written(job: Any) -> None:
    tried = ["/task/start_task.sh", "/task/new", "/data/digits.csv", "/data/new", os.devnull + "x"]
    tried += ["/round/round.json", "/round/strategy.safetensors", "/round/new", "/new/state"]
    tried += ["/model/model.keras", "/model/new", "/usr/bin/new", sys.prefix + "/new", "/new"]
    tried += ["/etc/new", "/dev/new", "/run/new", sys.prefix + "/lib"]

    seen = ask(
        job,
        f"""
import os
seen = {{}}
for path in {tried}:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT)); seen[path] = "written"
    except OSError as error:
        seen[path] = type(error).__name__
""",
    )

    assert "written" not in seen.values(), seen
    assert (job.run.data_dir / "digits.csv").read_text() == "5,0,4\n"


def test_what_is_kept_for_the_next_round_counts_as_disk_while_it_is_written(job: Any) -> None:
    job.within(disk_bytes=4 << 20).python(
        """
import os, time
for folder in ("STATE_DIR", "RESULT_DIR"):
    with open(os.environ[folder] + "/half", "wb") as file:
        file.write(b"x" * (3 << 20)); file.flush(); os.fsync(file.fileno())
time.sleep(60)
"""
    )
    with pytest.raises(TaskLimitExceeded) as stopped:
        job.start()
    assert stopped.value.which == "disk"


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        ("os.symlink('/etc/passwd', state + '/link')", "its state has a link"),
        ("os.mkfifo(state + '/pipe')", "its state has a special file"),
        ("[open(f'{state}/{n}', 'w').close() for n in range(200)]", "its state is larger"),
    ],
)
def test_what_is_kept_for_the_next_round_is_judged_as_the_result_is(
    job: Any, leave: str, why: str
) -> None:
    job.limits = replace(job.limits, files=100)
    with pytest.raises((TaskFailed, TaskLimitExceeded)) as refused:
        ask(job, f"import os; state = os.environ['STATE_DIR']; {leave}; seen = {{}}")
    assert why in str(refused.value) or "files in the result" in str(refused.value)


def test_modes_that_a_script_sets_on_what_it_keeps_do_not_bind_the_person(job: Any) -> None:
    ask(
        job,
        """
import os
folder = os.environ["STATE_DIR"] + "/deep"
os.mkdir(folder); open(folder + "/note", "w").close()
os.chmod(folder + "/note", 0); os.chmod(folder, 0); os.chmod(os.environ["STATE_DIR"], 0)
seen = {}
""",
    )
    assert os.access(job.run.state_dir / "deep" / "note", os.R_OK)
    assert (job.run.state_dir / "deep").stat().st_mode & 0o700 == 0o700


def test_nothing_in_the_whole_tree_can_be_written_but_what_is_said(job: Any) -> None:
    seen = ask(
        job,
        """
import os
mine = ("/result", "/state", "/tmp", "/dev/shm", "/dev/pts")
places = set()
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if not os.path.join(folder, name).startswith(mine)]
    for path in [folder, *(os.path.join(folder, name) for name in files)]:
        if os.access(path, os.W_OK):
            places.add(os.path.realpath(path))
seen = {"places": sorted(path for path in places if not path.startswith(mine))}
""",
    )

    devices = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}
    # An open pipe or event has a path that leads nowhere.
    assert {path for path in seen["places"] if ":[" not in path} <= devices


def test_the_program_that_makes_the_sandbox_cannot_be_reached_from_inside(job: Any) -> None:
    seen = ask(job, "import os; seen = {'exe': os.readlink('/proc/1/exe')}")

    assert not os.access(seen["exe"], os.W_OK)


def test_settings_of_the_kernel_cannot_be_changed(job: Any) -> None:
    seen = ask(
        job,
        """
seen = {}
for name in ("vm/swappiness", "kernel/core_pattern", "user/max_user_namespaces"):
    try:
        now = open("/proc/sys/" + name).read()
        open("/proc/sys/" + name, "w").write(now)  # as it is: should this pass, nothing changes
        seen[name] = "written"
    except OSError as error:
        seen[name] = type(error).__name__
""",
    )

    assert "written" not in seen.values(), seen


def test_the_kernel_would_end_the_task_first(job: Any) -> None:
    seen = ask(job, "seen = {'score': int(open('/proc/self/oom_score_adj').read())}")

    assert seen == {"score": 1000}


def test_a_listener_on_this_machine_cannot_be_reached(job: Any, tmp_path: Path) -> None:
    abstract = f"\0decentralml-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as local:
        local.bind(abstract)
        local.listen()
        port = tcp.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()  # it can be reached from outside

        seen = ask(
            job,
            f"""
import socket
seen = {{}}
for family, address in ((socket.AF_INET, ("127.0.0.1", {port})), (socket.AF_UNIX, {abstract!r})):
    try:
        socket.socket(family).connect(address); seen[family.name] = "reached"
    except OSError as error:
        seen[family.name] = type(error).__name__
seen["interfaces"] = [name for _, name in socket.if_nameindex()]
""",
        )

    assert seen["AF_INET"] == "ConnectionRefusedError"
    assert seen["AF_UNIX"] == "ConnectionRefusedError"
    assert "eth0" not in seen["interfaces"]


def test_processes_of_this_machine_are_neither_seen_nor_signalled(job: Any) -> None:
    seen = ask(
        job,
        f"""
import os
pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
seen = {{"count": len(pids)}}
try:
    os.kill({os.getpid()}, 0); seen["signal"] = "sent"
except OSError as error:
    seen["signal"] = type(error).__name__
""",
    )

    assert seen["count"] < 10
    assert seen["signal"] == "ProcessLookupError"


def test_there_are_no_rights_to_be_had(job: Any) -> None:
    seen = ask(
        job,
        """
import os, subprocess
status = dict(line.split(":\\t") for line in open("/proc/self/status") if ":\\t" in line)
seen = {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")}
seen["NoNewPrivs"] = int(status["NoNewPrivs"])
seen["uid"] = os.getuid()
command = ["unshare", "--user", "--map-root-user", "true"]
seen["unshare"] = subprocess.run(command, capture_output=True).returncode
command = ["mount", "-t", "tmpfs", "x", "/mnt"]
seen["mount"] = subprocess.run(command, capture_output=True).returncode
try:
    os.open("/dev/tty", os.O_RDWR); seen["terminal"] = True
except OSError:
    seen["terminal"] = False
""",
    )

    assert seen.pop("unshare") != 0
    assert seen.pop("mount") != 0
    assert seen == {
        "CapEff": 0,
        "CapPrm": 0,
        "CapBnd": 0,
        "NoNewPrivs": 1,
        "uid": 1000,
        "terminal": False,
    }


def test_sockets_that_no_network_namespace_covers_cannot_be_made(job: Any) -> None:
    families = {"AF_VSOCK": 40, "AF_ALG": 38, "AF_PACKET": 17, "AF_UNIX": 1, "AF_INET6": 10}

    seen = ask(
        job,
        f"""
import errno, socket
seen = {{}}
for name, family in {families}.items():
    try:
        socket.socket(family, socket.SOCK_STREAM).close(); seen[name] = "made"
    except OSError as error:
        seen[name] = errno.errorcode[error.errno]
""",
    )

    assert seen == {
        "AF_VSOCK": "EAFNOSUPPORT",
        "AF_ALG": "EAFNOSUPPORT",
        "AF_PACKET": "EAFNOSUPPORT",
        "AF_UNIX": "made",
        "AF_INET6": "made",
    }


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
def test_interfaces_of_the_kernel_that_no_namespace_covers_are_refused(job: Any) -> None:
    calls = {"keyctl": 250, "add_key": 248, "bpf": 321, "io_uring_setup": 425, "getpid": 39}
    calls |= {"x32 getpid": 0x40000000 + 39}

    seen = ask(
        job,
        f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
seen = {{}}
for name, number in {calls}.items():
    answer = libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0)
    seen[name] = errno.errorcode[ctypes.get_errno()] if answer < 0 else "done"
""",
    )

    assert seen == {
        "keyctl": "EPERM",
        "add_key": "EPERM",
        "bpf": "EPERM",
        "io_uring_setup": "EPERM",
        "getpid": "done",
        "x32 getpid": "ENOSYS",
    }


def test_open_files_of_this_process_are_not_inherited(job: Any, tmp_path: Path) -> None:
    with (tmp_path / "wallet").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        seen = ask(
            job,
            """
import os
seen = {}
for number in os.listdir("/proc/self/fd"):
    try:
        seen[number] = os.readlink("/proc/self/fd/" + number)
    except OSError:
        pass
""",
        )

    assert not any("wallet" in target for target in seen.values())
    assert set(seen) <= {"0", "1", "2", "3", "4"}


def test_a_loop_without_end_is_stopped_in_time(job: Any) -> None:
    started = time.monotonic()

    with pytest.raises(TaskLimitExceeded) as stopped:
        job.script("echo begun; while :; do :; done").within(wall_seconds=1).start()

    assert (stopped.value.which, stopped.value.limit) == ("time", "1 s")
    assert stopped.value.log_end == "begun"
    assert time.monotonic() - started < 30


def test_cpu_time_is_added_up_over_all_processes_also_ended_ones(job: Any) -> None:
    with pytest.raises(TaskLimitExceeded, match="CPU time"):
        job.script(
            "while :; do python -c 'sum(range(3000000))' & python -c 'sum(range(3000000))'; done"
        ).within(cpu_seconds=1).start()


def test_a_signal_that_is_ignored_does_not_help(job: Any) -> None:
    with pytest.raises(TaskLimitExceeded, match="time"):
        job.script("trap '' TERM INT HUP XCPU; while :; do :; done").within(wall_seconds=1).start()


def test_a_memory_hog_is_killed(job: Any) -> None:
    with pytest.raises(TaskLimitExceeded) as stopped:
        job.python("hog = []\nwhile True: hog.append(bytearray(b'x') * (8 << 20))").within(
            memory_bytes=200 << 20
        ).start()

    assert (stopped.value.which, stopped.value.limit) == ("memory", "200 MiB")


def test_memory_is_added_up_over_all_processes(job: Any) -> None:
    with pytest.raises(TaskLimitExceeded, match="memory"):
        job.python(
            """
import os, time
for _ in range(8):
    if os.fork() == 0: break
hog = os.urandom(60 << 20)
time.sleep(60)
"""
        ).within(memory_bytes=300 << 20).start()


def test_memory_that_processes_share_counts_once(job: Any) -> None:
    seen = ask(
        job.within(memory_bytes=400 << 20),
        """
import os, time
shared = os.urandom(150 << 20)
children = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        time.sleep(1); os._exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
seen = {"children": len(children)}
""",
    )

    assert seen == {"children": 5}


def test_files_in_memory_end_at_their_limit(job: Any) -> None:
    seen = ask(
        job.within(scratch_bytes=8 << 20),
        """
seen = {}
for folder in ("/tmp", "/dev/shm"):
    written = 0
    try:
        with open(folder + "/fill", "wb", buffering=0) as file:
            while written < 64 << 20: written += file.write(bytes(1 << 20))
    except OSError as error:
        seen[folder] = written
""",
    )

    assert seen == {"/tmp": 8 << 20, "/dev/shm": 8 << 20}


def test_a_fork_bomb_is_stopped_and_leaves_nothing(job: Any) -> None:
    before = children_of_this_process()  # multiprocessing's resource tracker, if it was needed
    started = time.monotonic()

    with pytest.raises((TaskLimitExceeded, TaskFailed)):
        # Doubles at each step. Ends at 2**11, so that this test, should it fail, harms nobody.
        job.python(
            """
import os, time
for _ in range(11): os.fork()
time.sleep(30)
"""
        ).start()

    assert time.monotonic() - started < 20
    assert children_of_this_process() == before


def children_of_this_process() -> list[int]:
    path = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return [int(pid) for pid in path.read_text().split()]


def test_threads_count_as_processes(job: Any) -> None:
    with pytest.raises((TaskLimitExceeded, TaskFailed), match=r"threads|start new thread"):
        job.python(
            """
import threading, time
for _ in range(200): threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
time.sleep(30)
"""
        ).start()


@pytest.mark.parametrize(
    "filler",
    [
        "cat /dev/zero > $RESULT_DIR/fill",
        "i=0; while :; do i=$((i+1)); head -c 4000000 /dev/zero > $RESULT_DIR/fill-$i; done",
        "exec 9> $RESULT_DIR/fill; rm $RESULT_DIR/fill; "
        "head -c 60000000 /dev/zero >&9; exec 8> $RESULT_DIR/more; rm $RESULT_DIR/more; "
        "head -c 60000000 /dev/zero >&8; sleep 60",
    ],
    ids=["one file", "many files", "removed files"],
)
def test_a_disk_filler_is_stopped(job: Any, filler: str) -> None:
    with pytest.raises((TaskLimitExceeded, TaskFailed), match=r"disk|File (size|too large)|larger"):
        job.script(filler).start()

    left = sum(path.stat().st_blocks * 512 for path in job.run.result_dir.iterdir())
    assert left < 2 << 30


def test_a_file_past_the_limit_of_the_disk_is_named_as_such(job: Any) -> None:
    with pytest.raises(TaskLimitExceeded) as stopped:
        job.script("exec head -c 2000000 /dev/zero > $RESULT_DIR/fill").within(
            disk_bytes=1 << 20
        ).start()

    assert stopped.value.which in ("disk for one file", "disk")
    assert (job.run.result_dir / "fill").stat().st_size <= (1 << 20) + 512


def test_very_many_files_are_stopped(job: Any) -> None:
    with pytest.raises(TaskLimitExceeded, match="files in the result"):
        job.python(
            """
import os, time
for number in range(300): open(f"{os.environ['RESULT_DIR']}/{number}", "w").close()
time.sleep(60)
"""
        ).within(files=200).start()


def test_folders_nested_without_end_are_stopped(job: Any) -> None:
    with pytest.raises(TaskLimitExceeded, match="disk that can be measured"):
        job.python(
            """
import os, time
os.chdir(os.environ["RESULT_DIR"])
for _ in range(100):
    os.mkdir("d"); os.chdir("d")
time.sleep(60)
"""
        ).start()


def test_a_flood_of_output_is_bounded_on_disk_and_stopped(job: Any) -> None:
    with pytest.raises(TaskLimitExceeded, match="output"):
        job.script("yes 'the quick brown fox'").within(
            output_bytes=2 << 20, log_bytes=100_000
        ).start()

    assert 50_000 < job.run.log.stat().st_size < 110_000


def test_when_this_process_is_killed_the_task_ends(job: Any, tmp_path: Path) -> None:
    job.script('exec 9> "$RESULT_DIR/lock"; flock 9; echo locked; sleep 600')
    code = (
        "import sys; from pathlib import Path; from decentralml.runner import *; "
        "task, result = map(Path, sys.argv[1:]); "
        "run = TaskRun(task, None, result, None, 1, 'x'); "
        "run_task(run, Limits(), find_sandbox().require(), lambda line: print(line, flush=True))"
    )
    command = [sys.executable, "-c", code, str(job.run.task_dir), str(job.run.result_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "locked\n"
        with (job.run.result_dir / "lock").open() as lock:
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

            runner.send_signal(signal.SIGKILL)

            fcntl.flock(lock, fcntl.LOCK_EX)  # free as soon as the last of the task is gone


def test_a_terminal_is_not_reached_through_the_log(job: Any) -> None:
    with pytest.raises(TaskFailed) as failed:
        job.script(r"printf '\033]0;pwned\007\033[31mred\033[0m\r\n'; exit 1").start()

    assert failed.value.log_end == "␛]0;pwned␇red"
    assert job.run.log.read_text() == "␛]0;pwned␇red\n"
