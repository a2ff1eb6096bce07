"""What is not a worker's own sound work is refused by name, and everybody else's still counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decentralml.chain import calls
from decentralml.chain.records import Accept, Reject, TaskKind
from decentralml.errors import OutOfOrder
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.assignee import Assignee
from decentralml.roles.manifest import Manifest
from decentralml.types import Round, TaskId
from pallets_mock.testing import DevChain
from tests.decentralml.roles.hostile_keras import that_unpacks_to_ten_gibibytes, with_a_lambda
from tests.decentralml.roles.town import BASE, REWARD, Town, an_offer, layers_of

ONE = Round(1)


def manifest_of(worker: Assignee, task: TaskId) -> Manifest:
    now = worker.market.task(task)
    return Manifest(
        worker.market.genesis, task, ONE, worker.account, now.terms.bundle, now.terms.model
    )


def send(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
    """What a worker with a client of its own can do: upload anything, send its CID."""
    worker.market.send_task_result(task, ONE, town.store.put_folder(folder))


@pytest.fixture
def task(town: Town) -> TaskId:
    """A contribution that Bob has delivered honestly."""
    offer = an_offer(slots=3)
    task = town.creator("Alice").create_task(town.bundle(), offer, model=town.base_model()).task
    town.data("Bob", step=2.0)
    town.contributor("Bob").work(once=True)
    return task


def copied(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
    """Bob's delivery as it is."""
    folder.rmdir()
    bobs = town.creator("Alice").market.result(task, ONE, town.address("Bob"))
    assert bobs is not None
    town.store.fetch(bobs.result, folder)


def repacked(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
    """Bob's weights under another name, with other figures, and a manifest of one's own."""
    copied(town, worker, task, folder)
    (folder / "manifest.json").write_bytes(manifest_of(worker, task).encode())
    result = folder / "result"
    (result / "weights.safetensors").rename(result / "mine.safetensors")
    (result / "result.json").write_text(json.dumps({"examples": 99999, "metrics": {}}))


def with_layers(layers: dict[str, np.ndarray]) -> Callable[..., None]:
    def make(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
        (folder / "manifest.json").write_bytes(manifest_of(worker, task).encode())
        (folder / "result").mkdir()
        (folder / "result" / "result.json").write_text('{"examples": 10, "metrics": {}}')
        weights = folder / "result" / "weights.safetensors"
        save_weights(weights, BASE, WeightsHeader(examples=10))
        from safetensors.numpy import save_file

        save_file(layers, weights)

    return make


def with_examples(examples: object) -> Callable[..., None]:
    def make(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
        with_layers({k: v + 7 for k, v in BASE.items()})(town, worker, task, folder)
        note = json.dumps({"examples": examples, "metrics": {}})
        (folder / "result" / "result.json").write_text(note)

    return make


def other_round(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
    with_layers({k: v + 7 for k, v in BASE.items()})(town, worker, task, folder)
    other = replace(manifest_of(worker, task), round=Round(2))
    (folder / "manifest.json").write_bytes(other.encode())


def a_pickle(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
    import pickle

    with_layers(dict(BASE))(town, worker, task, folder)
    (folder / "result" / "weights.safetensors").unlink()
    (folder / "result" / "model.keras").write_bytes(pickle.dumps({"weights": [1.0, 2.0]}))


def with_model_file(write: Callable[[Path], None]) -> Callable[..., None]:
    def make(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
        with_layers(dict(BASE))(town, worker, task, folder)
        (folder / "result" / "weights.safetensors").unlink()
        write(folder / "result" / "model.keras")

    return make


def no_manifest(town: Town, worker: Assignee, task: TaskId, folder: Path) -> None:
    (folder / "result").mkdir()
    (folder / "result" / "result.json").write_text('{"examples": 10, "metrics": {}}')


ATTACKS = {
    "CopiedResult": copied,
    "CopiedWeights": repacked,
    "CopiedResult, of another round": other_round,
    "ShapeMismatch": with_layers({**BASE, "dense/bias": np.zeros(4, np.float32)}),
    "DtypeMismatch": with_layers({**BASE, "dense/bias": np.zeros(3, np.float64)}),
    "LayerMismatch": with_layers({"dense/bias": np.zeros(3, np.float32)}),
    "NotFinite, not a number": with_layers({**BASE, "dense/bias": np.full(3, np.nan, np.float32)}),
    "NotFinite, infinite": with_layers({**BASE, "dense/bias": np.full(3, np.inf, np.float32)}),
    "BadExampleCount, none": with_examples(0),
    "BadExampleCount, negative": with_examples(-5),
    "BadExampleCount, a truth value": with_examples(True),
    "PickleRefused": a_pickle,
    "MalformedResult": no_manifest,
    "UnsafeModel: a Lambda layer": with_model_file(with_a_lambda),
    "ArchiveRefused: model.keras unpacks to 107374": with_model_file(that_unpacks_to_ten_gibibytes),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_result_is_rejected_by_name_and_the_honest_one_is_paid_and_federated(
    town: Town, task: TaskId, tmp_path: Path, attack: str
) -> None:
    mallory = town.contributor("Dave")
    mallory.accept_task(task)
    folder = tmp_path / "hostile"
    folder.mkdir()
    ATTACKS[attack](town, mallory, task, folder)
    send(town, mallory, task, folder)
    creator = town.creator("Alice")

    verdicts = {c.result.worker: verdict for c, verdict in creator.validate_all(task)}
    report = creator.federate(task)

    name, _, sentence = attack.split(",", maxsplit=1)[0].partition(": ")
    words = f"{name}: {sentence}"
    refusal = verdicts[mallory.account]
    assert isinstance(refusal, Reject)
    assert refusal.reason.startswith(words)
    on_chain = creator.market.result(task, ONE, mallory.account)
    assert on_chain is not None
    assert on_chain.reason == refusal.reason
    assert verdicts[town.address("Bob")] == Accept()
    assert creator.show(task).paid == REWARD
    assert [part.worker for part in report.used] == [town.address("Bob")]
    for layer, values in layers_of(report.model).items():
        np.testing.assert_allclose(values, BASE[layer] + 2.0)


def test_the_refused_are_named_by_federating_even_before_they_are_rejected(
    town: Town, task: TaskId, tmp_path: Path
) -> None:
    mallory = town.contributor("Dave")
    mallory.accept_task(task)
    folder = tmp_path / "hostile"
    folder.mkdir()
    copied(town, mallory, task, folder)
    send(town, mallory, task, folder)
    report = town.creator("Alice").federate(task)
    assert list(report.refused) == [mallory.account]
    assert report.refused[mallory.account].startswith("CopiedResult: ")


@pytest.mark.development_only("stops the making of blocks")
@pytest.mark.parametrize("names", [("Bob", "Dave"), ("Dave", "Bob"), ("Charlie", "Eve")])
def test_of_two_equal_results_in_one_block_the_one_that_stands_first_is_paid(
    town: Town, chain: DevChain, names: tuple[str, str]
) -> None:
    creator = town.creator("Alice")
    task = creator.create_task(town.bundle(), an_offer(), model=town.base_model()).task
    extrinsics = {}
    for name in names:
        worker = town.contributor(name)
        worker.accept_task(task)
        worker.run(task)
        delivery = town.store.put_folder(worker.workspace.round(task, ONE).delivery)
        signed = worker.market.sign(calls.send_task_result(task, ONE, delivery))
        extrinsics[signed.extrinsic] = worker.account
    chain.call("dev_setBlockTime", "manual")
    for extrinsic in extrinsics:
        chain.call("author_submitExtrinsic", extrinsic)
    block = chain.call("chain_getBlock", chain.new_block())["block"]
    first, second = [extrinsics[e] for e in block["extrinsics"] if e in extrinsics]

    checked = {c.result.worker: c.reason for c in creator.fetch_results(task)}

    assert checked[first] == ""
    assert checked[second] == f"CopiedWeights: the same numbers as the earlier result {first}"


def test_equal_answers_of_two_annotators_are_no_copy(town: Town) -> None:
    asked = {"question": "Which digit?", "choices": ["1", "7"], "items": ["a", "b"]}
    annotate = (
        "#!/bin/sh\nset -eu\n"
        """printf '{"item": "a", "answer": "1"}\\n{"item": "b", "answer": "7"}\\n' """
        """> "$RESULT_DIR/answers.jsonl"\n"""
        """printf '{"examples": 2, "metrics": {}}' > "$RESULT_DIR/result.json"\n"""
    )
    folder = town.bundle(items__json=json.dumps(asked))
    (folder / "start_task.sh").write_text(annotate)
    offer = an_offer(kind=TaskKind.ANNOTATION_IMAGE)
    task = town.creator("Alice").create_task(folder, offer).task
    for name in ("Bob", "Charlie"):
        assert town.annotator(name).work(once=True).sent == [(task, ONE)]
    verdicts = town.creator("Alice").validate_all(task)
    assert [verdict for _, verdict in verdicts] == [Accept(), Accept()]


def with_model(town: Town, model: Path | None, **terms: object) -> TaskId:
    offer = an_offer(slots=1, **terms)
    return town.creator("Alice").create_task(town.bundle(), offer, model=model).task


def test_a_task_whose_own_model_is_damaged_blames_no_worker(town: Town, tmp_path: Path) -> None:
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(b"no model at all")
    task = with_model(town, damaged)
    dave = town.contributor("Dave")
    dave.accept_task(task)
    folder = tmp_path / "sound"
    folder.mkdir()
    with_layers(dict(BASE))(town, dave, task, folder)
    send(town, dave, task, folder)
    with pytest.raises(OutOfOrder, match="what the task itself published is unusable"):
        town.creator("Alice").validate_all(task)


def test_a_task_without_a_model_takes_a_sound_model_of_any_structure(
    town: Town, tmp_path: Path
) -> None:
    task = with_model(town, None)
    dave = town.contributor("Dave")
    dave.accept_task(task)
    folder = tmp_path / "sound"
    folder.mkdir()
    with_layers({"anything": np.ones(2, np.float32)})(town, dave, task, folder)
    send(town, dave, task, folder)
    assert [verdict for _, verdict in town.creator("Alice").validate_all(task)] == [Accept()]


def test_a_contribution_without_a_model_file_is_rejected(town: Town, tmp_path: Path) -> None:
    task = with_model(town, town.base_model())
    dave = town.contributor("Dave")
    dave.accept_task(task)
    folder = tmp_path / "empty"
    folder.mkdir()
    with_layers(dict(BASE))(town, dave, task, folder)
    (folder / "result" / "weights.safetensors").unlink()
    send(town, dave, task, folder)
    [(checked, verdict)] = town.creator("Alice").validate_all(task)
    assert isinstance(verdict, Reject)
    assert checked.reason.startswith("MissingFile: ")


@pytest.mark.parametrize("items", ["", '{"question": "?"}', "[]"])
def test_a_task_whose_own_questions_are_damaged_blames_no_annotator(
    town: Town, tmp_path: Path, items: str
) -> None:
    folder = town.bundle(items__json=items)
    offer = an_offer(kind=TaskKind.ANNOTATION_TEXT)
    task = town.creator("Alice").create_task(folder, offer).task
    dave = town.annotator("Dave")
    dave.accept_task(task)
    sent = tmp_path / "sound"
    (sent / "result").mkdir(parents=True)
    (sent / "manifest.json").write_bytes(manifest_of(dave, task).encode())
    (sent / "result" / "result.json").write_text('{"examples": 1, "metrics": {}}')
    (sent / "result" / "answers.jsonl").write_text('{"item": "a", "answer": "1"}\n')
    send(town, dave, task, sent)
    with pytest.raises(OutOfOrder, match="unusable"):
        town.creator("Alice").validate_all(task)


def test_an_annotation_without_answers_is_rejected(town: Town, tmp_path: Path) -> None:
    asked = {"question": "Which digit?", "choices": ["1", "7"], "items": ["a", "b"]}
    offer = an_offer(kind=TaskKind.ANNOTATION_TEXT)
    folder = town.bundle(items__json=json.dumps(asked))
    task = town.creator("Alice").create_task(folder, offer).task
    dave = town.annotator("Dave")
    dave.accept_task(task)
    sent = tmp_path / "empty"
    (sent / "result").mkdir(parents=True)
    (sent / "manifest.json").write_bytes(manifest_of(dave, task).encode())
    (sent / "result" / "result.json").write_text('{"examples": 1, "metrics": {}}')
    send(town, dave, task, sent)
    [(checked, _)] = town.creator("Alice").validate_all(task)
    assert checked.reason.startswith("MissingFile: ")


def test_an_annotation_that_leaves_an_item_out_is_rejected(town: Town) -> None:
    asked = {"question": "Which digit?", "choices": ["1", "7"], "items": ["a", "b"]}
    annotate = (
        "#!/bin/sh\nset -eu\n"
        """printf '{"item": "a", "answer": "1"}\\n' > "$RESULT_DIR/answers.jsonl"\n"""
        """printf '{"examples": 1, "metrics": {}}' > "$RESULT_DIR/result.json"\n"""
    )
    folder = town.bundle(items__json=json.dumps(asked))
    (folder / "start_task.sh").write_text(annotate)
    task = town.creator("Alice").create_task(folder, an_offer(kind=TaskKind.ANNOTATION_TEXT)).task
    town.annotator("Bob").work(once=True)
    [(checked, verdict)] = town.creator("Alice").validate_all(task)
    assert verdict == Reject(checked.reason)
    assert checked.reason.startswith("MalformedAnswers: ")


def test_an_engineers_model_may_have_another_structure(town: Town) -> None:
    offer = an_offer(kind=TaskKind.ENGINEERING, slots=1)
    wider = (
        "import json, os, pathlib\nimport numpy as np\nfrom safetensors.numpy import save_file\n"
        "result = pathlib.Path(os.environ['RESULT_DIR'])\n"
        "save_file({'wide': np.ones((4, 4), np.float32)}, result / 'weights.safetensors')\n"
        "(result / 'result.json').write_text(json.dumps({'examples': 1, 'metrics': {}}))\n"
    )
    folder = town.bundle(train__py=wider)
    task = town.creator("Alice").create_task(folder, offer, model=town.base_model()).task
    assert town.engineer("Bob").work(once=True).sent == [(task, ONE)]
    [(checked, verdict)] = town.creator("Alice").validate_all(task)
    assert checked.folder is not None
    assert verdict == Accept()


def test_a_store_that_lost_a_delivery_says_so_instead_of_calling_it_bad(
    town: Town, task: TaskId
) -> None:
    shutil.rmtree(town.folder / "store")
    [checked] = town.creator("Alice").fetch_results(task)
    assert checked.missing
    assert checked.folder is None
