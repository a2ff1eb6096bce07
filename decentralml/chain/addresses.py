"""Which of a chain's nodes a client is connected to, and which others it may turn to.

A node that is turned to must be of the same chain, and know what the client has already taken for
certain: the last block that counted for it (see `Node.wait`). One that lags behind that would
undo, for this client, what was final; so it is passed over until it has caught up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from decentralml.chain.blocks import BlockRef, number_of
from decentralml.chain.connection import AnswerError, Connection, ConnectionLost
from decentralml.errors import MalformedChainData, NodeUnreachable, WrongRuntime
from decentralml.types import BlockNumber

PROBE_SECONDS = 5.0
"""For what one of several addresses may take to show that it can be used: the next one waits."""


@dataclass(frozen=True, slots=True)
class NodeChanged:
    """A client goes on with another node of its chain.

    Attributes:
        before: the address that it leaves.
        now: the address that it turned to.
        why: what was wrong with the one before.
    """

    before: str
    now: str
    why: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"going on with the node at {self.now}: {self.before} {self.why}"


@dataclass(frozen=True, slots=True)
class NodeLeftOut:
    """A node that was named, and is not of the chain that the client works on."""

    url: str
    why: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"the node at {self.url} is left out: {self.why}"


OnNode: TypeAlias = Callable[[NodeChanged | NodeLeftOut], None]


class _Unfit(Exception):
    """This node cannot be used now."""


class _Stranger(_Unfit):
    """This node is of another chain."""


class Addresses:
    """The nodes of one chain, one of them in use. Not for several threads at once.

    Attributes:
        all: the addresses, each once, as they were named.
        url: the one in use.
        genesis: hash of the chain's first block; of the node that answered first.
        chain_type: what that node said of the chain (``system_chainType``).
        by_finality: whether the blocks that count are the final ones.
        reasons: by address, why the last `connect` did not take it.
    """

    def __init__(self, urls: str | Sequence[str], timeout: float) -> None:
        """Connects to nothing.

        Raises:
            ValueError: there is no address.
        """
        named = (urls,) if isinstance(urls, str) else tuple(dict.fromkeys(urls))
        if not named:
            raise ValueError("a client needs the address of a node")
        self.all, self.url, self.timeout = named, named[0], timeout
        self.genesis: str | None = None
        self.chain_type: object = None
        self.by_finality = False
        self.reasons: dict[str, str] = {}
        self._level = BlockNumber(0)  # the highest block that counted
        self._known: BlockRef | None = None  # the last one of which the hash is known
        self._left_out: set[str] = set()

    @property
    def several(self) -> bool:
        """Whether there is any other to turn to."""
        return len(self.all) > 1

    def __str__(self) -> str:
        """All of them, for a person."""
        return ", ".join(self.all)

    def counted(self, number: BlockNumber, block_hash: str | None) -> None:
        """Keep in mind that this block counted; no node that knows less is turned to."""
        self._level = max(self._level, number)
        if block_hash is not None and (self._known is None or number >= self._known.number):
            self._known = BlockRef(number, block_hash)

    def connect(
        self, limit: float, tell: Callable[[NodeLeftOut], None], beyond: BlockNumber | None = None
    ) -> Connection:
        """Connect to the first that can be used, the one in use before the others; sets `url`.

        One that still synchronises is taken only when there is no other.

        Args:
            limit: when to be done, on the monotonic clock.
            tell: told, once for each, of nodes of another chain.
            beyond: only a node, and not the one in use, whose last block that counts is later.
        Raises:
            NodeUnreachable: none can be used now; says of each why.
            WrongRuntime: every node that was named is of another chain.
        """
        first = self.all.index(self.url)
        order = [*self.all[first:], *self.all[:first]]
        reasons = self.reasons = dict[str, str]()
        strangers = 0
        with ExitStack() as rest:
            later: tuple[str, Connection] | None = None
            for url in order if beyond is None else order[1:]:
                try:
                    fresh, syncing = self._tried(url, limit, beyond)
                except _Stranger as error:
                    strangers += 1
                    reasons[url] = str(error)
                    if self.several and url not in self._left_out:
                        self._left_out.add(url)
                        tell(NodeLeftOut(url, str(error)))
                except (ConnectionLost, AnswerError, MalformedChainData, _Unfit) as error:
                    reasons[url] = str(error)
                else:
                    if not syncing:
                        self.url = url
                        return fresh
                    reasons[url] = "still synchronises"
                    if later is None:
                        later = url, fresh
                        rest.callback(fresh.close)
                    else:
                        fresh.close()
            if later is not None:
                rest.pop_all()
                self.url = later[0]
                return later[1]
        if strangers == len(self.all):
            raise WrongRuntime(str(self), next(iter(reasons.values())))
        said = reasons.values() if not self.several else (f"{u} {w}" for u, w in reasons.items())
        raise NodeUnreachable(str(self), "; ".join(said))

    def _tried(self, url: str, limit: float, beyond: BlockNumber | None) -> tuple[Connection, bool]:
        """A connection to a node that can be used, and whether that one still synchronises."""
        seconds = min(limit - time.monotonic(), self.timeout)
        if self.several:
            # Half of the time is what a request waits for the node that has fallen silent.
            seconds = min(seconds, PROBE_SECONDS, self.timeout / (2 * len(self.all)))
        fresh = Connection(url, max(0.1, seconds))
        try:
            self._check_chain(fresh)
            syncing = False
            if self.several:
                self._check_level(fresh, beyond)
                syncing = _still_synchronises(fresh)
        except BaseException:
            fresh.close()
            raise
        fresh.timeout = self.timeout
        return fresh, syncing

    def _check_chain(self, fresh: Connection) -> None:
        genesis = str(fresh.request("chain_getBlockHash", [0]))
        if self.genesis is None:
            self.chain_type = fresh.request("system_chainType", [])
            self.genesis = genesis
        elif genesis != self.genesis:
            raise _Stranger(f"its genesis is {genesis[:80]}, not {self.genesis}")

    def _check_level(self, fresh: Connection, beyond: BlockNumber | None) -> None:
        least = self._level if beyond is None else max(self._level, beyond + 1)
        if not least:
            return
        at = [fresh.request("chain_getFinalizedHead", [])] if self.by_finality else []
        number = number_of(fresh.request("chain_getHeader", at))
        if number < least:
            raise _Unfit(f"is behind: its last block that counts is {number}, not yet {least}")
        known = self._known
        if not self.by_finality or known is None:
            return
        found = fresh.request("chain_getBlockHash", [known.number])
        if found is None:
            raise _Unfit(f"does not know block {known.number}")
        if found != known.hash:
            raise _Stranger(f"has another block {known.number} than the one that was final here")


def _still_synchronises(node: Connection) -> bool:
    try:
        health = node.request("system_health", [])
    except AnswerError:
        return False  # not every node tells that to everybody
    return isinstance(health, dict) and bool(health.get("isSyncing"))
