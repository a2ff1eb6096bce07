"""The command line, as a process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pallets_mock.rpc.service import is_loopback
from tests.pallets_mock.process import ChainProcess
from tests.pallets_mock.wire import Refused, Wire


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pallets_mock", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_says_where_it_is_and_goes_on_where_it_was(tmp_path: Path):
    with ChainProcess(tmp_path) as chain, Wire(chain.url) as wire:
        assert chain.ready["best"] == 0
        best = wire.call("dev_newBlock", 3)
        chain.stop()
    with ChainProcess(tmp_path) as chain, Wire(chain.url) as wire:
        assert chain.ready["best"] == 3
        assert chain.ready["path"] == str(tmp_path)
        assert wire.call("chain_getBlockHash") == best
        assert wire.call("chain_getFinalizedHead") == best


def test_a_copied_folder_is_the_same_chain(tmp_path: Path):
    with ChainProcess(tmp_path / "one") as chain, Wire(chain.url) as wire:
        best = wire.call("dev_newBlock", 2)
    (tmp_path / "one").rename(tmp_path / "two")
    with ChainProcess(tmp_path / "two") as chain, Wire(chain.url) as wire:
        assert wire.call("chain_getBlockHash") == best


def test_a_folder_in_use_is_refused_in_one_line(tmp_path: Path):
    with ChainProcess(tmp_path):
        second = run("--path", str(tmp_path), "--port", "0")
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "another process runs the chain" in second.stderr


def test_a_folder_of_another_chain_is_refused_in_one_line(tmp_path: Path):
    with ChainProcess(tmp_path):
        pass
    other = run("--path", str(tmp_path), "--port", "0", "--chain", "local_testnet")
    assert other.returncode == 1
    assert other.stderr.count("\n") == 1
    assert "holds the chain 'decentralml_dev'" in other.stderr


def test_a_purged_folder_is_empty_again(tmp_path: Path):
    with ChainProcess(tmp_path) as chain, Wire(chain.url) as wire:
        wire.call("dev_newBlock")
        assert run("purge", "--path", str(tmp_path)).returncode == 1  # it is in use
    assert run("purge", "--path", str(tmp_path)).stdout.startswith("removed")
    assert list(tmp_path.iterdir()) == []
    assert run("purge", "--path", str(tmp_path)).stdout == "there is no chain\n"


def test_a_port_that_is_taken_is_said_so(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = run("--memory", "--port", port)
    assert refused.returncode == 1
    assert port in refused.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ["--block-time", "often"],
        ["--chain", "no_such_preset"],
        ["--chain", "/no/such/spec.json"],
        ["--host", "0.0.0.0"],
        ["--host", "example.org"],
    ],
)
def test_a_wrong_option_is_one_line(wrong: list[str]):
    refused = run("--memory", "--port", "0", *wrong)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "misused",
    [
        ["--port", "70000"],
        ["--port", "-1"],
        ["--finality-lag", "-1"],
        ["--pool-limit", "0"],
        ["--rpc-max-connections", "many"],
        ["--rpc-cors", "("],
        ["--no-such-option"],
    ],
)
def test_a_misused_option_is_explained(misused: list[str]):
    refused = run("--memory", *misused)
    assert refused.returncode == 2
    assert refused.stderr.startswith("usage: ")
    assert "Traceback" not in refused.stderr


def test_a_spec_that_was_printed_starts_the_same_chain(tmp_path: Path):
    for kind in ([], ["--raw"]):
        spec = run("build-spec", *kind)
        assert spec.returncode == 0
        file = tmp_path / f"spec{len(kind)}.json"
        file.write_text(spec.stdout)
        assert json.loads(spec.stdout)["id"] == "decentralml_dev"
    with (
        ChainProcess(tmp_path / "a", "--chain", str(tmp_path / "spec0.json")) as human,
        ChainProcess(tmp_path / "b", "--chain", str(tmp_path / "spec1.json")) as raw,
        ChainProcess(tmp_path / "c") as preset,
    ):
        assert human.ready["genesis"] == raw.ready["genesis"] == preset.ready["genesis"]


def test_from_outside_only_what_a_node_allows(tmp_path: Path):
    with ChainProcess(tmp_path, "--unsafe-rpc-external") as chain:
        port = chain.url.rpartition(":")[2]
        with Wire(f"ws://127.0.0.1:{port}") as wire:
            names = wire.call("rpc_methods")["methods"]
            assert not [name for name in names if name.startswith(("dev_", "engine_"))]
            assert "author_insertKey" not in names
            assert "author_submitExtrinsic" in names
            with pytest.raises(Refused) as refused:
                wire.call("dev_newBlock")
            assert refused.value.code == -32601


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.5", False),
        ("::", False),
        ("example.org", False),
    ],
)
def test_which_addresses_only_this_machine_reaches(host: str, loopback: bool):
    assert is_loopback(host) is loopback


def has_version_six() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_version_six(), reason="this machine has no address of version six")
def test_it_listens_on_version_six_too(tmp_path: Path):
    with ChainProcess(tmp_path, "--host", "::1") as chain, Wire(chain.url) as wire:
        assert chain.url.startswith("ws://[::1]:")
        (address,) = wire.call("system_localListenAddresses")
        assert address.startswith("/ip6/::1/tcp/")
