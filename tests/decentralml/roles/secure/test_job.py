"""A whole secure job on a chain with the real runtime: sums are right, single updates unseen.

People act one after another here, each as far as possible without waiting for the chain, so that
who drops out, joins or is killed does so at a known step.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from decentralml.chain.records import Delegated, Task, TaskStatus
from decentralml.errors import OutOfOrder, TaskFailed
from decentralml.learning.models import read_layers
from decentralml.learning.privacy.central import Private
from decentralml.learning.secagg import keys
from decentralml.learning.secagg.session import Announcement
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.strategies.fedprox import FedProx
from decentralml.learning.strategies.median import Median
from decentralml.learning.strategies.scaffold import Scaffold
from decentralml.roles.events import Event
from decentralml.roles.job.plan import InvalidPlan, JobReport, Plan
from decentralml.roles.participant import Participant, Train
from decentralml.roles.sealed import is_sealed
from decentralml.roles.secure.message import FILE, MASKED, read_message
from decentralml.roles.secure.settings import SecureSettings, rounds_for, write_secure
from decentralml.roles.secure.work import _Turn
from decentralml.roles.worker import Wanted
from decentralml.roles.workspace import RoundFolder
from decentralml.types import BlockNumber, Round, TaskId
from pallets_mock.testing import DevChain
from tests.chains import as_many
from tests.decentralml.roles.town import REWARD, Town, adding, an_offer

NAMES = ("Bob", "Charlie", "Dave", "Eve")
TRAIN: Mapping[str, Train] = {
    name: adding(step=float(at), examples=at) for at, name in enumerate(NAMES, 1)
}
ALL_FOUR = (1 * 1 + 2 * 2 + 3 * 3 + 4 * 4) / (1 + 2 + 3 + 4)
WITHOUT_EVE = (1 * 1 + 2 * 2 + 3 * 3) / (1 + 2 + 3)


def post(town: Town, trainings: int, **terms: object) -> TaskId:
    bundle = town.bundle()
    write_secure(bundle, SecureSettings(threshold=0.6, min_members=3, bound=10.0))
    offer = an_offer(**{"rounds": rounds_for(trainings), "slots": len(NAMES), **terms})
    return town.creator("Alice").create_task(bundle, offer, model=town.base_model()).task


def act(town: Town, task: TaskId, names: Iterable[str] = NAMES, **train: Train) -> None:
    for name in names:
        town.participant(name, train.get(name, TRAIN[name])).take_part(task, once=True)


def go_on(town: Town, task: TaskId, **plan: object) -> JobReport:
    return town.creator("Alice").run_job(task, Plan(**plan), once=True)  # type: ignore[arg-type]


def last_bias(report: JobReport) -> np.ndarray:
    return np.asarray(read_layers(report.rounds[-1].model)["dense/bias"])


def test_each_sum_is_the_weighted_mean_of_all_updates_and_every_message_is_paid(
    town: Town,
) -> None:
    task = post(town, trainings=2)
    models = []
    for _ in range(rounds_for(2)):
        act(town, task)
        report = go_on(town, task)
        models.append(last_bias(report))

    assert report.ended == "every round is done"
    expected = [0, 0, 0, ALL_FOUR, ALL_FOUR, 2 * ALL_FOUR]
    np.testing.assert_allclose([model[0] for model in models], expected, atol=1e-6)
    assert [r.figures.get("examples") for r in report.rounds] == [None, None, None, 10, None, 10]
    market = town.market("Alice")
    assert market.task(task).status is TaskStatus.COMPLETED
    assert {market.reputation(town.address(n)).earned for n in NAMES} == {6 * REWARD}


def test_a_sealed_secure_job_seals_the_masked_updates_and_nothing_that_members_read(
    town: Town,
) -> None:
    task = post(town, trainings=1, sealing_key=town.creator("Alice").sealing_key().raw)
    for _ in range(rounds_for(1)):
        act(town, task)
        report = go_on(town, task)

    assert report.ended == "every round is done"
    np.testing.assert_allclose(last_bias(report), ALL_FOUR, atol=1e-6)
    market = town.market("Alice")
    sealed: dict[int, set[bool]] = {}
    for result in market.results_of(task):
        folder = town.folder / result.result
        town.store.fetch(result.result, folder)
        sealed.setdefault(result.round, set()).add(is_sealed(folder))
    assert sealed == {1: {False}, 2: {False}, 3: {True}, 4: {False}}
    assert {market.reputation(town.address(n)).earned for n in NAMES} == {4 * REWARD}


def test_a_sealed_message_that_members_have_to_read_is_refused(town: Town) -> None:
    task = post(town, trainings=1, sealing_key=town.creator("Alice").sealing_key().raw)
    for name in NAMES:
        member = (SealsAll if name == "Eve" else Participant)(town.rooms(name), TRAIN[name])
        member.take_part(task, once=True)
    creator = town.creator("Alice")

    reasons = {c.result.worker: c.reason for c, _ in creator.validate_all(task)}

    assert reasons.pop(town.address("Eve")).startswith("NotToBeSealed")
    assert set(reasons.values()) == {""}


class SealsAll(Participant):
    """Seals what it should not."""

    def _leaves_sealed(self, task: Task, folder: RoundFolder) -> bool:
        return True


def test_one_who_drops_out_after_sharing_keys_is_left_out_of_the_sum(town: Town) -> None:
    task = post(town, trainings=1)
    for number in range(1, 5):
        act(town, task, NAMES if number < 3 else NAMES[:3])
        report = go_on(town, task, fraction=0.75)

    np.testing.assert_allclose(last_bias(report), WITHOUT_EVE, atol=1e-6)
    assert report.rounds[-1].figures["examples"] == 6


def test_one_who_drops_out_after_sending_its_update_is_in_the_sum(town: Town) -> None:
    task = post(town, trainings=1)
    for number in range(1, 5):
        act(town, task, NAMES if number < 4 else NAMES[:3])
        report = go_on(town, task, fraction=0.75)

    np.testing.assert_allclose(last_bias(report), ALL_FOUR, atol=1e-6)


def test_who_comes_back_or_joins_later_is_in_the_next_sum(town: Town) -> None:
    """Eve accepts, and misses the first announcements; by the second she takes part."""
    task = post(town, trainings=2)
    act(town, task)
    go_on(town, task, fraction=0.75)
    act(town, task, NAMES[:3])
    go_on(town, task, fraction=0.75)
    for _ in range(4):
        act(town, task)
        report = go_on(town, task)

    assert [done.figures.get("examples") for done in report.rounds[2:]] == [None, 6, None, 10]
    np.testing.assert_allclose(last_bias(report), WITHOUT_EVE + ALL_FOUR, atol=1e-6)


def test_the_server_may_take_any_step_from_the_sum(town: Town) -> None:
    task = post(town, trainings=2)
    for _ in range(rounds_for(2)):
        act(town, task)
        report = go_on(town, task, strategy=FedAvgM(momentum=0.5, learning_rate=1.0))

    # The first step is 3, the second 0.5 * 3 + 3.
    np.testing.assert_allclose(last_bias(report), 2.5 * ALL_FOUR, atol=1e-5)


def test_what_the_creator_gets_of_one_worker_is_a_masked_file_and_nothing_else(town: Town) -> None:
    task = post(town, trainings=1)
    act(town, task)
    go_on(town, task)
    act(town, task)
    go_on(town, task)
    act(town, task)

    alice, bob = town.creator("Alice"), town.participant("Bob", TRAIN["Bob"])
    sent = {c.result.worker: c for c in alice.fetch_results(task, Round(3))}[bob.account]
    assert sent.folder is not None
    assert sorted(path.name for path in sent.folder.iterdir()) == [MASKED, FILE]
    numbers = np.fromfile(sent.folder / MASKED, "<u8")
    assert numbers.size == 1 + 9  # the count of examples, and the model's numbers
    # Unmasked all nine would be equal: everybody adds one number to the whole model.
    assert np.unique(numbers).size == numbers.size
    assert numbers.max() > 2**56  # of ten even draws, all below that once in 10**24


def test_the_same_update_is_another_masked_file_in_the_next_training(town: Town) -> None:
    task = post(town, trainings=2)
    masked = []
    for number in range(1, 6):
        act(town, task)
        if number in (3, 5):
            found = town.creator("Alice").fetch_results(task, Round(number))
            masked.append({c.result.worker: read_message(c.folder).masked for c in found})  # type: ignore[arg-type]
            masked[-1] = {w: path.read_bytes() for w, path in masked[-1].items()}
        go_on(town, task)

    first, second = masked
    assert all(first[worker] != second[worker] for worker in first)


def test_secrets_are_the_persons_own_and_in_no_journal(town: Town) -> None:
    task = post(town, trainings=1)
    for _ in range(3):
        act(town, task)
        go_on(town, task)

    bob = town.participant("Bob", TRAIN["Bob"])
    folder = bob.workspace.task(task) / "secure"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    vault = bob.vault(task)
    hidden = [vault.channel(), vault.secrets(1).pair, vault.secrets(1).own]
    seen = [p for p in town.folder.rglob("*") if p.is_file() and p.parent != folder]
    assert any(path.name.startswith("journal") for path in seen)
    for content in (path.read_bytes() for path in seen):
        assert not any(secret in content for secret in hidden)
        assert not any(secret.hex().encode() in content for secret in hidden)
    public = keys.public_of(vault.channel()).hex().encode()
    assert any(public in path.read_bytes() for path in seen)  # so that the search does search


def test_too_few_announcements_lose_one_training_and_not_the_job(
    town: Town, chain: DevChain
) -> None:
    lasts = as_many(chain, development=40, network=60)
    task = post(town, trainings=2, round_time=BlockNumber(lasts))
    told: list[Event] = []
    act(town, task)
    go_on(town, task)
    act(town, task, NAMES[:2])
    creator = town.creator("Alice", on_event=told.append)
    assert creator.run_job(task, Plan(), once=True).rounds[-1].number == 1  # it still waits
    chain.new_block(lasts)
    for _ in range(5):
        creator.run_job(task, Plan(release_missed=False), once=True)
        act(town, task)
        report = go_on(town, task, release_missed=False)

    assert any("2 of the 3 members needed announced" in event.text for event in told)
    assert report.ended == "every round is done"
    sums = [done.number for done in report.rounds if "examples" in done.figures]
    assert sums == [6]


def test_an_update_beyond_the_jobs_bound_is_not_sent_and_its_owner_told(town: Town) -> None:
    task = post(town, trainings=1)
    told: list[Event] = []
    for number in range(1, 5):
        act(town, task, NAMES[:3])
        eve = town.participant("Eve", adding(11.0), on_event=told.append)
        if number < 4:
            with suppress(TaskFailed):
                eve.take_part(task, once=True)
        report = go_on(town, task, fraction=0.75)

    assert any("the secure job's limit is 10" in event.text for event in told)
    np.testing.assert_allclose(last_bias(report), WITHOUT_EVE, atol=1e-6)


def test_a_task_whose_results_another_account_validates_is_run_by_nobody_as_secure(
    town: Town,
) -> None:
    task = post(town, trainings=1, policy=Delegated(town.address("Ferdie")))
    with pytest.raises(OutOfOrder, match="another account validates"):
        go_on(town, task)


class Spoiler(Participant):
    """Seals shares of other secrets than those it announces."""

    def _turn(self, task: Task, terms: SecureSettings) -> _Turn:
        class Spoilt(_Turn):
            def _announcement(self, channel: bytes) -> Announcement:
                word = super()._announcement(channel)
                return replace(word, commitment=bytes(32))

        turn = super()._turn(task, terms)
        turn.__class__ = Spoilt
        return turn


def test_who_spoils_a_sum_is_found_and_left_out_of_the_next(town: Town) -> None:
    task = post(town, trainings=2)
    told: list[Event] = []
    for _ in range(rounds_for(2)):
        act(town, task, NAMES[:3])
        Spoiler(town.rooms("Eve"), TRAIN["Eve"]).take_part(task, once=True)
        report = town.creator("Alice", on_event=told.append).run_job(task, Plan(), once=True)

    eve = town.address("Eve")
    assert any(f"the shares of {eve}'s secret" in event.text for event in told)
    assert [done.figures.get("examples") for done in report.rounds] == [None] * 5 + [6]
    np.testing.assert_allclose(last_bias(report), WITHOUT_EVE, atol=1e-6)


@pytest.mark.parametrize(
    "strategy", [Median(), Private(FedAvg(), 1.0, 1.0, 4), FedProx(Median()), Scaffold()]
)
def test_a_strategy_that_needs_single_updates_is_refused(town: Town, strategy: Strategy) -> None:
    """Above all one that promises noise: none would be added."""
    task = post(town, trainings=1)
    with pytest.raises(InvalidPlan, match="mean alone"):
        go_on(town, task, strategy=strategy)


def test_masked_results_are_not_federated_by_hand(town: Town) -> None:
    task = post(town, trainings=1)
    act(town, task)
    with pytest.raises(OutOfOrder, match="run its job"):
        town.creator("Alice").federate(task)


def test_scripts_take_part_and_see_no_key(town: Town) -> None:
    """Contributors run the task's script; what it left is masked afterwards."""
    task = post(town, trainings=1)
    for at, name in enumerate(NAMES, 1):
        town.data(name, step=float(at), examples=at)
    for _ in range(4):
        for name in NAMES:
            town.contributor(name).work(Wanted(tasks=frozenset({task})), once=True)
        report = go_on(town, task)

    np.testing.assert_allclose(last_bias(report), ALL_FOUR, atol=1e-6)
    assert [town.runs(name) for name in NAMES] == [1, 1, 1, 1]


class Killed(BaseException):
    """The process ends at a checkpoint."""


class Killer:
    """Ends whoever passes a checkpoint for the first time."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, name: str) -> None:
        if name not in self.seen:
            self.seen.append(name)
            raise Killed


def until_done(action: object) -> None:
    for _ in range(200):
        try:
            action()  # type: ignore[operator]
        except Killed:
            continue
        return
    raise AssertionError("it is killed for ever")


@pytest.mark.slow
def test_a_worker_killed_at_every_checkpoint_takes_part_as_if_nothing_had_happened(
    town: Town,
) -> None:
    task = post(town, trainings=2)
    killer = Killer()
    for _ in range(rounds_for(2)):
        until_done(
            lambda: town.participant("Bob", TRAIN["Bob"], checkpoint=killer).take_part(
                task, once=True
            )
        )
        act(town, task, NAMES[1:])
        report = go_on(town, task)

    assert len(killer.seen) > 60
    assert report.ended == "every round is done"
    np.testing.assert_allclose(last_bias(report), 2 * ALL_FOUR, atol=1e-6)
    assert town.market("Alice").reputation(town.address("Bob")).earned == 6 * REWARD


@pytest.mark.slow
def test_a_creator_killed_at_every_checkpoint_ends_with_the_same_model(town: Town) -> None:
    task = post(town, trainings=2)
    killer = Killer()
    for _ in range(rounds_for(2)):
        act(town, task)
        until_done(
            lambda: town.creator("Alice", checkpoint=killer).run_job(task, Plan(), once=True)
        )
    report = go_on(town, task)

    assert len(killer.seen) > 40
    assert report.ended == "every round is done"
    np.testing.assert_allclose(last_bias(report), 2 * ALL_FOUR, atol=1e-6)
    assert report.rounds[-1].figures["examples"] == 10
