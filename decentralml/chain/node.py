"""A node of the chain: requests that survive a lost connection, and the runtime behind them.

Everything here may be asked again without harm, so a request that lost its connection is asked
again, with growing pauses, until the time limit; of another node of the same chain, where several
are known (`addresses`). What must not happen twice is `submission`'s.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from decentralml.chain.addresses import Addresses, NodeChanged, NodeLeftOut, OnNode
from decentralml.chain.blocks import Block, BlockRef, number_of
from decentralml.chain.calls import PALLET, Call
from decentralml.chain.connection import AnswerError, Connection, ConnectionLost, Subscription
from decentralml.chain.finality import FinalityWatch, OnWaiting
from decentralml.chain.signed import SignedCall
from decentralml.chain.token import Token
from decentralml.errors import (
    MalformedChainData,
    NodeUnreachable,
    RequestRefused,
    StateDiscarded,
    WrongRuntime,
)
from decentralml.types import AccountId, BlockNumber

if TYPE_CHECKING:
    from decentralml.chain.keys import Keypair
    from decentralml.chain.runtime import Runtime, RuntimeEvent, Version

Wait = Literal["auto", "inclusion", "finality"]
StorageItem: TypeAlias = tuple[Any, ...]
"""A pallet, an item of its storage, and the keys that the item has."""

STATE_CLIENT_ERROR = 4003
SPEC_NAME = "decentralml"
NEEDED_CALLS = frozenset(
    {
        "create_task", "accept_task", "start_round", "send_task_result", "validate_task_result",
        "claim_result", "dispute_result", "resolve_dispute", "release_assignment",
        "withdraw_task", "prune_task",
    }
)  # fmt: skip
MARKET_API = "0x" + blake2b(b"DecentralMLApi", digest_size=8).hexdigest()
REMEMBERED = 64  # blocks
RUNTIME_UPDATED = "0x08"
"""The entry of a header's digest that says that the block changed the runtime."""
ERA_BLOCKS = 256
"""How long a signed call lives: long enough to reconnect, short enough to know it dead."""


class Node:
    """A chain, by the WebSocket addresses of one node or several. Use as a context manager, or
    `close` it.

    Connected to one node at a time; to another, when that one is gone or silent. Of another one it
    asks only what it told of the first: the same chain, at least as far as what has counted.

    Attributes:
        on_waiting: told when something waits and no block becomes final for long, and when that
            is over; None: nobody is.
        on_node: told when another node is turned to, and of nodes of another chain, by name.
        changes: how often another node was turned to: what two requests say may not fit together
            when it grew between them.
    """

    on_waiting: OnWaiting | None = None
    on_node: OnNode | None = None

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        timeout: float = 60.0,
        wait: Wait = "auto",
        on_node: OnNode | None = None,
    ) -> None:
        """Connect to the first that answers, without trying again.

        Args:
            url: of the node; or of several nodes of one chain, in the order of preference.
            timeout: seconds that any one answer, reconnecting included, may take.
            wait: when a call counts as done; "auto": finality, inclusion on a development chain.
        Raises:
            NodeUnreachable: nobody answers there.
        """
        self.timeout, self.changes = timeout, 0
        self.on_node = on_node
        self._addresses = Addresses(url, timeout)
        self._news: list[NodeChanged | NodeLeftOut] = []
        self._closed = threading.Event()
        self._lock = threading.RLock()
        self._runtime: Runtime | None = None
        self._versions: Subscription | None = None
        self._executors: OrderedDict[str, Runtime] = OrderedDict()  # block → that of its children
        self._connection = self._addresses.connect(time.monotonic() + timeout, self._news.append)
        self.genesis = str(self._addresses.genesis)
        self._chain_type = self._addresses.chain_type
        self.wait: Literal["inclusion", "finality"] = (
            ("inclusion" if self.is_development() else "finality") if wait == "auto" else wait
        )
        self._addresses.by_finality = self.wait == "finality"
        self._at = self.url
        self.finality = FinalityWatch(self)
        for first, why in list(self._addresses.reasons.items())[:1]:
            self._news.append(NodeChanged(first, self.url, f"cannot be used ({why})"))
        self._tell()

    @property
    def url(self) -> str:
        """Address of the node in use."""
        return self._addresses.url

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection and every wait on it."""
        self._closed.set()
        self._connection.close()

    # -- requests

    def request(self, method: str, *params: Any) -> Any:
        """The result of a JSON-RPC call that may safely be made twice.

        Raises:
            RequestRefused: the node answered with an error.
            StateDiscarded: it no longer keeps the state that was asked for.
            NodeUnreachable: no answer within the time limit, reconnecting included.
        """
        end = time.monotonic() + self.timeout
        while True:
            connection = self.connected(end)
            url = self.url
            left = max(0.1, end - time.monotonic())
            try:
                return connection.request(method, list(params), min(left, self.timeout / 2))
            except AnswerError as error:
                if error.code == STATE_CLIENT_ERROR and "discarded" in f"{error} {error.data}":
                    raise StateDiscarded(url, str(params[-1] if params else "")) from error
                raise RequestRefused(method, error.code, error.message, error.data) from error
            except ConnectionLost as error:
                if time.monotonic() >= end:
                    raise NodeUnreachable(str(self._addresses), str(error)) from error

    def connected(self, end: float | None = None) -> Connection:
        """A connection that is alive; reconnects, with growing pauses, until `end` (monotonic).

        Raises:
            NodeUnreachable: not until then, or the node was closed.
            WrongRuntime: another chain answers at the address now, or at all of them.
        """
        limit = time.monotonic() + self.timeout if end is None else end
        try:
            with self._lock:
                return self._alive(limit)
        finally:
            self._tell()

    def _alive(self, limit: float) -> Connection:
        why = ""
        for attempt in itertools.count():
            try:
                self._connection.check()
                return self._connection
            except ConnectionLost as error:
                pause = min(2.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.0)
                spent = attempt > 0 and time.monotonic() + pause >= limit
                if spent or self._closed.wait(pause if attempt else 0):
                    said = why if self._addresses.several and why else str(error)
                    raise NodeUnreachable(str(self._addresses), said) from error
                lost = str(error)
            try:
                self._take(self._addresses.connect(limit, self._news.append), f"is lost ({lost})")
            except NodeUnreachable as error:
                why = error.why
        raise AssertionError("unreachable")

    def _take(self, fresh: Connection, why: str) -> None:
        """Go on with a new connection, to the same node or to another."""
        before, self._at = self._at, self.url
        self._connection, self._versions = fresh, None
        if self._closed.is_set():
            fresh.close()
        if self.url != before:
            self.changes += 1
            self._news.append(NodeChanged(before, self.url, why))

    def seek_beyond(self, final: BlockNumber) -> bool:
        """Turn to a node that knows a later final block than this one, if there is one; whether
        there was. Costs nothing where no other is known."""
        if not self._addresses.several:
            return False
        with self._lock:
            stale, limit = self._connection, time.monotonic() + self.timeout
            try:
                fresh = self._addresses.connect(limit, self._news.append, beyond=final)
            except NodeUnreachable:
                return False
            self._take(fresh, f"knows no final block after {final}")
            stale.close()  # who listens there begins anew
        self._tell()
        return True

    def counted(self, number: BlockNumber, block_hash: str | None, changes: int) -> bool:
        """Keep in mind, for the choice of another node, that a block counts.

        Args:
            changes: what `changes` was before the node was asked.
        Returns: whether the node that said so is still the one in use; else another one may
            not know the block, and nothing is kept in mind.
        """
        with self._lock:
            if changes != self.changes:
                return False
            self._addresses.counted(number, block_hash)
            return True

    def _tell(self) -> None:
        if not self._news:
            return
        with self._lock:
            said, self._news = self._news, []
        for news in said:
            if self.on_node is not None:
                self.on_node(news)

    def pause(self, seconds: float) -> None:
        """Let time pass, unless the node is closed meanwhile."""
        if self._closed.wait(seconds):
            raise NodeUnreachable(str(self._addresses), "the connection was closed")

    # -- what the chain is

    def is_development(self) -> bool:
        """Whether the chain calls itself a development chain."""
        return bool(self._chain_type == "Development")

    def is_local(self) -> bool:
        """Whether it is a development chain or a local test network: its money is worthless."""
        return self._chain_type in ("Development", "Local")

    def chain_name(self) -> str:
        """What its operators call the chain."""
        return str(self.request("system_chain"))

    def token(self) -> Token:
        """The chain's token, as its specification names it."""
        properties = self.request("system_properties")
        found = properties if isinstance(properties, dict) else {}
        symbol, decimals = found.get("tokenSymbol", "UNIT"), found.get("tokenDecimals", 12)
        symbol = symbol[0] if isinstance(symbol, list) and symbol else symbol
        decimals = decimals[0] if isinstance(decimals, list) and decimals else decimals
        if not (isinstance(symbol, str) and symbol.isalnum() and len(symbol) <= 12):
            raise MalformedChainData("a token symbol", symbol)
        if not (isinstance(decimals, int) and 0 <= decimals <= 38):
            raise MalformedChainData("a token's decimal places", decimals)
        return Token(symbol, decimals)

    # -- blocks

    def best(self) -> BlockRef:
        """The head of the best chain."""
        return self._head("chain_getBlockHash", counts=self.wait == "inclusion")

    def finalised(self) -> BlockRef:
        """The last block that cannot be undone."""
        return self._head("chain_getFinalizedHead", counts=self.wait == "finality")

    def settled(self) -> BlockRef:
        """The last block that counts: the best one, or the finalised one (see `wait`)."""
        return self.best() if self.wait == "inclusion" else self.finalised()

    def height(self) -> BlockNumber:
        """Height of `settled`, in one request where that can be."""
        if self.wait == "finality":
            return self.finalised().number
        while True:
            changes = self.changes
            number = number_of(self.request("chain_getHeader"))
            if self.counted(number, None, changes):
                return number

    def _head(self, method: str, *, counts: bool) -> BlockRef:
        while True:
            changes = self.changes
            block_hash = self.request(method)
            header = self.request("chain_getHeader", block_hash)
            if changes != self.changes:
                continue  # the second one may never have heard of what the first one named
            found = BlockRef(number_of(header), block_hash)
            if not counts or self.counted(found.number, found.hash, changes):
                return found

    def block_hash(self, number: int) -> str | None:
        """Hash of the block at that height of the best chain; None above its head."""
        found = self.request("chain_getBlockHash", number)
        return None if found is None else str(found)

    def block(self, block_hash: str) -> Block | None:
        """A block by its hash; None when the node does not have it."""
        found = self.request("chain_getBlock", block_hash)
        if found is None:
            return None
        try:
            body, header = found["block"]["extrinsics"], found["block"]["header"]
            logs, parent = header["digest"]["logs"], str(header["parentHash"])
            upgrades = RUNTIME_UPDATED in logs
            return Block(number_of(header), block_hash, parent, tuple(body), upgrades)
        except (KeyError, TypeError) as error:
            raise MalformedChainData("a block", found) from error

    # -- the runtime

    def runtime(self) -> Runtime:
        """The runtime at the head; loaded anew once the node says that it was upgraded.

        Raises:
            WrongRuntime: it is not a DecentralML runtime that this package knows.
        """
        with self._lock:
            connection = self.connected()
            if self._runtime is None or self._versions is None or self._version_changed():
                with self._reads_again():
                    self._versions = connection.subscribe(
                        "state_subscribeRuntimeVersion", [], "state_unsubscribeRuntimeVersion"
                    )
                self._runtime = self.runtime_at(None)
            return self._runtime

    def _version_changed(self) -> bool:
        current = self._runtime.version.spec_version if self._runtime is not None else None
        last = current
        try:
            # The first one said what ran when the subscription began: only the last one counts.
            while self._versions is not None and (said := self._versions.next(0)) is not None:
                last = said.get("specVersion")
        except ConnectionLost:
            return True
        return last != current

    @contextmanager
    def _reads_again(self) -> Iterator[None]:
        """A subscription that could not be begun leaves None: the next use begins it."""
        try:
            yield
        except (ConnectionLost, AnswerError):
            self._versions = None

    def runtime_at(self, block_hash: str | None) -> Runtime:
        """The runtime of the state after that block (None: the head). Raises as `runtime`."""
        at = [] if block_hash is None else [block_hash]
        said = self.request("state_getRuntimeVersion", *at)
        version = self._fitting(said)
        if self._runtime is not None and self._runtime.version == version:
            return self._runtime
        # Imported here: it takes 0.3 s, which a command that needs no chain should not pay.
        from decentralml.chain.runtime import runtime_of

        loaded = runtime_of(self.request("state_getMetadata", *at), version)
        missing = NEEDED_CALLS - loaded.calls_of(PALLET)
        if missing:
            names = ", ".join(sorted(missing))
            raise WrongRuntime(self.url, f"its {PALLET} pallet lacks the calls {names}")
        return loaded

    def _fitting(self, said: Any) -> Version:
        from decentralml.chain.runtime import Version

        try:
            name, apis = str(said["specName"]), {api for api, _ in said["apis"]}
            version = Version(name, int(said["specVersion"]), int(said["transactionVersion"]))
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedChainData("a runtime version", said) from error
        if name != SPEC_NAME:
            raise WrongRuntime(self.url, f"it runs {ascii(name)[:40]}, not {SPEC_NAME}")
        if MARKET_API not in apis:
            raise WrongRuntime(self.url, f"{name}-{version.spec_version} has no DecentralMLApi")
        return version

    def storage(self, pallet: str, item: str, *params: Any, at: str | None = None) -> Any:
        """Value of a storage item, its default where the pallet gives one, else None."""
        runtime = self.runtime()
        _, kind, default = runtime.storage_key(pallet, item, list(params))
        stored = self.stored_bytes(pallet, item, *params, at=at)
        data = default if stored is None else stored
        return runtime.decode(kind, data) if data or stored is not None else None

    def storages(self, items: Sequence[StorageItem]) -> list[Any]:
        """Values of several storage items at the head, in one request; each as `storage`."""
        runtime = self.runtime()
        described = [runtime.storage_key(pallet, item, rest) for pallet, item, *rest in items]
        keys = [key for key, _, _ in described]
        try:
            ((found),) = self.request("state_queryStorageAt", keys)
            kept = [(key, value) for key, value in found["changes"] if value is not None]
            stored = {key: bytes.fromhex(value[2:]) for key, value in kept}
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedChainData("storage items", keys) from error
        values = []
        for key, kind, default in described:
            data = stored.get(key, default)
            values.append(runtime.decode(kind, data) if data or key in stored else None)
        return values

    def stored_bytes(
        self, pallet: str, item: str, *params: Any, at: str | None = None
    ) -> bytes | None:
        """SCALE bytes of a storage item as they are stored; None where nothing is."""
        key, _, _ = self.runtime().storage_key(pallet, item, list(params))
        raw = self.request("state_getStorage", key, *([] if at is None else [at]))
        return None if raw is None else bytes.fromhex(raw[2:])

    def state_call(self, method: str, argument: bytes, at: str | None = None) -> bytes:
        """What a runtime API answers, as SCALE bytes."""
        parameters = [method, "0x" + argument.hex(), *([] if at is None else [at])]
        return bytes.fromhex(self.request("state_call", *parameters)[2:])

    def runtime_of(self, block: Block) -> Runtime:
        """The runtime that executed a block: of blocks that follow one another asked once.

        A block that changes the runtime says so in its header, so a child of any other block was
        executed by the same runtime as its parent.

        Raises: as `runtime`.
        """
        found = self._executors.get(block.parent)
        if found is None:
            found = self.runtime_at(block.parent if block.number else block.hash)
        if not block.upgrades:
            self._executors[block.hash] = found
            while len(self._executors) > REMEMBERED:
                self._executors.popitem(last=False)
        return found

    def runtime_that_took(self, block: Block, spec_version: int) -> Runtime:
        """The runtime that executed a block with a call that was signed for this version: a call
        enters no block of another one. Raises as `runtime`."""
        known = self._runtime
        if known is not None and known.version.spec_version == spec_version:
            return known
        return self.runtime_of(block)

    def events(
        self,
        block: Block,
        runtime: Runtime,
        *,
        pallet: str | None = None,
        extrinsic: int | None = None,
    ) -> list[RuntimeEvent]:
        """A block's events, decoded with the runtime that executed it; see `Runtime.events`."""
        key, _, _ = runtime.storage_key("System", "Events", [])
        raw = self.request("state_getStorage", key, block.hash)
        if raw is None:
            return []
        return runtime.events(bytes.fromhex(raw[2:]), pallet=pallet, extrinsic=extrinsic)

    # -- signing

    def next_nonce(self, account: AccountId) -> int:
        """The nonce for the account's next transaction, those waiting in the pool counted."""
        return int(self.request("system_accountNextIndex", account))

    def sign(self, call: Call, keypair: Keypair, twin: SignedCall | None = None) -> SignedCall:
        """Sign a call for this chain, with the account's next nonce, or with that of a ``twin`` of
        the same call, so that only one of the two can come in. Sends nothing."""
        from decentralml.chain.runtime import extrinsic_hash

        runtime = self.runtime_at(None)  # asks each time: a stale version is a wasted signature
        self._runtime = runtime
        birth = self.finalised()
        nonce = self.next_nonce(AccountId(keypair.ss58_address)) if twin is None else twin.nonce
        hashes = {0: self.genesis, int(birth.number): birth.hash}
        extrinsic, signed_at = runtime.sign(call, keypair, nonce, ERA_BLOCKS, hashes)
        return SignedCall(
            call=call,
            signer=AccountId(keypair.ss58_address),
            extrinsic=extrinsic,
            hash=extrinsic_hash(extrinsic),
            nonce=nonce,
            signed_at_block=BlockNumber(signed_at),
            era_blocks=ERA_BLOCKS,
            spec_version=runtime.version.spec_version,
            twins=() if twin is None else (*twin.twins, twin.hash),
            since=None if twin is None else BlockNumber(twin.first_block - 1),
        )
