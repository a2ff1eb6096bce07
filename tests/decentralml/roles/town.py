"""People with keys, money, workspaces and a small job, around one chain and one store."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from decentralml.assets.local import LocalStore
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import Manual, TaskKind
from decentralml.learning.layers import Layers
from decentralml.learning.models import read_layers
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.annotator import Annotator
from decentralml.roles.contributor import Contributor
from decentralml.roles.creator import Creator
from decentralml.roles.engineer import Engineer
from decentralml.roles.evaluator import Evaluator
from decentralml.roles.events import Checkpoint, Observer, ignore, pass_by
from decentralml.roles.participant import Participant, Train, Training
from decentralml.roles.posting import Offer
from decentralml.roles.rooms import Machine, Preview, Rooms
from decentralml.roles.workspace import Workspace
from decentralml.runner import Limits, Sandbox, TrustedRunner
from decentralml.types import AccountId, BlockNumber, Planck
from tests.chains import address_of, keypair_of, whose

TOKEN = 10**12
REWARD = Planck(5 * TOKEN)
STAKE = Planck(TOKEN)
BASE: Layers = {
    "dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "dense/bias": np.zeros(3, dtype=np.float32),
}

# Adds the person's own number to every weight; the person's data say how many examples that is.
TRAIN = """
import json, os, pathlib
import numpy as np
from safetensors.numpy import load_file, save_file

data, result = pathlib.Path(os.environ["DATA_DIR"]), pathlib.Path(os.environ["RESULT_DIR"])
step, examples = float((data / "step").read_text()), int((data / "examples").read_text())
layers = load_file(os.environ["MODEL_PATH"])
save_file({name: layer + np.float32(step) for name, layer in layers.items()},
          result / "weights.safetensors")
(result / "result.json").write_text(json.dumps({"examples": examples, "metrics": {"step": step}}))
print("trained round", os.environ["ROUND"], flush=True)
"""
SCRIPT = """#!/bin/sh
set -eu
# A file that can be written only without a sandbox counts how often the script was started.
[ ! -e "$DATA_DIR/runs" ] || echo run >> "$DATA_DIR/runs"
exec python train.py
"""


def trust_all(preview: Preview) -> bool:
    """The decision of somebody who wrote the scripts."""
    return True


@dataclass
class Town:
    """Where the people of a test meet.

    Attributes:
        url: the chain's address, or those of several of its nodes.
        folder: for the store, the workspaces and the people's data.
    """

    url: str | Sequence[str]
    folder: Path
    nodes: dict[int, Node] = field(default_factory=dict)

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "store")

    def market(self, name: str) -> Market:
        """A client that signs as this person; one connection serves all of a thread."""
        node = self.nodes.get(threading.get_ident()) or Node(self.url)
        self.nodes[threading.get_ident()] = node
        return Market(node, keypair_of(name))

    def address(self, name: str) -> AccountId:
        return address_of(name)

    def fund(self, *names: str, tokens: int = 100) -> None:
        bank = self.market("Alice")
        for name in names:
            bank.transfer(self.address(name), Planck(tokens * TOKEN))

    def rooms(
        self, name: str, on_event: Observer = ignore, checkpoint: Checkpoint = pass_by
    ) -> Rooms:
        market = self.market(name)
        workspace = Workspace(self.folder / "workspaces", market.genesis, market.account)
        return Rooms(market, self.store, workspace, on_event, checkpoint)

    def machine(self, name: str, sandbox: Sandbox | None = None) -> Machine:
        limits = Limits(wall_seconds=60)
        return Machine(sandbox or TrustedRunner(), limits, self.data(name), trust_all)

    def data(self, name: str, *, step: float = 1.0, examples: int = 10) -> Path:
        """The person's data: made when first asked for, with an empty count of runs."""
        folder = self.folder / "data" / name
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "runs").touch()
            (folder / "step").write_text(str(step))
            (folder / "examples").write_text(str(examples))
        return folder

    def runs(self, name: str) -> int:
        """How often a script was started on this person's data."""
        return len((self.data(name) / "runs").read_text().splitlines())

    def creator(self, name: str, **rooms: object) -> Creator:
        return Creator(self.rooms(name, **rooms))  # type: ignore[arg-type]

    def evaluator(self, name: str, **rooms: object) -> Evaluator:
        return Evaluator(self.rooms(name, **rooms))  # type: ignore[arg-type]

    def contributor(
        self, name: str, *, sandbox: Sandbox | None = None, **rooms: object
    ) -> Contributor:
        return Contributor(self.rooms(name, **rooms), self.machine(name, sandbox))  # type: ignore[arg-type]

    def participant(self, name: str, train: Train, **rooms: object) -> Participant:
        return Participant(self.rooms(name, **rooms), train)  # type: ignore[arg-type]

    def engineer(self, name: str) -> Engineer:
        return Engineer(self.rooms(name), self.machine(name))

    def annotator(self, name: str) -> Annotator:
        return Annotator(self.rooms(name), self.machine(name))

    def bundle(self, **files: str) -> Path:
        """A task folder with the job above, and further files by name (``_`` for the dot)."""
        folder = self.folder / "bundle"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "start_task.sh").write_text(SCRIPT)
        (folder / "train.py").write_text(TRAIN)
        if whose():
            # Others of a shared chain post this job, too, and nobody shall find theirs in a store.
            (folder / "whose.txt").write_text(whose())
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_text(content)
        return folder

    def base_model(self) -> Path:
        path = self.folder / "model.safetensors"
        save_weights(path, BASE, WeightsHeader(examples=1))
        return path

    def nonce(self, name: str) -> int:
        """How many transactions of this person are in the chain."""
        market = self.market("Alice")
        return int(market.node.storage("System", "Account", self.address(name))["nonce"])

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()
        self.nodes.clear()


def an_offer(**changes: object) -> Offer:
    """A contribution for two workers, one round, validated by the creator."""
    terms: dict[str, object] = {
        "kind": TaskKind.CONTRIBUTION,
        "title": "add a number",
        "reward": REWARD,
        "slots": 2,
        "stake": STAKE,
        "policy": Manual(),
        "accept_for": BlockNumber(1000),
        "round_time": BlockNumber(1000),
        "validate_time": BlockNumber(1000),
        "dispute_time": BlockNumber(1000),
    }
    return Offer(**{**terms, **changes})  # type: ignore[arg-type]


def adding(step: float, examples: int = 10) -> Train:
    """A participant's function that does what the job's script does."""

    def train(training: Training) -> None:
        assert training.model is not None
        moved = {
            name: layer + np.float32(step) for name, layer in read_layers(training.model).items()
        }
        header = WeightsHeader(examples=examples)
        save_weights(training.result / "weights.safetensors", moved, header)
        (training.result / "result.json").write_text(json.dumps({"examples": examples}))

    return train


def layers_of(model: Path) -> Mapping[str, np.ndarray]:
    """The arrays of a model's file."""
    return read_layers(model)
