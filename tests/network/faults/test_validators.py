"""Validators come and go by the council's word while the chain runs, and one that cheats."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decentralml.chain.calls import Call
from decentralml.chain.council import Council
from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.validators import set_keys, validators
from decentralml.localnet import LocalNetwork
from decentralml.localnet.spec import preset_spec
from decentralml.types import AccountId, Planck
from tests.network.faults.recovery import PATIENCE, Recovery

SESSION = 10
TOKEN = 10**12
AURA = "0x0661757261"  # how the header's entry begins that holds the slot

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture
def network(node_binary: Path, tmp_path: Path) -> Iterator[LocalNetwork]:
    """Four validators whose sessions are short."""
    template = preset_spec()
    template["genesis"]["runtimeGenesis"]["config"]["rotation"]["sessionLength"] = SESSION
    with LocalNetwork.make(tmp_path / "chain", node_binary, template=template) as running:
        running.wait_ready(240)
        yield running


def test_a_fifth_joins_and_another_leaves_while_blocks_become_final(
    network: LocalNetwork, recovery: Recovery
) -> None:
    newcomer = network.join("Newcomer", validates=True)
    newcomer.start()
    account = signer("Newcomer").ss58_address
    with Node(network.validators[0].url, timeout=PATIENCE, wait="inclusion") as node:
        Market(node, signer("Alice")).transfer(AccountId(account), Planck(100 * TOKEN))
        recovery.goes_on(network, "an empty fifth node is level")
        keys = name_keys(newcomer.url, "Newcomer")
        decide(node, Call("add_invulnerable", {"who": account}, "ValidatorSet"))
        until(node, lambda: is_active(node, account))

        assert len(active(node)) == 5
        until(node, lambda: account in authors(node))
        # Of five, four must vote: without one of the old ones it takes the new one's voice.
        network.validators[3].kill()
        recovery.goes_on(network, "one of five killed: the next two blocks are final")
        network.validators[3].start()

        # Other keys, from the session after the next one on.
        assert name_keys(newcomer.url, "Newcomer") != keys
        decide(
            node, Call("remove_invulnerable", {"who": signer("Dave").ss58_address}, "ValidatorSet")
        )
        until(node, lambda: not is_active(node, signer("Dave").ss58_address))
        network.validators[3].stop()
        until(node, lambda: account in authors(node))
        # Who votes changes with the block that says so only once that is final.
        recovery.goes_on(network, "one of five left: blocks are final")
        # Of four, three must vote: without another one it takes the new keys' voice.
        network.validators[2].kill()
        recovery.goes_on(network, "one left, one of the four others killed: blocks are final")


def test_who_votes_twice_is_reported_and_loses_the_seat(
    network: LocalNetwork, recovery: Recovery
) -> None:
    dave = network.validators[3]
    double = network.join("Double", validates=True)
    shutil.copytree(dave.place.keystore, double.place.keystore)
    double.start()  # the same keys sign at two places at once
    cheat = signer("Dave").ss58_address
    with Node(network.validators[0].url, timeout=PATIENCE, wait="inclusion") as node:
        until(node, lambda: not is_active(node, cheat))

        assert offences(node), "no offence is kept on chain"
        assert len(active(node)) == 3
    recovery.goes_on(network, "one signed twice and is out: the next two blocks are final")
    assert "equivocation" in network.validators[0].log.read_text().lower()


# What is done


def signer(name: str) -> Keypair:
    return Keypair.create_from_uri(f"//{name}", ss58_format=42)


def name_keys(url: str, name: str) -> str:
    """Have the node make session keys, and name them as that person's."""
    with Node(url, timeout=PATIENCE, wait="inclusion") as node:
        market = Market(node, signer(name))
        # A node that has just come level may still lack the block that brought the money.
        until(node, lambda: market.balance().free > 0)
        keys, _ = set_keys(market)
        return keys


def decide(node: Node, call: Call) -> None:
    """Alice proposes, Bob votes, Alice counts: two thirds of the council."""
    alice, bob = (Council(Market(node, signer(name))) for name in ("Alice", "Bob"))
    motion, _ = alice.propose(call)
    bob.vote(bob.motion(motion))
    alice.close(alice.motion(motion))


def until(node: Node, met: Callable[[], bool]) -> None:
    """Look again with each block."""
    begun = node.best().number
    while not met():
        seen = node.best().number
        assert seen < begun + 12 * SESSION, f"not so {seen - begun} blocks later"
        while node.best().number == seen:
            node.pause(0.5)


# What is so


def active(node: Node) -> list[str]:
    return [str(each) for each in node.storage("Session", "Validators", at=node.best().hash)]


def is_active(node: Node, account: str) -> bool:
    return any(str(each.account) == account and each.active for each in validators(node))


def authors(node: Node) -> set[str]:
    """Who made the blocks since the validators last changed, of the last few."""
    seats, head, found = active(node), node.best(), set()
    for number in range(head.number, max(0, head.number - len(seats) - 2), -1):
        block = node.block_hash(number)
        if (
            block is None
            or [str(a) for a in node.storage("Session", "Validators", at=block)] != seats
        ):
            break
        header = node.request("chain_getHeader", block)
        found.add(seats[slot_of(header) % len(seats)])
    return found


def slot_of(header: Any) -> int:
    [entry] = [log for log in header["digest"]["logs"] if log.startswith(AURA)]
    return int.from_bytes(bytes.fromhex(entry[-16:]), "little")


def offences(node: Node) -> list[str]:
    """Keys of the reports that the chain keeps."""
    key, _, _ = node.runtime().storage_key("Offences", "Reports", [])
    found = node.request("state_getKeysPaged", key, 10)
    return [str(each) for each in found]
