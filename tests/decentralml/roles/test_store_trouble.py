"""A store that is away or lies costs no worker a result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from decentralml.chain.records import Accept, ResultStatus
from decentralml.errors import StoreUnreachable, WrongBytes
from decentralml.roles.creator import Creator
from decentralml.roles.worker import Wanted
from decentralml.types import Cid, Round, TaskId
from tests.decentralml.roles.town import Town, an_offer


@pytest.fixture
def delivered(town: Town) -> tuple[TaskId, Cid]:
    """A contribution of Bob's that waits for a verdict, and its CID."""
    task = town.creator("Alice").create_task(town.bundle(), an_offer(), model=town.base_model())
    town.contributor("Bob").work(Wanted(tasks=frozenset({task.task})), once=True)
    result = town.market("Alice").result(task.task, Round(1), town.address("Bob"))
    assert result is not None
    return task.task, result.result


def test_bytes_that_the_store_damaged_are_not_held_against_the_worker(
    town: Town, delivered: tuple[TaskId, Cid]
) -> None:
    task, cid = delivered
    kept = town.store.root / f"{cid}.car"
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    ((checked, verdict),) = town.creator("Alice").validate_all(task)
    assert verdict is None
    assert isinstance(checked.refusal, WrongBytes)
    assert checked.result.status is ResultStatus.PENDING

    kept.write_bytes(whole)
    ((_, verdict),) = town.creator("Alice").validate_all(task)
    assert verdict == Accept()


def test_a_store_that_is_away_leaves_the_verdict_for_later(
    town: Town, delivered: tuple[TaskId, Cid], tmp_path: Path
) -> None:
    pytest.importorskip("ipfshttpclient")
    from decentralml.assets.ipfs.store import IpfsStore

    away = IpfsStore(f"ipfs://{tmp_path / 'no-daemon-runs-here'}")
    creator = Creator(replace(town.rooms("Alice"), store=away))

    ((checked, verdict),) = creator.validate_all(delivered[0])

    assert verdict is None
    assert isinstance(checked.refusal, StoreUnreachable)
    ((_, verdict),) = town.creator("Alice").validate_all(delivered[0])
    assert verdict == Accept()
