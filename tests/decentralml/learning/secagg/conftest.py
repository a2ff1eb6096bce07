"""A whole session in one process, whose members may drop out anywhere."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
import pytest

from decentralml.learning.secagg import keys
from decentralml.learning.secagg.collector import masks_left
from decentralml.learning.secagg.fixed import Ring
from decentralml.learning.secagg.masks import MaskSum
from decentralml.learning.secagg.member import Secrets, announce, masks, reveal
from decentralml.learning.secagg.session import Announcement, Revealed, Session


@dataclass
class Group:
    """Members of one session with their private keys."""

    names: list[str]
    threshold: int
    context: bytes = b"a session"
    channel: dict[str, bytes] = field(init=False)
    secrets: dict[str, Secrets] = field(init=False)

    def __post_init__(self) -> None:
        self.channel = {name: keys.new_secret() for name in self.names}
        self.secrets = {name: Secrets() for name in self.names}

    @property
    def session(self) -> Session:
        public = {name: keys.public_of(key) for name, key in self.channel.items()}
        return Session(self.context, public, self.threshold)

    def announce(self, who: Collection[str]) -> dict[str, Announcement]:
        return {
            name: announce(self.session, name, self.channel[name], self.secrets[name])
            for name in who
        }

    def mask(self, name: str, announced: dict[str, Announcement], numbers: Ring) -> Ring:
        mine = masks(self.session, name, self.secrets[name], announced)
        return numbers + MaskSum(mine).read(numbers.size)

    def reveal(
        self, who: Collection[str], announced: dict[str, Announcement], survivors: Collection[str]
    ) -> dict[str, Revealed]:
        return {
            name: reveal(self.session, name, self.channel[name], announced, survivors)
            for name in who
        }

    def unmask(
        self,
        announced: dict[str, Announcement],
        masked: dict[str, Ring],
        revealed: dict[str, Revealed],
    ) -> Ring:
        total = np.sum(list(masked.values()), axis=0, dtype=np.uint64)
        left = masks_left(self.session, announced, masked.keys(), revealed)
        return total - MaskSum(left).read(total.size)


@pytest.fixture(scope="session")
def group() -> Callable[..., Group]:
    def made(count: int, threshold: int) -> Group:
        return Group([f"member {at}" for at in range(count)], threshold)

    return made
