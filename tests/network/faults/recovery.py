"""How long a network takes to come back, measured by what its nodes say."""

from __future__ import annotations

import time
from collections.abc import Sequence

from decentralml.localnet import LocalNetwork
from decentralml.localnet.status import NetworkStatus
from decentralml.localnet.validator import Validator

PATIENCE = 240.0


class Recovery:
    """Waits for finality, and prints the seconds that it took (shown by ``pytest -rP``)."""

    def goes_on(
        self, network: LocalNetwork, what: str, blocks: int = 2, since: int | None = None
    ) -> NetworkStatus:
        """Wait until all who run agree on so many further final blocks.

        Args:
            since: the last final block, where nobody can be asked now.
        """
        begin = time.monotonic()
        target = (highest_final(network.status()) if since is None else since) + blocks
        status = network.wait_until(lambda now: _lowest_final(now) >= target, PATIENCE)
        print(f"{what}: {time.monotonic() - begin:.1f} s")
        assert status.agree, status
        return status


def highest_final(status: NetworkStatus) -> int:
    """The highest block that any validator knows to be final."""
    return max(one.finalised or 0 for one in status.validators)


def _lowest_final(status: NetworkStatus) -> int:
    running = [one for one in status.validators if one.pid is not None]
    return min((one.finalised or 0 for one in running), default=0)


def grows(network: LocalNetwork, validators: Sequence[Validator], blocks: int) -> None:
    """Wait until these validators' own chains have so many further blocks, final or not."""
    names = {one.name for one in validators}

    def heights(status: NetworkStatus) -> list[int]:
        return [one.best or 0 for one in status.validators if one.name in names]

    before = heights(network.status())
    network.wait_until(
        lambda now: all(h >= b + blocks for h, b in zip(heights(now), before, strict=True)),
        PATIENCE,
    )
