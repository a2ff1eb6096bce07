"""What strategies ask of contributors, and layers that they leave alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from decentralml.learning.errors import ShapeMismatch, TooFewUpdates
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedbn import Skipping
from decentralml.learning.strategies.krum import Krum
from decentralml.learning.strategies.memory import ArrayMemory
from decentralml.learning.strategies.norm_clipping import NormClipping
from decentralml.learning.strategies.registry import named
from decentralml.learning.strategies.scaffold import Scaffold
from decentralml.learning.strategies.strategy import Weighing, settings_of, skips, told_by
from decentralml.learning.updates import InMemory, Readable, Update


def update(value: float, control: float | None = None, name: str = "") -> InMemory:
    further = None if control is None else InMemory({"w": np.full(2, control, np.float32)})
    return InMemory({"w": np.full(2, value, np.float32)}, 1, name, further)


def with_bn(weight: float, gamma: float, name: str) -> InMemory:
    layers = {"dense": np.full(2, weight), "layers/BatchNormalization/vars/0": np.full(3, gamma)}
    return InMemory({key: a.astype(np.float32) for key, a in layers.items()}, 1, name)


def test_plain_averaging_asks_nothing() -> None:
    memory = ArrayMemory(update(0).template)
    assert settings_of(FedAvg()) == {}
    assert not skips(FedAvg(), "w")
    assert told_by(FedAvg(), memory, update(0).template) is None


def test_scaffold_tells_a_control_of_zeros_before_the_first_round() -> None:
    template = update(0).template
    told = told_by(Scaffold(), ArrayMemory(template), template)
    assert told is not None
    assert told["w"].tolist() == [0, 0]


def test_scaffold_counts_only_updates_with_a_change_of_the_control() -> None:
    memory = ArrayMemory(update(0).template)
    updates = [update(2, 0.5, "a"), update(100, None, "b"), update(4, 1.5, "c")]
    result = dict(aggregate(Scaffold(), update(0), updates, memory))
    told = told_by(Scaffold(), memory.next(), update(0).template)
    assert told is not None
    assert (result["w"].tolist(), told["w"].tolist()) == ([3, 3], [1, 1])


def test_scaffold_without_any_control_is_too_few() -> None:
    with pytest.raises(TooFewUpdates, match="control"):
        aggregate(Scaffold(), update(0), [update(1)])


def test_further_arrays_of_another_shape_are_refused() -> None:
    wrong = InMemory({"w": np.ones(2, np.float32)}, 1, "", InMemory({"w": np.ones(3, np.float32)}))
    with pytest.raises(ShapeMismatch):
        aggregate(Scaffold(), update(0), [wrong])


def test_skipped_layers_stay_the_round_s_model_s() -> None:
    updates = [with_bn(2, 50, "a"), with_bn(4, 70, "b")]
    result = dict(aggregate(Skipping(), with_bn(0, 1, ""), updates))
    assert result["dense"].tolist() == [3, 3]
    assert result["layers/BatchNormalization/vars/0"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "layer",
    ["layers/batch_normalization_1/vars/0", "features.bn1.running_mean", "bn.weight", "a/BN/x"],
)
def test_fedbn_knows_batch_normalisation_by_the_names_of_keras_and_pytorch(layer: str) -> None:
    assert skips(named("fedbn"), layer)
    assert not skips(named("fedbn"), "layers/dense/vars/0")


def test_skipped_layers_are_no_part_of_distances() -> None:
    far_only_in_bn = with_bn(2, 1e6, "a")
    others = [with_bn(w, 0, name) for w, name in ((1.5, "b"), (3, "c"), (0, "d"), (9, "e"))]
    result = dict(aggregate(Skipping(Krum(f=1)), with_bn(0, 1, ""), [far_only_in_bn, *others]))
    # Of 2, 1.5, 3, 0, 9 the first has the two nearest fellows; without it the second.
    assert result["dense"].tolist() == [2, 2]
    plain = dict(aggregate(Krum(f=1), with_bn(0, 1, ""), [far_only_in_bn, *others]))
    assert plain["dense"].tolist() == [1.5, 1.5]


def test_a_wrapper_hands_on_what_the_inner_strategy_tells() -> None:
    strategy = named("fedbn", inner="scaffold", patterns="bn*")
    template = update(0).template
    assert settings_of(strategy) == {"scaffold": True, "skip": "bn*"}
    assert told_by(strategy, ArrayMemory(template), template) is not None


def test_a_wrapper_tells_nothing_where_the_inner_strategy_tells_nothing() -> None:
    assert not hasattr(named("fedprox"), "tell")
    assert hasattr(named("fedprox", inner="scaffold"), "tell")
    template = update(0).template
    assert told_by(named("fedprox"), ArrayMemory(template), template) is None


def test_clipping_twice_clips_to_the_smaller_norm() -> None:
    inner = {"inner": "norm-clipping", "inner.norm": 3.0}
    far = InMemory({"w": np.array([130.0, 140.0])}, 1, "a")
    base = InMemory({"w": np.array([100.0, 100.0])})
    for outer in (4.0, 3.0):
        moved = dict(aggregate(named("norm-clipping", norm=outer, **inner), base, [far]))["w"]
        np.testing.assert_allclose(moved, [101.8, 102.4])
    moved = dict(aggregate(named("norm-clipping", norm=1.0, **inner), base, [far]))["w"]
    np.testing.assert_allclose(moved, [100.6, 100.8])


def test_a_strategy_within_another_sees_who_sent_an_update_and_what_came_with_it() -> None:
    seen: list[tuple[str, int, list[str], bool]] = []

    class Looking(FedAvg):
        def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
            seen.extend(
                (u.contributor, u.examples, list(u.template), u.extras is None) for u in updates
            )
            return super().weigh(base, updates)

    whole = with_bn(1, 1, "ann")
    for wrapper in (NormClipping(Looking()), Skipping(Looking())):
        dict(aggregate(wrapper, with_bn(0, 0, ""), [whole]))
    assert seen == [
        ("ann", 1, ["dense", "layers/BatchNormalization/vars/0"], True),
        ("ann", 1, ["dense"], True),
    ]


def test_a_wrapper_has_no_other_parts_than_a_strategy_s() -> None:
    assert not hasattr(named("fedprox"), "combine_extras")
