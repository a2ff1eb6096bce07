"""A coordinator in this process on a real development chain, and participants in threads."""

from __future__ import annotations

import copy
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests

from decentralml.assets.local import LocalStore
from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import Task, TaskResult
from decentralml.compat.coordinator.desk import Desk, kept_keys_of
from decentralml.compat.coordinator.kept_keys import KeptKeys
from decentralml.compat.coordinator.running import Coordinator
from decentralml.compat.coordinator.settings import parsed
from decentralml.compat.xain.hand import Hand
from decentralml.compat.xain.identity import Own
from decentralml.roles.creator import Creator
from decentralml.roles.events import Checkpoint, pass_by
from decentralml.roles.rooms import Rooms
from decentralml.roles.workspace import Workspace
from decentralml.types import TaskId
from pallets_mock.testing import DevChain

TOKEN = 10**12
PATIENCE = 60.0
CONFIG: dict[str, Any] = {
    "job": {"name": "five-floats", "rounds": 3, "reward": "2"},
    "participants": {"fraction": 1.0, "least": 1, "most": 6, "keyless": "keep"},
    "timeouts": {"heartbeat": 20, "training": 30, "signing": 30, "round": 60},
    "model": {"shape": [5], "dtype": "float32"},
    "coordinator": {"port": 0},
    "aggregator": {"port": 0},
}


def key_of(name: str) -> Keypair:
    """A person's key on a development chain."""
    return Keypair.create_from_uri(f"//{name}", ss58_format=42)


@dataclass
class House:
    """Where a coordinator lives and is watched.

    Attributes:
        chain: the development chain.
        folder: for store, workspaces and results.
    """

    chain: DevChain
    folder: Path

    def config(self, **changes: dict[str, Any]) -> dict[str, Any]:
        """The configuration with some values of some tables changed."""
        made = copy.deepcopy(CONFIG)
        for table, values in changes.items():
            made.setdefault(table, {}).update(values)
        return made

    @contextmanager
    def coordinator(
        self, checkpoint: Checkpoint = pass_by, **changes: dict[str, Any]
    ) -> Iterator[Coordinator]:
        """A coordinator that runs, as Alice."""
        settings = parsed(self.config(**changes), self.folder / "coordinator.toml")
        with Coordinator(
            lambda: self._desk(settings, checkpoint), self.market, settings
        ) as running:
            until(lambda: _answers(running))
            yield running

    @contextmanager
    def _desk(self, settings: Any, checkpoint: Checkpoint) -> Iterator[Desk]:
        with Node(self.chain.url) as node:
            creator = Creator(self.rooms(node, "Alice", checkpoint))
            desk = Desk(creator, settings, KeptKeys(kept_keys_of(creator), lambda: "secret"))
            yield desk
            desk.admission.close()
            creator.workspace.close()

    def rooms(self, node: Node, name: str, checkpoint: Checkpoint = pass_by) -> Rooms:
        market = Market(node, key_of(name))
        workspace = Workspace(self.folder / "workspace", market.genesis, market.account, patience=5)
        store = LocalStore(self.folder / "store")
        return Rooms(market, store, workspace, checkpoint=checkpoint)

    @contextmanager
    def market(self) -> Iterator[Market]:
        """For who only looks."""
        with Node(self.chain.url) as node:
            yield Market(node)

    @contextmanager
    def own(self, name: str) -> Iterator[Own]:
        """A participant's own key, with money."""
        with Node(self.chain.url) as node:
            Market(node, key_of("Alice")).transfer(key_of(name).ss58_address, 100 * TOKEN)
            rooms = self.rooms(node, name)
            yield Own(Hand(rooms), key_of(name))
            rooms.workspace.close()

    def task(self, number: int = 0) -> Task:
        with self.market() as market:
            return market.task(TaskId(number))

    def results(self, number: int = 0) -> list[TaskResult]:
        with self.market() as market:
            return market.results_of(TaskId(number))

    def free(self, account: str) -> int:
        with self.market() as market:
            return int(market.balance_of(account).free)


def until(happened: Callable[[], Any]) -> Any:
    """What a function answers, as soon as that is true; asked again and again."""
    end, pause = time.monotonic() + PATIENCE, threading.Event()
    while not (answer := happened()):
        assert time.monotonic() < end, "it never happened"
        pause.wait(0.05)
    return answer


def _answers(running: Coordinator) -> bool:
    """Whether the task is posted; raises what keeps it from that."""
    if running.wait(0):
        raise AssertionError("the coordinator ended at once")
    try:
        return requests.get(f"{running.url}/market", timeout=5).ok
    except requests.Timeout:
        return False


class Raw:
    """A participant by bare HTTP, for tests that want to misbehave."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.id = ""
        self.aggregator = ""

    def meet(self, **query: str) -> dict[str, Any]:
        said: dict[str, Any] = requests.get(
            f"{self.url}/rendez_vous", params=query, timeout=30
        ).json()
        self.id = said["id"] or ""
        return said

    def beat(self) -> str:
        answer = requests.get(f"{self.url}/heartbeat/{self.id}", timeout=30)
        return str(answer.json()["state"])

    def beat_until(self, state: str) -> None:
        """Heartbeats until the coordinator says so."""
        until(lambda: self.beat() == state)

    def start(self) -> dict[str, Any]:
        said: dict[str, Any] = requests.get(
            f"{self.url}/start_training/{self.id}", timeout=30
        ).json()
        if said["ok"]:
            self.aggregator = f"{said['url']}/{self.id}/{said['token']}"
        return said

    def download(self) -> requests.Response:
        return requests.get(self.aggregator, timeout=30)

    def upload(self, body: bytes) -> requests.Response:
        return requests.post(self.aggregator, data=body, timeout=60)


def body_of(values: Any, samples: int = 10, dtype: str = "float32") -> bytes:
    """A result as a participant of the SDK writes it."""
    writer = io.BytesIO()
    writer.write(samples.to_bytes(4, "big"))
    np.save(writer, np.asarray(values, dtype), allow_pickle=False)
    return writer.getvalue()
