"""A network in two halves that do not hear one another, and what is believed in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decentralml.chain.node import Node
from decentralml.localnet import LocalNetwork
from tests.network.faults.beliefs import Beliefs
from tests.network.faults.conftest import RunJob
from tests.network.faults.namespaces import NoNamespaces, TwoSwitches
from tests.network.faults.recovery import Recovery, grows, highest_final

FORK = 6  # blocks that each half makes by itself

MakeHalves = Callable[..., tuple[LocalNetwork, TwoSwitches]]

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture
def make_halves(node_binary: Path, tmp_path: Path) -> Iterator[MakeHalves]:
    """Makes a network whose validators are on two switches; it runs, the cable is plugged in."""
    made: list[LocalNetwork | TwoSwitches] = []

    def make(*halves: tuple[int, ...]) -> tuple[LocalNetwork, TwoSwitches]:
        try:
            switches = TwoSwitches(*halves)
        except NoNamespaces as error:
            pytest.skip(str(error))
        made.append(switches)
        count = sum(map(len, halves))
        network = LocalNetwork.make(
            tmp_path / f"split-{len(made)}",
            node_binary,
            validators=count,
            wrap=switches.wrap,
            host=switches.host,
        )
        made.append(network)
        network.start().wait_ready(240)
        return network, switches

    yield make
    for one in reversed(made):
        one.stop() if isinstance(one, LocalNetwork) else one.close()


def test_two_and_two_finalise_nothing_and_end_on_one_chain(
    make_halves: MakeHalves, run_job: RunJob, recovery: Recovery
) -> None:
    network, switches = make_halves((0, 1), (2, 3))
    with Beliefs(network) as beliefs:
        # The creator and one worker in one half, the other worker in the other half.
        job = run_job(network, (0, 1, 2))
        job.until_joined()
        switches.pull()
        stopped_at = highest_final(network.status())
        grows(network, network.validators, FORK)

        assert highest_final(network.status()) <= stopped_at + 3
        assert _best(network, 0) != _best(network, 2)  # each half has a chain of its own

        switches.plug()
        recovery.goes_on(network, "split 2+2 healed: the next two blocks are final")
        job.check_all_is_right(network)
        beliefs.check(network)


def test_three_go_on_without_the_fourth_which_follows_once_it_hears_them(
    make_halves: MakeHalves, run_job: RunJob, recovery: Recovery
) -> None:
    network, switches = make_halves((0, 1, 2), (3,))
    with Beliefs(network) as beliefs:
        # One worker's validator is the one that is cut off.
        job = run_job(network, (0, 1, 3))
        job.until_joined()
        switches.pull()
        cut_off_at = highest_final(network.status())
        network.wait_until(
            lambda now: all((v.finalised or 0) >= cut_off_at + FORK for v in now.validators[:3]),
            240,
        )
        alone = network.status().validators[3]
        assert (alone.finalised or 0) <= cut_off_at + 1

        switches.plug()
        recovery.goes_on(network, "split 3+1 healed: the fourth follows")
        job.check_all_is_right(network)
        beliefs.check(network)


def _best(network: LocalNetwork, validator: int) -> str | None:
    """The block that this validator has where every half has one of its own."""
    height = min(one.best or 0 for one in network.status().validators)
    with Node(network.validators[validator].url) as node:
        return node.block_hash(height)
