"""What is kept survives: pins a power cut, a sealing key the next version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.errors import WorkspaceBusy
from decentralml.roles.clearing import standing_still
from decentralml.roles.needs import needs_of
from decentralml.roles.pins import Pin, Pins
from decentralml.roles.sealed import own_identity
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId, Cid
from tests.decentralml.roles.town import Town, an_offer

GENESIS = "0x" + "ab" * 32
ALICE = AccountId("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")


def test_pins_take_their_place_whole_and_once_they_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = Pins(tmp_path)
    pins.add([Pin(Cid("bafkone"))])
    before = (tmp_path / "pins.json").read_bytes()
    synced: list[tuple[int, bytes]] = []
    sync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, (tmp_path / "pins.json").read_bytes()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    pins.add([Pin(Cid("bafktwo"))])

    assert synced == [((tmp_path / "pins.json").stat().st_size, before)]


def test_who_clears_waits_for_nobody_who_acts_in_a_workspace(tmp_path: Path) -> None:
    working = Workspace(tmp_path, GENESIS, ALICE)
    with working.hold(), pytest.raises(WorkspaceBusy), standing_still(tmp_path, GENESIS, 0):
        pass
    working.close()


def test_a_task_without_a_model_needs_its_bundle_alone(town: Town) -> None:
    task = town.creator("Alice").create_task(town.bundle(), an_offer()).task
    reader = town.market("Alice")
    assert [need.path for need in needs_of(reader, reader.task(task))] == ["bundle"]


def test_the_sealing_key_of_a_signing_key_is_the_same_in_every_version(town: Town) -> None:
    """Results that were sealed to it before must open; worked out from its definition."""
    node = town.market("Alice").node
    identity = own_identity(Market(node, well_known("//Alice", node)))
    assert str(identity.public) == (
        "age17rtg4vn2x20ssd2saz8nhuw57vmvrjdvalx06qg3anv5ke9ursuq5ksz4t"
    )
