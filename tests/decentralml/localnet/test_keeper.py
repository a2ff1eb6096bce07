"""Nodes end with whoever started them; any program with a `--base-path` stands for a node."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from decentralml.localnet.keeper import end_nodes, start_keeper

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
# Starts a node and its keeper as a network does, then waits to be killed.
STARTER = """
import subprocess, sys, time
from pathlib import Path
from decentralml.localnet.keeper import start_keeper

folder, program = Path(sys.argv[1]), sys.argv[2]
keeper = start_keeper(folder)
node = subprocess.Popen([sys.executable, "-c", program, "--base-path", str(folder / "alice")])
print(node.pid, keeper.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SLEEPS, "--base-path", str(tmp_path / "alice")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_folders_nodes_are_ended(node: subprocess.Popen[str], tmp_path: Path) -> None:
    assert end_nodes(tmp_path) == 1
    assert not psutil.pid_exists(node.pid)


def test_nodes_of_other_folders_are_left_alone(node: subprocess.Popen[str], tmp_path: Path) -> None:
    beside = tmp_path.with_name(tmp_path.name[:-1])  # whose name is only the beginning
    assert end_nodes(tmp_path / "alice" / "data") == end_nodes(beside) == 0
    assert node.poll() is None


def test_closing_the_keepers_input_ends_the_nodes_and_the_keeper(
    node: subprocess.Popen[str], tmp_path: Path
) -> None:
    keeper = start_keeper(tmp_path)
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert keeper.wait(30) == 0
    assert node.wait(10) != 0


def test_whoever_is_killed_leaves_no_node_behind(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path), SLEEPS], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    processes = [psutil.Process(int(pid)) for pid in starter.stdout.readline().split()]
    starter.kill()
    starter.communicate()
    _, left = psutil.wait_procs(processes, timeout=30)
    assert left == []
