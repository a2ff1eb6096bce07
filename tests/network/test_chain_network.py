"""`decentralml chain network` with real nodes: what it shows, what it refuses, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from decentralml.chain.node import Node
from decentralml.localnet import LocalNetwork
from decentralml.localnet.ports import free_ports
from tests.network.conftest import MakeNetwork

# Interrupts reach it as in a terminal, though these tests may run in the background of a shell.
COMMAND = ["env", "--default-signal=INT", sys.executable, "-m", "decentralml.cli.main"]
COMMAND += ["chain", "network"]
END_SECONDS = 120


@pytest.fixture
def environment(node_binary: Path) -> dict[str, str]:
    return {**os.environ, "DECENTRALML_NODE_BINARY": str(node_binary), "NO_COLOR": "1"}


@contextmanager
def running(environment: dict[str, str], *arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=END_SECONDS)


def status_with(process: subprocess.Popen[str], final: int) -> Any:
    """The first status in which so many blocks are final everywhere."""
    assert process.stdout is not None
    for line in process.stdout:
        said = json.loads(line)
        if said["agreed_at"] is not None and said["agreed_at"] >= final:
            return said
    raise AssertionError(f"it ended: {process.communicate()}")


def refused(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment, capture_output=True, text=True, timeout=END_SECONDS, check=False,
    )  # fmt: skip


def all_gone(pids: list[int]) -> bool:
    there = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, left = psutil.wait_procs(there, timeout=END_SECONDS)
    return not left


def test_it_runs_until_it_is_told_to_end_and_leaves_no_node(
    environment: dict[str, str], tmp_path: Path
) -> None:
    temporary = {**environment, "TMPDIR": str(tmp_path)}
    with running(temporary, "--validators", 2, "--tmp", "--json") as process:
        said = status_with(process, 2)
        nodes = [one["pid"] for one in said["validators"]]
        with Node(said["validators"][1]["url"]) as node:
            assert node.chain_name() == "DecentralML Local"
            assert node.wait == "finality"
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == -signal.SIGTERM
        assert all_gone(nodes)
    assert list(tmp_path.glob("decentralml-network-*")) == []


def test_an_interrupt_ends_it_in_order(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "network"
    with running(environment, "--validators", 1, "--path", folder, "--json") as process:
        nodes = [one["pid"] for one in status_with(process, 1)["validators"]]
        process.send_signal(signal.SIGINT)
        assert process.wait(END_SECONDS) == 0
        assert all_gone(nodes)


def test_killed_with_no_time_to_clean_up_it_leaves_no_node_either(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "network"
    with running(environment, "--validators", 2, "--path", folder, "--json") as process:
        nodes = [one["pid"] for one in status_with(process, 0)["validators"]]
        process.kill()
        process.wait(END_SECONDS)
        assert all_gone(nodes)


def test_a_network_goes_on_where_it_stopped(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "network"
    ours = ("--path", folder, "--json")
    with running(environment, "--validators", 1, *ours) as process:
        before = status_with(process, 3)
    with running(environment, *ours) as process:
        after = status_with(process, 0)
        assert after["validators"][0]["url"] == before["validators"][0]["url"]
        assert after["agreed_at"] >= 3
    other = refused(environment, "--validators", 2, *ours)
    assert other.returncode == 4
    assert "has 1 validators, not 2" in other.stderr


def test_a_validator_that_dies_is_told_and_stays_dead_and_without_any_it_ends(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with running(environment, "--validators", 2, "--path", tmp_path / "n", "--json") as process:
        first, second = (one["pid"] for one in status_with(process, 1)["validators"])
        os.kill(second, signal.SIGKILL)
        assert process.stdout is not None
        said = next(
            said
            for said in map(json.loads, process.stdout)
            if said["validators"][1]["exit_status"] is not None
        )
        assert said["validators"][1]["exit_status"] == -9
        assert said["validators"][0]["pid"] == first
        os.kill(first, signal.SIGKILL)
        _, errors = process.communicate(timeout=END_SECONDS)
        assert process.returncode == 4
        assert "ended with status -9, as all others did" in errors


def test_what_cannot_be_is_refused_before_anything_starts(
    environment: dict[str, str], tmp_path: Path
) -> None:
    for number in (0, 33):
        no = refused(environment, "--validators", number, "--path", tmp_path / "n")
        assert (no.returncode, no.stdout) == (4, "")
        assert "from 1 to 32 can" in no.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    [base] = free_ports(1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base))
        taken.listen()
        no = refused(environment, "--validators", 1, "--path", tmp_path / "n", "--base-port", base)
    assert no.returncode == 4
    assert f"Port {base} of Alice is taken" in no.stderr
    assert not list((tmp_path / "n").iterdir())  # so the same command works with another port


def test_without_a_terminal_each_news_is_a_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with running(environment, "--validators", 1, "--path", tmp_path / "n") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        assert "Alice runs (ws://127.0.0.1:" in lines[0]
        assert "is final: the network works" in lines[1]


# -- the room behind it


def test_seven_validators_of_whom_one_has_fresh_keys_agree(make_network: MakeNetwork) -> None:
    network = make_network(7)
    status = network.wait_until(
        lambda seen: all((one.finalised or 0) >= 3 for one in seen.validators)
    )
    assert status.agree
    assert network.validators[6].name == "Validator7"
    # Seven slots are one turn: the seventh makes blocks, too.
    network.wait_until(lambda seen: (seen.agreed_at or 0) >= 10)
    assert "Prepared block for proposing" in network.validators[6].log.read_text()


def test_all_killed_at_once_start_again_with_every_final_block(
    make_network: MakeNetwork,
) -> None:
    network = make_network(4)
    before = network.wait_until(lambda seen: (seen.agreed_at or 0) >= 3)
    for validator in network.validators:
        validator.kill()
    assert network.status().running == 0
    for validator in network.validators:
        validator.start()
    after = network.wait_until(lambda seen: (seen.agreed_at or 0) > (before.agreed_at or 0))
    assert after.agree


def test_a_further_node_joins_with_nothing_and_follows(make_network: MakeNetwork) -> None:
    network = make_network(2)
    joined = network.join("Eve")
    joined.start()
    status = network.wait_until(
        lambda seen: (
            seen.validators[-1].finalised is not None and seen.validators[-1].finalised >= 3
        )
    )
    assert status.agree
    assert isinstance(network, LocalNetwork)
