"""What `substrate/node/deploy` holds fits the node and the tools that read it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from decentralml.localnet.ports import free_ports
from pallets_mock.runtime import compressed_blob
from tests.network.howto import DEPLOY, unit_command

UNIT = DEPLOY / "decentralml-node.service"
PATIENCE = 300  # seconds until a node does what it does within ten on an idle machine
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own needs root")
METRIC = re.compile(r"\b(substrate_\w+)")


class DevNode:
    """A node of a development chain, its validator //Alice, with ports of its own."""

    def __init__(
        self, binary: Path, folder: Path, *arguments: str, alice: bool = True, alone: bool = False
    ) -> None:
        """Args:
        alone: in a network of its own, for a node that listens on all addresses.
        """
        p2p, self.rpc, self.metrics_port = free_ports(3)
        self.address = f"/ip4/127.0.0.1/tcp/{p2p}"
        self.folder = folder
        command = [str(binary), "--chain", "dev", "--base-path", str(folder)]
        if alice:
            command += ["--alice", "--force-authoring", "--no-telemetry"]
        command += ["--no-mdns"]
        command += ["--listen-addr", self.address, "--rpc-port", str(self.rpc)]
        command += ["--prometheus-port", str(self.metrics_port), *arguments]
        (folder / "node.key").write_text(os.urandom(32).hex())
        command += ["--node-key-file", str(folder / "node.key")]
        runtime = folder / "runtime.wasm"
        runtime.write_bytes(compressed_blob())
        if alone:
            command = [
                "unshare",
                "--net",
                "sh",
                "-c",
                'ip link set lo up; exec "$0" "$@"',
                *command,
            ]
        environment = {"DECENTRALML_RUNTIME": str(runtime), "PATH": os.environ["PATH"]}
        with (folder / "node.log").open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        where = f"--net=/proc/{self.process.pid}/ns/net"
        self.enter = ["nsenter", where] if alone else []

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """The whole JSON-RPC answer."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        header = "Content-Type: application/json"
        return dict(json.loads(self._get(self.rpc, "--header", header, "--data", body)))

    def metrics(self) -> str:
        return self._get(self.metrics_port, path="metrics")

    def _get(self, port: int, *options: str, path: str = "") -> str:
        url = f"http://127.0.0.1:{port}/{path}"
        command = [*self.enter, "curl", "--silent", "--fail", "--max-time", "10", *options, url]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def until(self, met: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, (self.folder / "node.log").read_text()
            with contextlib.suppress(subprocess.CalledProcessError):
                if met():
                    return
            time.sleep(0.2)
        raise AssertionError((self.folder / "node.log").read_text()[-4000:])

    def height(self) -> int:
        return int(self.ask("chain_getHeader")["result"]["number"], 16)


@pytest.fixture
def make_node(node_binary: Path, tmp_path: Path) -> Iterator[Callable[..., DevNode]]:
    made: list[DevNode] = []

    def make(*arguments: str, **how: bool) -> DevNode:
        folder = tmp_path / f"node-{len(made)}"
        folder.mkdir()
        made.append(DevNode(node_binary, folder, *arguments, **how))
        return made[-1]

    yield make
    for node in made:
        node.process.send_signal(signal.SIGKILL)
        node.process.wait()


def flags_of(node_binary: Path) -> set[str]:
    shown = subprocess.run([node_binary, "--help"], capture_output=True, text=True, check=True)
    return set(re.findall(r"^\s+(?:-\w, )?(--[\w-]+)", shown.stdout, re.MULTILINE))


def environment_of_the_sample() -> dict[str, str]:
    lines = (DEPLOY / "node.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_units_command_has_only_flags_that_the_node_has(node_binary: Path) -> None:
    command = unit_command(UNIT, environment_of_the_sample(), node_binary)
    said = {word for word in command if word.startswith("--")}
    assert said <= flags_of(node_binary)
    assert "--validator" in said


def test_the_containers_command_has_only_flags_that_the_node_has(node_binary: Path) -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    said = {word.split("=")[0] for word in compose["services"]["node"]["command"]}
    assert said <= flags_of(node_binary)


def test_the_container_may_do_nothing_that_a_node_does_not_do() -> None:
    node = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["node"]
    assert node["cap_drop"] == ["ALL"]
    assert node["read_only"] is True
    assert "127.0.0.1:9944:9944" in node["ports"]
    assert not [port for port in node["ports"] if port.startswith(("9944", "9615", "0.0.0.0"))]


@ROOT_ONLY
def test_the_containers_command_starts_a_validator_that_answers_and_obeys_nobody(
    make_node: Callable[..., DevNode],
) -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    ours = ("--base-path", "--chain", "--node-key-file", "--listen", "--rpc-port", "--prometheus-p")
    said = [w for w in compose["services"]["node"]["command"] if not w.startswith(ours)]
    assert "--rpc-methods=safe" in said
    values = {"NODE_NAME": "one", "PUBLIC_ADDRESS": "/ip4/127.0.0.1/tcp/1"}
    command = [re.sub(r"\$\{(\w+)[^}]*\}", lambda m: values[m[1]], word) for word in said]
    node = make_node(*command, alice=False, alone=True)
    node.until(lambda: node.ask("system_nodeRoles")["result"] == ["Authority"])
    assert "unsafe" in node.ask("author_rotateKeys")["error"]["message"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_nothing_wrong_with_the_unit(node_binary: Path, tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/decentralml-node", str(node_binary)))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_alerts_ask_for_metrics_that_the_node_gives(
    make_node: Callable[..., DevNode],
) -> None:
    node = make_node()
    node.until(lambda: node.height() > 0)
    asked = set(METRIC.findall((DEPLOY / "alerts.yml").read_text()))
    assert len(asked) >= 3
    assert asked <= set(METRIC.findall(node.metrics()))


def test_two_blocks_of_one_author_for_one_slot_are_counted_and_named(
    make_node: Callable[..., DevNode],
) -> None:
    one = make_node()
    one.until(lambda: one.height() > 0)
    assert "substrate_block_equivocations_total{" in one.metrics()
    peer = one.ask("system_localPeerId")["result"]
    make_node("--bootnodes", f"{one.address}/p2p/{peer}")

    count = re.compile(r"^substrate_block_equivocations_total\S* ([1-9]\d*)$", re.MULTILINE)
    one.until(lambda: count.search(one.metrics()) is not None)
    alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
    assert f"{alice} made two blocks for slot" in (one.folder / "node.log").read_text()


def test_keys_are_made_for_who_asks_on_loopback(make_node: Callable[..., DevNode]) -> None:
    node = make_node()
    node.until(lambda: "result" in node.ask("system_health"))
    assert len(bytes.fromhex(node.ask("author_rotateKeys")["result"][2:])) == 64


@ROOT_ONLY
def test_no_keys_are_made_where_others_may_ask(make_node: Callable[..., DevNode]) -> None:
    node = make_node("--unsafe-rpc-external", alone=True)
    node.until(lambda: "result" in node.ask("system_health"))
    assert "unsafe" in node.ask("author_rotateKeys")["error"]["message"]
