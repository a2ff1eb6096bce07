"""What a network refuses before it starts anything; what it does is in tests/network."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from decentralml.localnet import LocalNetwork
from decentralml.localnet.errors import BadNetwork, NetworkRuns, NodeCommandFailed, PortTaken
from decentralml.localnet.keys import SessionKeys, name_of
from decentralml.localnet.ports import free_ports
from decentralml.localnet.spec import readable_spec, set_validators
from decentralml.localnet.validator import Place

NO_BINARY = Path("/nonexistent/node")


@pytest.mark.parametrize("validators", [-1, 0, 33])
def test_so_many_validators_cannot_be(tmp_path: Path, validators: int) -> None:
    with pytest.raises(BadNetwork, match="from 1 to 32 can"):
        LocalNetwork.make(tmp_path / "n", NO_BINARY, validators=validators)
    assert not (tmp_path / "n").exists()


@pytest.mark.parametrize("base_port", [0, -5, 65_536 - 7])
def test_ports_that_do_not_exist_are_refused(tmp_path: Path, base_port: int) -> None:
    with pytest.raises(BadNetwork, match="no 8 ports"):
        LocalNetwork.make(tmp_path / "n", NO_BINARY, validators=4, base_port=base_port)


def test_the_highest_ports_are_used(tmp_path: Path) -> None:
    with pytest.raises(NodeCommandFailed):  # so far as to ask the node
        LocalNetwork.make(tmp_path / "n", NO_BINARY, validators=4, base_port=65_535 - 7)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(BadNetwork, match="not empty"):
        LocalNetwork.make(tmp_path, NO_BINARY)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("said", ["", "{}", '{"version": 2}', '{"version": 1, "validators": [{}]}'])
def test_a_folder_that_holds_no_network_is_not_resumed(tmp_path: Path, said: str) -> None:
    (tmp_path / "network.json").write_text(said)
    with pytest.raises(BadNetwork, match="holds no local network"):
        LocalNetwork.resume(tmp_path, NO_BINARY)


def network_in(folder: Path) -> LocalNetwork:
    """One validator whose program only sleeps."""
    [rpc, p2p] = free_ports(2)
    (folder / "alice").mkdir()
    sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
    place = Place("Alice", folder / "alice", rpc, p2p, "12D3A")
    return LocalNetwork(folder, NO_BINARY, [place], wrap=lambda _place, _command: sleeps)


def test_a_port_that_is_taken_is_named_and_nothing_is_left_running(tmp_path: Path) -> None:
    import socket

    network = network_in(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", network.validators[0].place.p2p_port))
        with pytest.raises(PortTaken, match="of Alice is taken") as refused:
            network.start()
    assert refused.value.port == network.validators[0].place.p2p_port
    assert network.validators[0].pid is None
    with network:  # and once it is free, it starts
        assert network.validators[0].is_running
    assert not network.validators[0].is_running


def test_two_do_not_run_one_folders_network(tmp_path: Path) -> None:
    network = network_in(tmp_path)
    with network:
        again = LocalNetwork(tmp_path, NO_BINARY, [one.place for one in network.validators])
        with pytest.raises(NetworkRuns):
            again.start()
        assert network.validators[0].is_running
    with network:
        assert network.validators[0].is_running


def test_a_silent_validator_is_seen_as_running_and_not_answering(tmp_path: Path) -> None:
    with network_in(tmp_path) as network:
        status = network.status(timeout=0.5)
        [one] = status.validators
        assert (one.pid is not None, one.answers, status.agreed_at) == (True, False, None)
        network.validators[0].kill()
        [one] = network.status(timeout=0.5).validators
        assert (one.pid, one.exit_status) == (None, -9)


def keys_of(*names: str) -> list[SessionKeys]:
    return [SessionKeys(f"5Account{name}", f"5Vote{name}") for name in names]


def test_the_genesis_names_these_validators_and_no_others() -> None:
    config = readable_spec(keys_of("A", "B"))["genesis"]["runtimeGenesis"]["config"]
    assert config["validatorSet"]["invulnerables"] == ["5AccountA", "5AccountB"]
    assert config["session"]["keys"][1] == [
        "5AccountB", "5AccountB", {"aura": "5AccountB", "grandpa": "5VoteB"},
    ]  # fmt: skip
    assert ["5AccountA", 10**18] in config["balances"]["balances"]
    assert config["aura"]["authorities"] == config["grandpa"]["authorities"] == []


def test_a_validator_with_money_in_the_preset_gets_no_more() -> None:
    spec = readable_spec([])
    config = spec["genesis"]["runtimeGenesis"]["config"]
    account, amount = config["balances"]["balances"][0]
    set_validators(config, [SessionKeys(account, "5Vote")])
    assert [found for found in config["balances"]["balances"] if found[0] == account] == [
        [account, amount]
    ]
    assert json.dumps(spec)  # it can be written as it is


def test_validators_after_the_well_known_ones_are_numbered() -> None:
    assert [name_of(index) for index in (0, 3, 5, 6)] == ["Alice", "Dave", "Ferdie", "Validator7"]
