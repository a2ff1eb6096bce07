"""Results sealed to a key: the market goes on as without, and nobody else reads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decentralml.assets.sealing.errors import InvalidSealingKey, SealedForAnother
from decentralml.assets.sealing.folders import open_folder, seal_folder
from decentralml.assets.sealing.keys import Identity, SealingKey
from decentralml.chain.records import (
    Accept,
    AutoAccept,
    Delegated,
    Reject,
    ResultStatus,
    TaskKind,
    TaskStatus,
)
from decentralml.errors import OutOfOrder
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.assignee import Assignee
from decentralml.roles.creator import Creator
from decentralml.roles.evaluator import Evaluator
from decentralml.roles.events import Event
from decentralml.roles.job.job import Job
from decentralml.roles.job.plan import Plan
from decentralml.roles.sealed import SEALED, SealingKeyMissing, UnsealableTask, own_identity
from decentralml.roles.worker import Wanted
from decentralml.types import Cid, Round, TaskId
from tests.decentralml.roles.test_hostile_results import manifest_of
from tests.decentralml.roles.town import BASE, REWARD, Town, adding, an_offer, layers_of

ONE = Round(1)
ANYBODY = bytes(32)  # a key that everybody could open


def post(town: Town, key: SealingKey | None = None, **terms: object) -> TaskId:
    """A task of Alice's, sealed to her own key unless another is named."""
    alice = town.creator("Alice")
    offer = an_offer(**{"sealing_key": (key or alice.sealing_key()).raw, **terms})
    return alice.create_task(town.bundle(), offer, model=town.base_model()).task


def only(task: TaskId) -> Wanted:
    return Wanted(tasks=frozenset({task}))


def delivered(town: Town, name: str, task: TaskId, **data: float) -> Cid:
    """This person's honest delivery, as the chain has it."""
    town.data(name, **data)  # type: ignore[arg-type]
    town.contributor(name).work(only(task), once=True)
    return sent_by(town, name, task)


def sent_by(town: Town, name: str, task: TaskId) -> Cid:
    result = town.market("Alice").result(task, ONE, town.address(name))
    assert result is not None
    return result.result


def test_the_creator_opens_validates_pays_and_federates_what_nobody_else_can_read(
    town: Town, tmp_path: Path
) -> None:
    task = post(town)
    cids = [delivered(town, "Bob", task, step=2.0), delivered(town, "Charlie", task, step=4.0)]
    for number, cid in enumerate(cids):
        folder = tmp_path / str(number)
        town.store.fetch(cid, folder)
        assert sorted(path.name for path in folder.iterdir()) == [SEALED, "manifest.json"]
        for stranger in ("Bob", "Charlie", "Dave"):
            with pytest.raises(SealedForAnother):
                open_folder(folder / SEALED, tmp_path / "out", own_identity(town.market(stranger)))
    creator = town.creator("Alice")

    verdicts = creator.validate_all(task)
    report = creator.federate(task)

    assert [verdict for _, verdict in verdicts] == [Accept(), Accept()]
    assert creator.show(task).paid == 2 * REWARD
    for layer, values in layers_of(report.model).items():
        np.testing.assert_allclose(values, BASE[layer] + 3.0)


def test_neither_the_store_nor_the_chain_has_a_readable_copy(town: Town) -> None:
    """Not one block of Bob's weights lies anywhere but in his workspace and in Alice's."""
    task = post(town)
    delivered(town, "Bob", task, step=77.0)
    town.creator("Alice").validate_all(task)
    trained = next((town.folder / "workspaces").rglob("delivery/result/*.safetensors"))
    secret = trained.read_bytes()[-16:]
    stored = [path.read_bytes() for path in (town.folder / "store").iterdir()]
    assert len(stored) == 3  # the bundle, the model, the delivery
    assert not any(secret in content for content in stored)


def test_a_task_accepted_by_itself_pays_and_is_federated_too(town: Town) -> None:
    task = post(town, policy=AutoAccept(), slots=1)
    delivered(town, "Bob", task, step=2.0)
    creator = town.creator("Alice")
    assert creator.show(task).paid == REWARD
    assert len(creator.federate(task).used) == 1


def test_answers_and_engineers_models_are_sealed_as_well(town: Town) -> None:
    task = post(town, kind=TaskKind.ENGINEERING, slots=1)
    town.data("Eve")
    engineer = town.engineer("Eve")
    engineer.accept_task(task)
    engineer.run(task)
    engineer.send_task_result(task)
    (checked,) = town.creator("Alice").fetch_results(task)
    assert checked.refusal is None
    assert (engineer.workspace.round(task, ONE).sealed / SEALED).is_file()


# -- copies and forgeries


Make = Callable[[Town, Assignee, TaskId, Path, Path], None]


def a_copy(town: Town, worker: Assignee, task: TaskId, bobs: Path, folder: Path) -> None:
    shutil.copytree(bobs, folder, dirs_exist_ok=True)


def another_wrapping(town: Town, worker: Assignee, task: TaskId, bobs: Path, folder: Path) -> None:
    """Bob's sealed delivery behind a manifest of one's own."""
    a_copy(town, worker, task, bobs, folder)
    (folder / "manifest.json").write_bytes(manifest_of(worker, task).encode())


def own_work(town: Town, worker: Assignee, task: TaskId, folder: Path) -> Path:
    folder.mkdir()
    (folder / "manifest.json").write_bytes(manifest_of(worker, task).encode())
    (folder / "result").mkdir()
    moved = {name: layer + np.float32(7) for name, layer in BASE.items()}
    save_weights(folder / "result" / "weights.safetensors", moved, WeightsHeader(examples=10))
    (folder / "result" / "result.json").write_text(json.dumps({"examples": 10}))
    return folder


def unsealed(town: Town, worker: Assignee, task: TaskId, bobs: Path, folder: Path) -> None:
    shutil.copytree(own_work(town, worker, task, folder / "x"), folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "x")


def for_another(town: Town, worker: Assignee, task: TaskId, bobs: Path, folder: Path) -> None:
    sealed_by(town, worker, task, folder, Identity.new().public)


def sealed_by(town: Town, worker: Assignee, task: TaskId, folder: Path, key: SealingKey) -> None:
    work = own_work(town, worker, task, folder / "x")
    seal_folder(work, folder / SEALED, key)
    shutil.copy(work / "manifest.json", folder)
    shutil.rmtree(work)


def changed(edit: Callable[[bytes], bytes]) -> Make:
    def make(town: Town, worker: Assignee, task: TaskId, bobs: Path, folder: Path) -> None:
        sealed_by(town, worker, task, folder, town.creator("Alice").sealing_key())
        (folder / SEALED).write_bytes(edit((folder / SEALED).read_bytes()))

    return make


def with_a_readable_copy(
    town: Town, worker: Assignee, task: TaskId, bobs: Path, folder: Path
) -> None:
    changed(lambda data: data)(town, worker, task, bobs, folder)
    (folder / "weights.safetensors").write_bytes(b"for everybody")


ATTACKS: dict[str, Make] = {
    "CopiedResult: its manifest names the worker, as it was sent": a_copy,
    "CopiedResult: its manifest names the worker, in another wrapping": another_wrapping,
    "NotSealed": unsealed,
    "SealedForAnother": for_another,
    "SealBroken, cut": changed(lambda data: data[:-1]),
    "SealBroken, extended": changed(lambda data: data + b"x"),
    "SealBroken, changed": changed(lambda data: data[:-20] + bytes(20)),
    "SealRefused: this is no file sealed to one key": changed(
        lambda data: b"age-encryption.org/v1\n-> scrypt AAAA 60\nAAAA\n--- AAAA\n"
    ),
    "MalformedResult": with_a_readable_copy,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_delivery_is_refused_by_name_and_not_paid(
    town: Town, tmp_path: Path, attack: str
) -> None:
    task = post(town)
    town.store.fetch(delivered(town, "Bob", task), tmp_path / "bobs")
    mallory = town.contributor("Dave")
    mallory.accept_task(task)
    (tmp_path / "hostile").mkdir()
    ATTACKS[attack](town, mallory, task, tmp_path / "bobs", tmp_path / "hostile")
    mallory.market.send_task_result(task, ONE, town.store.put_folder(tmp_path / "hostile"))
    creator = town.creator("Alice")

    verdicts = {c.result.worker: verdict for c, verdict in creator.validate_all(task)}

    refusal = verdicts[mallory.account]
    assert isinstance(refusal, Reject)
    assert refusal.reason.startswith(attack.split(",", maxsplit=1)[0])
    assert verdicts[town.address("Bob")] == Accept()
    assert creator.show(task).paid == REWARD
    assert [part.worker for part in creator.federate(task).used] == [town.address("Bob")]


def test_ones_own_work_sealed_by_hand_is_accepted(town: Town, tmp_path: Path) -> None:
    """The counterpart of the forgeries above: what they change is what they are refused for."""
    task = post(town)
    worker = town.contributor("Dave")
    worker.accept_task(task)
    changed(lambda data: data)(town, worker, task, tmp_path, tmp_path)
    worker.market.send_task_result(task, ONE, town.store.put_folder(tmp_path_only(tmp_path)))
    assert [v for _, v in town.creator("Alice").validate_all(task)] == [Accept()]


def tmp_path_only(folder: Path) -> Path:
    """A copy of what is sealed, without what a test keeps beside it."""
    made = folder / "sealed-by-hand"
    made.mkdir()
    for name in (SEALED, "manifest.json"):
        shutil.copy(folder / name, made)
    return made


# -- keys


def with_keys(role: type[Creator | Evaluator], town: Town, name: str, *keys: Identity) -> Creator:
    rooms = replace(town.rooms(name), identities=keys)
    return role(rooms)  # type: ignore[return-value]


def test_without_the_key_nobody_is_refused(town: Town) -> None:
    key = Identity.new()
    task = post(town, key.public)
    delivered(town, "Bob", task)
    with pytest.raises(SealingKeyMissing, match=str(key.public)):
        town.creator("Alice").validate_all(task)
    result = town.market("Alice").result(task, ONE, town.address("Bob"))
    assert result is not None
    assert result.status is ResultStatus.PENDING

    verdicts = with_keys(Creator, town, "Alice", Identity.new(), key).validate_all(task)

    assert [verdict for _, verdict in verdicts] == [Accept()]


def test_an_evaluator_opens_with_a_key_that_the_creator_shares(town: Town) -> None:
    shared = Identity.new()
    task = post(town, shared.public, policy=Delegated(town.address("Eve")), slots=1)
    delivered(town, "Bob", task, step=2.0)
    with_keys(Evaluator, town, "Eve", shared).work(once=True)  # type: ignore[attr-defined]
    creator = with_keys(Creator, town, "Alice", shared)
    assert creator.show(task).paid == REWARD
    assert len(creator.federate(task).used) == 1


def test_an_evaluator_may_be_sealed_to_and_is_then_the_only_reader(town: Town) -> None:
    eve = town.evaluator("Eve")
    key = own_identity(eve.market).public
    task = post(town, key, policy=Delegated(eve.account), slots=1)
    delivered(town, "Bob", task)
    eve.work(once=True)
    creator = town.creator("Alice")
    assert creator.show(task).paid == REWARD
    with pytest.raises(SealingKeyMissing):
        creator.federate(task)


def test_a_task_without_a_key_holds_up_no_other_and_is_told_of_once(town: Town) -> None:
    told: list[Event] = []
    policy = Delegated(town.address("Eve"))
    closed = post(town, Identity.new().public, policy=policy, slots=1)
    delivered(town, "Bob", closed)
    eve = town.evaluator("Eve", on_event=told.append)
    open_ = post(town, own_identity(eve.market).public, policy=policy, slots=1)
    delivered(town, "Charlie", open_)
    passes = iter([False, False, True])

    eve.watch(lambda: [closed, open_], stop=lambda: next(passes, True))

    assert eve.show(open_).paid == REWARD
    assert eve.show(closed).paid == 0
    assert ["none of your keys" in event.text for event in told].count(True) == 1


def test_a_key_that_only_the_creator_has_is_refused_where_another_validates(town: Town) -> None:
    with pytest.raises(OutOfOrder, match="new-sealing-key"):
        post(town, policy=Delegated(town.address("Eve")))
    assert town.creator("Alice").tasks() == []


def test_a_key_that_everybody_opens_is_not_posted(town: Town) -> None:
    alice = town.creator("Alice")
    with pytest.raises(InvalidSealingKey):
        alice.create_task(town.bundle(), an_offer(sealing_key=ANYBODY), model=town.base_model())
    assert alice.tasks() == []


def test_a_task_with_such_a_key_is_taken_on_by_nobody(town: Town) -> None:
    offer = an_offer(sealing_key=ANYBODY)
    alice = town.market("Alice")
    bundle, model = town.store.put_folder(town.bundle()), None
    task, _ = alice.create_task(offer.terms(bundle, model, alice.head()))
    bob = town.contributor("Bob")
    with pytest.raises(UnsealableTask):
        bob.accept_task(task)
    with pytest.raises(UnsealableTask):
        bob.preview(task)
    assert bob.work(only(task), once=True).sent == []
    assert alice.assignment(task, bob.account) is None


def test_the_key_follows_from_the_signing_key(town: Town) -> None:
    alice = town.creator("Alice").sealing_key()
    assert alice == town.creator("Alice").sealing_key()
    assert alice != town.creator("Bob").sealing_key()


# -- killed between sealing and sending


class Killed(BaseException):
    """Ends a process of the story, as nothing catches it."""


@pytest.mark.parametrize(
    "step", ["seal/{}/1:before", "seal/{}/1:done", "upload/{}/1:before", "upload/{}/1:stored",
             "upload/{}/1:done", "send/{}/1:decided", "send/{}/1:signed", "send/{}/1:included"],
)  # fmt: skip
def test_killed_anywhere_one_delivery_is_sealed_and_that_one_is_sent(town: Town, step: str) -> None:
    task = post(town, slots=1)
    town.data("Bob")
    seen: list[str] = []

    def kill(name: str) -> None:
        seen.append(name)
        if name == step.format(task):
            raise Killed

    with pytest.raises(Killed):
        town.contributor("Bob", checkpoint=kill).work(only(task), once=True)
    sealed = town.contributor("Bob").workspace.round(task, ONE).sealed / SEALED
    before = sealed.read_bytes() if sealed.exists() else None

    cid = delivered(town, "Bob", task)

    assert before in (None, sealed.read_bytes())
    assert cid == town.store.put_folder(sealed.parent)
    assert town.runs("Bob") == 1
    assert [v for _, v in town.creator("Alice").validate_all(task)] == [Accept()]


def test_half_a_seal_is_never_sent(town: Town) -> None:
    """What a process left that was killed while it sealed."""
    task = post(town, slots=1)
    bob = town.contributor("Bob")
    town.data("Bob")
    bob.accept_task(task)
    bob.run(task)
    folder = bob.workspace.round(task, ONE)
    (folder.folder / "sealed.tmp").mkdir()
    (folder.folder / "sealed.tmp" / SEALED).write_bytes(b"half")
    bob.send_task_result(task)
    assert [v for _, v in town.creator("Alice").validate_all(task)] == [Accept()]


def test_what_is_settled_is_cleared_away_on_both_sides(town: Town) -> None:
    task = post(town, rounds=3, slots=1)
    for _ in range(3):
        town.participant("Bob", adding(1.0)).take_part(task, once=True)
        Job(town.creator("Alice"), task, Plan()).run(once=True)
    bob, alice = town.participant("Bob", adding(1.0)), town.creator("Alice")
    bob.take_part(task, once=True)
    assert not bob.workspace.round(task, ONE).sealed.exists()
    assert not alice.workspace.round(task, ONE).opened(bob.account).exists()
    assert not alice.workspace.round(task, ONE).received(bob.account).exists()


# -- a whole job


def test_a_sealed_job_of_three_workers_and_two_rounds_is_federated_and_paid(town: Town) -> None:
    names = {"Bob": 1.0, "Charlie": 2.0, "Dave": 6.0}
    task = post(town, rounds=2, slots=3)
    figures = Plan(evaluate=lambda model: {"accuracy": float(layers_of(model)["dense/bias"][0])})
    for _ in range(2):
        work(town, task, names)
        report = Job(town.creator("Alice"), task, figures).run(once=True)

    assert report.ended == "every round is done"
    assert [done.figures["accuracy"] for done in report.rounds] == [3.0, 6.0]
    now = town.creator("Alice").show(task)
    assert (now.status, now.paid, now.owed) == (TaskStatus.COMPLETED, 6 * REWARD, 0)
    for result in town.creator("Alice").results(task):
        assert result.status is ResultStatus.ACCEPTED


def work(town: Town, task: TaskId, steps: dict[str, float]) -> None:
    """The first by the task's script, the others by functions of their own."""
    first, *others = steps
    town.data(first, step=steps[first])
    town.contributor(first).work(only(task), once=True)
    for name in others:
        town.participant(name, adding(steps[name])).take_part(task, once=True)


def test_copies_among_sealed_models_are_found(town: Town) -> None:
    """Equal weights, sealed by two: what is inside is compared."""
    task = post(town)
    delivered(town, "Bob", task, step=2.0)
    delivered(town, "Charlie", task, step=2.0)
    verdicts = dict(reasons(town, task))
    assert verdicts[town.address("Bob")] == ""
    assert verdicts[town.address("Charlie")].startswith("CopiedWeights")


def reasons(town: Town, task: TaskId) -> Iterable[tuple[str, str]]:
    for checked, _ in town.creator("Alice").validate_all(task):
        yield checked.result.worker, checked.reason
