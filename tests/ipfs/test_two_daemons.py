"""Two daemons that know only each other: what is put on one is fetched from the other."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decentralml.assets.ipfs.private import PrivateDaemon
from decentralml.assets.ipfs.store import IpfsStore
from decentralml.chain.records import Accept, TaskStatus
from decentralml.errors import AssetNotFound, StoreUnreachable
from decentralml.roles.rooms import Rooms
from pallets_mock.testing import DevChain
from tests.contracts.store import bundle, tree_of
from tests.decentralml.roles.town import BASE, REWARD, Town, an_offer, layers_of

__all__ = ["bundle"]  # the fixture of the contract

Two = tuple[PrivateDaemon, PrivateDaemon]


def store_on(daemon: PrivateDaemon, patience: float = 20) -> IpfsStore:
    return IpfsStore(daemon.location, patience=patience, comeback=20)


def test_what_is_put_on_one_is_fetched_from_the_other(
    two_daemons: Two, bundle: Path, tmp_path: Path
) -> None:
    here, there = map(store_on, two_daemons)
    cid = here.put_folder(bundle)
    assert not there.has(cid)

    there.fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(bundle)
    assert there.has(cid)
    assert list(there.list()) == []  # fetched, but not kept for anybody


def test_a_file_without_a_byte_comes_across_though_daemons_do_not_hand_it_over(
    two_daemons: Two, tmp_path: Path
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "train.py").write_text("print('trained')\n")
    here, there = (store_on(one, patience=60) for one in two_daemons)
    folder = here.put_folder(tmp_path / "package")
    file = here.put_file(tmp_path / "package" / "__init__.py")
    began = time.monotonic()

    there.fetch(folder, tmp_path / "folder")
    there.fetch(file, tmp_path / "file")

    assert tree_of(tmp_path / "folder") == tree_of(tmp_path / "package")
    assert (tmp_path / "file").read_bytes() == b""
    assert time.monotonic() - began < 50  # no block was waited for in vain


def test_what_neither_has_is_not_found_in_bounded_time(two_daemons: Two, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(100))
    here, there = store_on(two_daemons[0]), store_on(two_daemons[1], patience=1)
    cid = here.put_file(tmp_path / "file")
    here.gc(keep=set())
    began = time.monotonic()

    with pytest.raises(AssetNotFound):
        there.fetch(cid, tmp_path / "copy")

    assert time.monotonic() - began < 50


def test_what_only_a_dead_daemon_has_is_not_found_until_it_is_back(
    two_daemons: Two, bundle: Path, tmp_path: Path
) -> None:
    cid = store_on(two_daemons[0]).put_folder(bundle)
    two_daemons[0].kill()
    with pytest.raises(AssetNotFound):
        store_on(two_daemons[1], patience=1).fetch(cid, tmp_path / "copy")

    two_daemons[0].start()
    store_on(two_daemons[1], patience=30).fetch(cid, tmp_path / "copy")

    assert tree_of(tmp_path / "copy") == tree_of(bundle)


class SpreadTown(Town):
    """A town whose people have daemons of their own."""

    def on(self, **daemons: PrivateDaemon) -> SpreadTown:
        self.daemons = daemons
        return self

    def rooms(self, name: str, *args: object, **more: object) -> Rooms:
        rooms = super().rooms(name, *args, **more)  # type: ignore[arg-type]
        return replace(rooms, store=store_on(self.daemons[name]))


def test_a_whole_job_runs_between_a_creator_on_one_and_contributors_on_the_other(
    two_daemons: Two, tmp_path: Path
) -> None:
    hers, theirs = two_daemons
    with DevChain() as chain:
        town = SpreadTown(chain.url, tmp_path).on(Alice=hers, Bob=theirs, Charlie=theirs)
        creator = town.creator("Alice")
        offer = an_offer(rounds=2)
        task = creator.create_task(town.bundle(), offer, model=town.base_model()).task
        town.data("Bob", step=1.0, examples=30)
        town.data("Charlie", step=5.0, examples=10)
        for number in (1, 2):
            for name in ("Bob", "Charlie"):
                town.contributor(name).work(once=True)
            verdicts = creator.validate_all(task)
            assert [verdict for _, verdict in verdicts] == [Accept()] * 2
            report = creator.federate(task)
            if number == 1:
                creator.start_round(task, report.model)

        assert creator.show(task).paid == 4 * REWARD
        assert creator.show(task).status is TaskStatus.COMPLETED
        for name, layer in layers_of(report.model).items():
            np.testing.assert_allclose(layer, BASE[name] + 4.0)  # (30 x 1 + 10 x 5) / 40, twice
        town.close()


def test_a_creators_daemon_that_is_down_costs_no_worker_a_result(
    two_daemons: Two, tmp_path: Path
) -> None:
    hers, theirs = two_daemons
    with DevChain() as chain:
        town = SpreadTown(chain.url, tmp_path).on(Alice=hers, Bob=theirs)
        creator = town.creator("Alice")
        task = creator.create_task(town.bundle(), an_offer(), model=town.base_model()).task
        town.contributor("Bob").work(once=True)
        hers.kill()

        ((checked, verdict),) = creator.validate_all(task)
        assert verdict is None
        assert isinstance(checked.refusal, StoreUnreachable)

        hers.start()
        ((_, verdict),) = creator.validate_all(task)
        assert verdict == Accept()
        town.close()
