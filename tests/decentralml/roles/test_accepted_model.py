"""An engineer's accepted structure becomes the first model of tasks for contributors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from decentralml.chain.records import AutoAccept, Reject, ResultStatus, TaskKind
from decentralml.errors import OutOfOrder
from decentralml.learning.models import read_layers
from decentralml.roles.accepted_model import accepted_model
from decentralml.roles.worker import Wanted
from decentralml.types import Round, TaskId
from tests.decentralml.roles.town import Town, an_offer, layers_of

ONE = Round(1)
# An engineer's work: a wider layer in place of the two that the round's model has.
WIDER = """
import json, os, pathlib
import numpy as np
from safetensors.numpy import save_file

result = pathlib.Path(os.environ["RESULT_DIR"])
save_file({"wide": np.ones((4, 4), np.float32)}, result / "weights.safetensors")
(result / "result.json").write_text(json.dumps({"examples": 1, "metrics": {}}))
"""


def only(task: TaskId) -> Wanted:
    return Wanted(tasks=frozenset({task}))


@pytest.fixture
def engineered(town: Town) -> Callable[[], TaskId]:
    """Alice's engineering task, and Bob's result of it, which nobody has decided about."""

    def make() -> TaskId:
        town.fund("Bob", "Charlie")
        folder = town.bundle(train__py=WIDER)
        offer = an_offer(kind=TaskKind.ENGINEERING, slots=1)
        task = town.creator("Alice").create_task(folder, offer, model=town.base_model()).task
        assert town.engineer("Bob").work(only(task), once=True).sent == [(task, ONE)]
        return task

    return make


def test_an_engineer_whose_model_was_accepted_posts_it_to_contributors_and_federates(
    town: Town, engineered: Callable[[], TaskId]
) -> None:
    asked = engineered()
    town.creator("Alice").validate_all(asked)

    bob = town.creator("Bob")
    model = accepted_model(bob, asked)
    assert (read_layers(model)["wide"] == 1).all()
    offer = an_offer(policy=AutoAccept(), slots=1)
    posted = bob.create_task(town.bundle(), offer, model=model, key="wider").task
    assert town.contributor("Charlie").work(only(posted), once=True).sent == [(posted, ONE)]
    report = bob.federate(posted)
    assert [str(used.worker) for used in report.used] == [town.address("Charlie")]
    wide = layers_of(report.model)["wide"]
    assert wide.shape == (4, 4)
    assert (wide == np.float32(2.0)).all()  # Charlie added one to the engineer's ones


def test_the_creator_posts_what_the_engineer_made(
    town: Town, engineered: Callable[[], TaskId]
) -> None:
    asked = engineered()
    alice = town.creator("Alice")
    alice.validate_all(asked)
    model = accepted_model(alice, asked, ONE, town.address("Bob"))
    assert set(read_layers(model)) == {"wide"}


def test_a_result_that_was_not_accepted_is_no_beginning(
    town: Town, engineered: Callable[[], TaskId]
) -> None:
    asked = engineered()
    bob, alice = town.creator("Bob"), town.creator("Alice")
    with pytest.raises(OutOfOrder, match=f"is {ResultStatus.PENDING.value}; wait until"):
        accepted_model(bob, asked)
    alice.validate_task_result(asked, ONE, bob.account, Reject("not what I asked for"))
    with pytest.raises(OutOfOrder, match=f"is {ResultStatus.REJECTED.value}"):
        accepted_model(bob, asked)
    with pytest.raises(OutOfOrder, match="sent no result"):
        accepted_model(alice, asked)
    with pytest.raises(OutOfOrder, match="sent no result"):
        accepted_model(bob, asked, Round(2))
