"""A job of two rounds on a real chain; its people share nothing but a bucket, each by a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.assets.cloud.store import CloudStore
from decentralml.chain.records import TaskStatus
from decentralml.roles.rooms import Rooms
from decentralml.roles.worker import Wanted
from decentralml.types import Cid
from pallets_mock.testing import DevChain
from tests.decentralml.roles.town import BASE, REWARD, Town, an_offer, layers_of


class BucketTown(Town):
    """Everybody has a store of his own, as on a machine of his own."""

    location: str
    who: str
    stores: dict[str, CloudStore]

    def rooms(self, name: str, *arguments: Any, **named: Any) -> Rooms:
        self.who = name
        return super().rooms(name, *arguments, **named)

    @property
    def store(self) -> CloudStore:  # type: ignore[override]
        return self.stores.setdefault(self.who, CloudStore(self.location))


@pytest.fixture
def town(url: str, tmp_path: Path) -> Iterator[BucketTown]:
    with DevChain() as chain:
        town = BucketTown(chain.url, tmp_path)
        town.location, town.stores = url, {}
        yield town
        town.close()


@pytest.mark.timeout(300)
def test_a_federated_job_over_a_bucket(town: BucketTown) -> None:
    creator = town.creator("Alice")
    offer = an_offer(slots=2, rounds=2)
    task = creator.create_task(town.bundle(), offer, model=town.base_model()).task
    town.data("Bob", step=1.0, examples=30)
    town.data("Charlie", step=5.0, examples=10)

    for round_ in (1, 2):
        for name in ("Bob", "Charlie"):
            worker = town.contributor(name)
            worker.work(Wanted(tasks=frozenset({task})), once=True)
        creator.validate_all(task)
        report = creator.federate(task)
        assert {part.examples for part in report.used} == {10, 30}
        if round_ == 1:
            creator.start_round(task, report.model)

    for name, layer in layers_of(report.model).items():
        np.testing.assert_allclose(layer, BASE[name] + 4.0)  # twice (30 x 1 + 10 x 5) / 40
    assert creator.show(task).paid == 4 * REWARD
    assert creator.show(task).status is TaskStatus.COMPLETED
    assert len({town.stores[name] for name in ("Alice", "Bob", "Charlie")}) == 3
    kept = set(town.store.list())
    assert {Cid(creator.show(task).terms.bundle), creator.show(task).model} <= kept
    assert len(kept) == 1 + 2 + 4  # the task, a model a round, two results a round
    for cid in kept:
        town.store.verify(cid)
    assert not (town.folder / "store").exists()
