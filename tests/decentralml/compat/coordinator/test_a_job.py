"""A whole job: what participants are told, and what the chain says in the end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import xain_sdk

from decentralml.chain.records import ResultStatus, TaskStatus
from decentralml.compat import xain as our_sdk
from decentralml.compat.xain.participant import Run
from tests.decentralml.compat.coordinator.house import TOKEN, House, key_of

PERIOD = 0.05


def participant(base: type, step: float, seen: list[Any]) -> Any:
    """Adds its step to the weights; begins at its step. Written once for both SDKs."""

    class Adder(base):  # type: ignore[misc]
        def deserialize_training_input(self, data: bytes) -> np.ndarray | None:
            return np.load(io.BytesIO(data), allow_pickle=False) if data else None

        def train_round(self, training_input: np.ndarray | None) -> np.ndarray:
            seen.append(training_input)
            before = np.zeros(5, np.float32) if training_input is None else training_input
            return before + np.float32(step)

        def serialize_training_result(self, training_result: np.ndarray) -> memoryview:
            writer = io.BytesIO(b"")
            writer.write((10).to_bytes(4, byteorder="big"))
            np.save(writer, training_result, allow_pickle=False)
            return writer.getbuffer()[:]

    return Adder()


def test_a_participant_without_a_key_is_paid_to_a_key_that_is_kept_for_it(house: House) -> None:
    seen: list[Any] = []
    with house.coordinator() as running:
        our_sdk.run_participant(participant(our_sdk.ParticipantABC, 1, seen), running.url, PERIOD)
        assert running.wait(30)

    assert seen[0] is None
    assert [list(weights) for weights in seen[1:]] == [[1.0] * 5, [2.0] * 5]
    task = house.task()
    assert task.status is TaskStatus.WITHDRAWN  # places were left: they are not paid for
    assert (task.paid, task.owed) == (3 * 2 * TOKEN, 0)
    (kept,) = {result.worker for result in house.results()}
    assert kept != key_of("Alice").ss58_address


def test_the_real_sdks_participant_takes_part_unchanged(house: House) -> None:
    seen: list[Any] = []
    with house.coordinator() as running:
        xain_sdk.run_participant(participant(xain_sdk.ParticipantABC, 2, seen), running.url, PERIOD)
        assert running.wait(30)

    assert [None if w is None else float(w[0]) for w in seen] == [None, 2.0, 4.0]
    assert {result.status for result in house.results()} == {ResultStatus.ACCEPTED}


def test_a_participant_with_a_key_signs_for_itself(house: House) -> None:
    seen: list[Any] = []
    with (
        house.coordinator(participants={"keyless": "refuse"}) as running,
        house.own("Bob") as own,
    ):
        before = house.free(own.hand.account)
        Run(participant(our_sdk.ParticipantABC, 1, seen), running.url, PERIOD, own).run()
        assert running.wait(30)

        assert len(seen) == 3
        assert {result.worker for result in house.results()} == {own.hand.account}
        assert house.free(own.hand.account) - before > 5.9 * TOKEN  # 6 less fees and deposits
        assert own.hand.market.assignment(house.task().id, own.hand.account).ended


def test_when_no_result_can_be_used_the_next_round_begins_with_the_same_weights(
    house: House,
) -> None:
    store, kept = house.folder / "store", set[Path]()

    def lose_the_first_result(name: str) -> None:
        if name == "accept/0:done":
            kept.update(store.rglob("*"))
        if name.startswith("fetch/0/result of") and name.endswith(":before") and kept:
            for file in set(store.rglob("*")) - kept:
                file.unlink()
            kept.clear()

    seen: list[Any] = []
    with house.coordinator(checkpoint=lose_the_first_result, job={"rounds": 2}) as running:
        our_sdk.run_participant(participant(our_sdk.ParticipantABC, 1, seen), running.url, PERIOD)
        assert running.wait(30)

    assert seen == [None, None]
    statuses = {result.round: result.status for result in house.results()}
    assert statuses == {1: ResultStatus.REJECTED, 2: ResultStatus.ACCEPTED}


def test_a_server_optimiser_goes_on_from_round_to_round(house: House) -> None:
    initial = house.folder / "initial.npy"
    np.save(initial, np.zeros(5, np.float32))
    seen: list[Any] = []
    model = {
        "initial": str(initial),
        "result": str(house.folder / "final.npy"),
        "strategy": "fedavgm",
        "strategy_options": {"momentum": 0.5, "learning_rate": 1.0},
    }
    with house.coordinator(model=model) as running:
        our_sdk.run_participant(participant(our_sdk.ParticipantABC, 1, seen), running.url, PERIOD)
        assert running.wait(30)

    # Each result is one step ahead; the server adds half of what it moved before.
    assert [float(weights[0]) for weights in seen] == [0.0, 1.0, 2.5]
    assert np.load(house.folder / "final.npy").tolist() == [4.25] * 5
