"""From round to round a contributor fetches only what changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.weights import WeightsHeader, save_weights
from tests.contracts.counting import CountingStore
from tests.decentralml.roles.town import Town, an_offer

FROZEN = np.random.default_rng(1).standard_normal((4, 1 << 20)).astype(np.float32)  # 16 MiB


def model(path: Path, head: float) -> Path:
    layers = {"a frozen layer": FROZEN, "the head": np.full(4, head, np.float32)}
    save_weights(path, layers, WeightsHeader(examples=1))
    return path


def test_a_frozen_layer_is_fetched_once_for_all_rounds(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CountingStore(town.folder / "store")
    monkeypatch.setattr(Town, "store", store)
    creator, bob = town.creator("Alice"), town.contributor("Bob")
    first = model(town.folder / "model.safetensors", 1.0)
    task = creator.create_task(town.bundle(), an_offer(slots=1, rounds=2), model=first).task
    bob.accept_task(task)
    creator.start_round(task, model(town.folder / "model.safetensors", 2.0))
    store.asked = 0

    bob.run(task)

    assert store.asked < 2 << 20  # of 16 MiB
