"""The how-to for validators, as it is written: its blocks run, its unit's command starts the nodes.

Hosts are folders of this machine, each with ports of its own; what the page has people write by
hand (`genesis.json`, `node.env`) is written here, as they would. A session is ten blocks.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from decentralml.chain.node import Node
from decentralml.chain.validators import ValidatorState, validators
from decentralml.errors import ChainError
from decentralml.localnet.ports import free_ports
from pallets_mock.runtime import compressed_blob, manifest
from tests.network.howto import DEPLOY, ROOT, Shell, Step, steps, unit_command

PAGE = ROOT / "docs" / "how-to" / "run-a-validator.md"
OLDER = Path(__file__).parent / "data" / "decentralml_runtime.spec2.compact.compressed.wasm"
"""The chain begins with this one, so that there is something to upgrade to."""
FOUNDERS, HOSTS = 4, 5
SESSION = 10
PATIENCE = 240  # seconds for two sessions on a busy machine

pytestmark = pytest.mark.timeout(1200)


@dataclass
class Host:
    """A folder that stands for a host, and the node that runs there."""

    number: int
    shell: Shell
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.shell.variables['RPC_PORT']}"

    def start(self, program: Path) -> None:
        """What `systemctl start` would run."""
        log = self.shell.folder / "node.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                unit_command(DEPLOY / "decentralml-node.service", self.shell.variables, program),
                cwd=self.shell.folder,
                env=self.shell.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> int:
        """What `systemctl stop` does; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process = None


@dataclass
class World:
    """All hosts and people of the page."""

    program: Path
    hosts: list[Host]
    people: list[Shell]
    done: list[str] = field(default_factory=list)

    @property
    def founders(self) -> list[Host]:
        return self.hosts[:FOUNDERS]

    @property
    def newcomer(self) -> Host:
        return self.hosts[FOUNDERS]

    def account(self, person: int) -> str:
        shown = self.people[person].run("decentralml keys show validator --json")
        return str(json.loads(shown)["address"])

    def states(self, of: int = 0) -> dict[str, ValidatorState]:
        with Node(self.hosts[of].url, timeout=30) as node:
            return {str(state.account): state for state in validators(node)}

    def until(self, met: Callable[[], bool], what: str) -> None:
        """Wait for something that the chain does by itself."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(ChainError):
                if met():
                    return
            time.sleep(0.5)  # blocks come every two seconds, whoever waits
        logs = [(h.shell.folder / "node.log").read_text()[-2000:] for h in self.hosts if h.process]
        raise AssertionError(f"{what}: not within {PATIENCE} s\n" + "\n".join(logs))

    def spec_version(self) -> int:
        with Node(self.hosts[0].url, timeout=30) as node:
            return int(node.runtime_at(node.finalised().hash).version.spec_version)

    def finalised(self, host: Host) -> int:
        with Node(host.url, timeout=10) as node:
            return int(node.finalised().number)


@pytest.fixture
def world(node_binary: Path, tmp_path: Path) -> Iterator[World]:
    programs = [tmp_path / "bin", Path(sys.executable).parent]
    programs[0].mkdir()
    (programs[0] / "decentralml-node").symlink_to(node_binary)
    ports = free_ports(3 * HOSTS)
    hosts = []
    for number in range(HOSTS):
        folder = tmp_path / f"host-{number + 1}"
        folder.mkdir()
        p2p, rpc, metrics = ports[3 * number : 3 * number + 3]
        address = f"/ip4/127.0.0.1/tcp/{p2p}"
        variables = {
            "BASE_PATH": str(folder / "base"),
            "CHAIN_SPEC": str(folder / "chain.json"),
            "NODE_NAME": f"validator-{number + 1}",
            "NODE_KEY_FILE": str(folder / "node.key"),
            "LISTEN_ADDRESS": address,
            "RPC_PORT": str(rpc),
            "PROMETHEUS_PORT": str(metrics),
            "PUBLIC_ADDRESS": address,
            "NODE_ARGUMENTS": "--validator --allow-private-ip --discover-local --no-mdns"
            + (" --sync warp" if number >= FOUNDERS else ""),
        }
        hosts.append(Host(number, Shell(folder, programs, variables)))
    people = []
    for number in range(HOSTS):
        folder = tmp_path / f"person-{number + 1}"
        folder.mkdir()
        variables = {
            "DECENTRALML_PASSWORD": "a password for a test",
            "DECENTRALML_NODE": hosts[min(number, FOUNDERS - 1)].url,
            "RPC_PORT": hosts[number].shell.variables["RPC_PORT"],
        }
        people.append(Shell(folder, programs, variables))
    made = World(node_binary, hosts, people)
    yield made
    for host in made.hosts:
        if host.process is not None:
            host.process.kill()
            host.process.wait()


def write_genesis(world: World, step: Step) -> None:
    """Fill the page's example with what the others sent."""
    text = step.text.replace("1800", str(SESSION))
    for number in range(HOSTS, 0, -1):
        text = text.replace(f"ACCOUNT_{number}", world.account(number - 1))
        if number <= FOUNDERS:
            folder = world.hosts[number - 1].shell.folder
            text = text.replace(f"AURA_{number}", (folder / "aura.txt").read_text().strip())
            text = text.replace(f"GRANDPA_{number}", (folder / "grandpa.txt").read_text().strip())
    coordinator = world.hosts[0].shell.folder
    (coordinator / "genesis.json").write_text(text)
    shutil.copy(OLDER, coordinator / "runtime.wasm")
    for host in world.founders:
        sent = coordinator / f"boot-{host.number + 1}.txt"
        shutil.copy(host.shell.folder / "boot.txt", sent)


def make_chain(world: World, step: Step) -> None:
    world.hosts[0].shell.run(step.text)
    made = world.hosts[0].shell.folder / "chain.json"
    for host in world.hosts[1:]:
        shutil.copy(made, host.shell.variables["CHAIN_SPEC"])


def start_founders(world: World, _: Step) -> None:
    for host in world.founders:
        host.start(world.program)
    for host in world.founders:
        world.until(lambda host=host: world.finalised(host) > 0, f"finality at {host.number}")  # type: ignore[misc]


def start_newcomer(world: World, _: Step) -> None:
    world.newcomer.start(world.program)
    here = world.newcomer
    world.until(lambda: world.finalised(here) > 0, "the newcomer's sync")


def newcomer_is_in(world: World) -> None:
    account = world.account(FOUNDERS)
    world.until(lambda: world.states()[account].active, "the newcomer in the set")


def newcomer_is_out(world: World) -> None:
    account = world.account(FOUNDERS)
    world.until(lambda: account not in world.states(), "the newcomer out of the set")


def at_founders(world: World, step: Step) -> None:
    for host in world.founders:
        host.shell.run(step.text)


def at_people(world: World, step: Step) -> None:
    for person in world.people:
        person.run(step.text)


def at_one_founder(world: World, step: Step) -> None:
    printed = world.founders[1].shell.run(step.text)
    assert printed.strip(), step.text


def at_newcomer(world: World, step: Step) -> None:
    world.newcomer.shell.run(step.text)


def by_newcomers_person(world: World, step: Step) -> None:
    world.people[FOUNDERS].run(step.text)


def by_member(number: int) -> Callable[[World, Step], None]:
    def vote(world: World, step: Step) -> None:
        member = world.people[number]
        member.variables["NEWCOMER"] = world.account(FOUNDERS)
        member.run(step.text)

    return vote


def at_stopped_founder(world: World, step: Step) -> None:
    host = world.founders[-1]
    if host.process is not None:
        assert host.stop() == 0
    host.shell.run(step.text)


def once_out(world: World, step: Step) -> None:
    newcomer_is_out(world)
    by_newcomers_person(world, step)


def upgrade(world: World, step: Step) -> None:
    """Two of three members: the second one's vote is enough, and does all the rest."""
    present = manifest()["spec_version"]
    assert world.spec_version() < present
    for member in world.people[:2]:
        (member.folder / "runtime.wasm").write_bytes(compressed_blob())
        member.run(step.text)
    assert world.spec_version() == present
    file = str(world.people[0].folder / "runtime.wasm")
    third = step.text.strip().replace("runtime.wasm", file) + " 2>&1"
    assert "the chain runs it" in world.people[2].run(third)


DOING: dict[tuple[str, str], Callable[[World, Step], None]] = {
    ("run", "founders"): at_founders,
    ("run", "people"): at_people,
    ("file", "genesis.json"): write_genesis,
    ("run", "coordinator"): make_chain,
    ("start", "founders"): start_founders,
    ("run", "one founder"): at_one_founder,
    ("run", "newcomer"): at_newcomer,
    ("start", "newcomer"): start_newcomer,
    ("run", "person of the newcomer"): by_newcomers_person,
    ("run", "first member"): by_member(0),
    ("run", "second member"): by_member(1),
    ("run", "person of the newcomer, once it is out"): once_out,
    ("upgrade", ""): upgrade,
    ("run", "stopped founder"): at_stopped_founder,
}


def test_the_page_ends_with_a_network_that_validators_joined_and_left(world: World) -> None:
    page = steps(PAGE)
    assert {(step.verb, step.who) for step in page} == set(DOING)
    votes = 0
    for step in page:
        DOING[step.verb, step.who](world, step)
        if (step.verb, step.who) == ("run", "second member"):
            votes += 1
            if votes == 1:
                newcomer_is_in(world)

    states = world.states()
    assert len(states) == FOUNDERS
    assert all(state.active and state.chosen and state.keys for state in states.values())

    # The founder that was stopped, emptied and filled from the file goes on with its old keys.
    back = world.founders[-1]
    before = world.finalised(world.founders[0])
    back.start(world.program)
    world.until(lambda: world.finalised(back) > before, "the restored founder's finality")
