"""Flower's client side: a `NumPyClient` takes part in a job of the market, unchanged.

    from decentralml.compat import flower as fl
    fl.client.start_numpy_client(server_address="ws://127.0.0.1:9944", client=FlowerClient())

The client's code runs in this process, as it does under Flower: it is the person's own.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
from collections.abc import Callable
from typing import Any

from decentralml.chain.records import Task, TaskKind
from decentralml.compat.flower.bundle import Asks, JobNote
from decentralml.compat.flower.common import Config, Context, NDArrays, Scalar
from decentralml.compat.flower.errors import ClientMisbehaved, NotAFlowerJob, NotSupported
from decentralml.compat.flower.rooms import Address, open_rooms
from decentralml.compat.flower.work import ClientWork, implements
from decentralml.errors import AssetError, ConfigError, RoleError
from decentralml.roles.participant import Participant
from decentralml.roles.rooms import Rooms
from decentralml.roles.waiting import wait_for_news
from decentralml.roles.worker import never
from decentralml.types import AccountId, TaskId

__all__ = ["NumPyClient", "start_client", "start_numpy_client", "take_part"]
log = logging.getLogger("decentralml.flower")


class NumPyClient:
    """Flower's base class, for clients on a machine without `flwr`; one of `flwr` does as well."""

    def get_properties(self, config: Config) -> dict[str, Scalar]:
        """As Flower's; the market never asks."""
        return {}

    def get_parameters(self, config: Config) -> NDArrays:
        """The model's arrays, in an order that stays the same."""
        return []

    def fit(self, parameters: NDArrays, config: Config) -> tuple[NDArrays, int, dict[str, Scalar]]:
        """Train from `parameters`; returns (new parameters, examples, metrics)."""
        return [], 0, {}

    def evaluate(
        self, parameters: NDArrays, config: Config
    ) -> tuple[float, int, dict[str, Scalar]]:
        """Measure `parameters`; returns (loss, examples, metrics)."""
        return 0.0, 0, {}

    def to_client(self) -> NumPyClient:
        """This client: `start_client` takes both."""
        return self


def start_numpy_client(*, server_address: str | None, client: Any, **options: Any) -> None:
    """As `start_client` with a `NumPyClient`."""
    start_client(server_address=server_address, client=client, **options)


def start_client(
    *,
    server_address: str | None,
    client_fn: Callable[..., Any] | None = None,
    client: Any | None = None,
    stop: Callable[[], bool] = never,
    **options: Any,
) -> None:
    """Wait for a Flower server's job on the market, take part in it to its end, and return.

    Killed and started again it goes on where it was.

    Args:
        server_address: ``ws://…`` of a chain's node, and behind ``#`` the account whose jobs count.
            On a chain that is no development chain the account must be named.
        client_fn: makes the client, from a `Context` (or, as in older Flower, from a text).
        client: the client, or what its `to_client()` returns.
        stop: asked at least once a second; True ends it between two steps. Not in Flower.
        options: Flower's others. `grpc_max_message_length` has nothing to limit here and is
            ignored; every other one is refused.

    Raises:
        NotSupported: an option, address or client that has no meaning here.
        ClientMisbehaved: there is no `fit`.
        TaskFailed: the client failed twice in one round, so its place was given up; the cause is
            what it raised.
        ConfigError: no key is named, or no account.
        ChainError: the chain cannot be reached any more.
    """
    _refuse(options)
    address = Address.parse(server_address)
    with open_rooms(address) as rooms:
        made = _numpy_client(client, client_fn, rooms.workspace.account)
        if address.creator is None and not rooms.market.is_development():
            raise ConfigError(
                "Name the account whose jobs you train for behind the node's address, as in "
                "wss://node.example#5Grwva…, so that your data serve nobody else."
            )
        take_part(rooms, made, address.creator, stop=stop)


def take_part(
    rooms: Rooms,
    client: Any,
    creator: AccountId | None = None,
    *,
    stop: Callable[[], bool] = never,
) -> TaskId | None:
    """What `start_client` does once it has its rooms: for programs that have theirs already.

    Returns: the task in which it trained; None when it was stopped before.
    """
    participant, passed = Participant(rooms, ClientWork(client)), set[TaskId]()
    while not stop():
        head = rooms.market.head()
        for task, asks in _jobs(participant, client, creator, passed):
            log.info("task %d asks for %s", task, asks.value)
            participant.take_part(task, stop=stop)
            passed.add(task)
            if asks is Asks.FIT and rooms.market.assignment(task, rooms.workspace.account):
                return None if stop() else task
            break
        else:
            wait_for_news(rooms.market, head, None, _may_be_a_job, stop)
    return None


def _jobs(
    participant: Participant, client: Any, creator: AccountId | None, passed: set[TaskId]
) -> list[tuple[TaskId, Asks]]:
    """Flower jobs to take part in: those under way first, then the newest."""
    under_way = [participant.show_if_kept(a.task) for a in participant.assignments() if not a.ended]
    known = {task.id: task for task in under_way if task is not None}
    known |= {task.id: task for task in participant.open_tasks() if task.id not in known}
    found = []
    for task in known.values():
        if task.id in passed or (creator is not None and task.creator != creator):
            continue
        asks = _asked(participant, task)
        if asks is None or (asks is Asks.PARAMETERS and not implements(client, "get_parameters")):
            passed.add(task.id)
        else:
            found.append((task.id, asks))
    return found


def _asked(participant: Participant, task: Task) -> Asks | None:
    """What a Flower job asks; None for every other task."""
    if task.terms.kind is not TaskKind.CONTRIBUTION:
        return None
    try:
        return JobNote.read(participant.preview(task.id).bundle).asks
    except NotAFlowerJob:
        return None
    except (AssetError, RoleError) as error:
        log.warning("task %d is left out: %s", task.id, error)
        return None


def _may_be_a_job(task: TaskId, event: str) -> bool:
    return event in {"TaskCreated", "AssignmentReleased"}


def _numpy_client(client: Any, client_fn: Callable[..., Any] | None, account: AccountId) -> Any:
    if (client is None) == (client_fn is None):
        raise NotSupported("a client given twice or not at all", "give `client` or `client_fn`")
    made = client if client_fn is None else _made(client_fn, account)
    # What Flower's to_client() returns wraps the object that was written.
    found = getattr(made, "numpy_client", made)
    if not implements(found, "fit"):
        raise ClientMisbehaved("fit", "is missing")
    if "FitIns" in str(inspect.signature(found.fit)):
        raise NotSupported("a client with `fit(FitIns)`", "write it as a NumPyClient")
    return found


def _made(client_fn: Callable[..., Any], account: AccountId) -> Any:
    digest = hashlib.blake2b(account.encode(), digest_size=8).digest()
    context = Context(int.from_bytes(digest, "big") >> 1)
    first = next(iter(inspect.signature(client_fn).parameters.values()), None)
    if first is not None and (first.annotation in (str, "str") or first.name == "cid"):
        return client_fn(str(account))
    return client_fn(context)


def _refuse(options: dict[str, Any]) -> None:
    for name, value in options.items():
        if name != "grpc_max_message_length" and value is not None:
            raise NotSupported(
                f"the option {name}",
                "leave it out: the chain's address (ws:// or wss://) and the settings say all",
            )
