"""`decentralml chain`, against the real development chain."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from decentralml.chain.node import Node
from decentralml.errors import NodeUnreachable
from pallets_mock.fixtures import dev_chain  # noqa: F401
from pallets_mock.testing import DevChain

Decentralml = Callable[..., "subprocess.CompletedProcess[str]"]
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
COMMAND = [sys.executable, "-m", "decentralml.cli.main", "chain"]


@pytest.fixture
def chain(dev_chain: DevChain, tmp_path: Path) -> Decentralml:  # noqa: F811
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"DECENTRALML_NODE": dev_chain.url, "HOME": str(tmp_path)}
        return subprocess.run(
            [*COMMAND, *arguments],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def test_status_says_which_chain_answers(chain: Decentralml, dev_chain: DevChain) -> None:  # noqa: F811
    facts = json.loads(chain("status", "--json").stdout)
    assert facts["genesis"] == dev_chain.genesis_hash
    assert (facts["best"], facts["wait"], facts["token"]) == (0, "inclusion", "DML")
    assert dev_chain.genesis_hash in chain("status").stdout


def test_of_several_nodes_the_first_that_answers_is_used_and_that_is_said(
    chain: Decentralml,
    dev_chain: DevChain,  # noqa: F811
) -> None:
    shown = chain("status", "--json", "--node", "ws://127.0.0.1:1", "--node", dev_chain.url)
    assert json.loads(shown.stdout)["url"] == dev_chain.url
    assert f"going on with the node at {dev_chain.url}" in shown.stderr


def test_a_transfer_arrives_and_the_balance_shows_it(chain: Decentralml) -> None:
    before = json.loads(chain("balance", BOB, "--json").stdout)["free"]
    sent = chain("transfer", BOB, "1.5", "--key", "//Alice", "--json")
    assert json.loads(sent.stdout)["block_number"] == 1
    assert json.loads(chain("balance", BOB, "--json").stdout)["free"] == before + 15 * 10**11
    assert json.loads(chain("balance", "--key", "//Bob", "--json").stdout)["account"] == BOB


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["transfer", BOB, "1,5", "--key", "//Alice"], 4, "write it as 1.5"),
        (["transfer", "5Nobody", "1", "--key", "//Alice"], 4, "no address"),
        (["transfer", BOB, "1"], 3, "keys create"),
        (["transfer", BOB, "1", "--key", "absent"], 5, "keys create absent"),
        (["transfer", BOB, "2000000", "--key", "//Alice"], 4, "too little free money"),
        (["balance"], 3, "--key"),
        (["status", "--node", "ws://127.0.0.1:1"], 4, "chain dev"),
    ],
)
def test_a_refusal_says_what_to_do_and_has_its_status(
    chain: Decentralml, arguments: list[str], status: int, words: str
) -> None:
    refused = chain(*arguments)
    assert (refused.returncode, refused.stdout) == (status, "")
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_events_end_with_the_block_that_was_named(
    chain: Decentralml,
    dev_chain: DevChain,  # noqa: F811
) -> None:
    dev_chain.new_block(2)
    assert chain("events", "--from", "1", "--until", "2").returncode == 0


def test_dev_runs_a_chain_until_it_is_stopped_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "dev", "--port", "0", "--tmp", "--json-ready"],
        stdout=subprocess.PIPE, text=True, env={"HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        url = next(value for value in ready.values() if str(value).startswith("ws://"))
        with Node(url, timeout=20) as node:
            assert node.is_development()
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    finally:
        process.kill()
        process.communicate()
    with pytest.raises(NodeUnreachable):
        Node(url, timeout=5)
