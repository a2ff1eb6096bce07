"""Each strategy, streaming, against its paper's formula on whole vectors at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decentralml.learning.layers import Layers
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.strategies.memory import ArrayMemory
from decentralml.learning.strategies.registry import named
from decentralml.learning.strategies.strategy import told_by
from decentralml.learning.updates import InMemory
from tests.oracles import slow_strategies as slow

Flat = Callable[[Any], Any]
QUICK = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TOLERANCE = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-6}


@dataclass
class Case:
    """A round: a model of some layers, and updates of it, in an order of their own."""

    base: Layers
    updates: list[Layers]
    examples: list[int]
    dtype: str

    def contributors(self) -> list[InMemory]:
        return [
            InMemory(layers, examples, f"{index:03}")
            for index, (layers, examples) in enumerate(
                zip(self.updates, self.examples, strict=True)
            )
        ]


@st.composite
def cases(draw: st.DrawFn, least: int = 1, most: int = 12) -> Case:
    shapes = draw(
        st.lists(
            st.sampled_from([(), (0,), (1,), (6,), (7,), (8,), (3, 5), (2, 0, 3), (29,)]),
            min_size=1,
            max_size=4,
        )
    )
    count = draw(st.integers(least, most))
    dtype = draw(st.sampled_from(["float16", "float32", "float64"]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([1e-2, 1.0, 30.0]))

    def layers() -> Layers:
        return {
            f"layer {i}": (spread * np.asarray(generator.standard_normal(shape))).astype(dtype)
            for i, shape in enumerate(shapes)
        }

    examples = draw(st.lists(st.integers(1, 1000), min_size=count, max_size=count))
    return Case(layers(), [layers() for _ in range(count)], examples, dtype)


def check(case: Case, result: Layers, expected: Any, flat: Flat) -> None:
    tolerance = TOLERANCE[case.dtype]
    assert {name: array.dtype for name, array in result.items()} == {
        name: array.dtype for name, array in case.base.items()
    }
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(flat(result), expected, rtol=tolerance, atol=tolerance * scale)


def one_round(case: Case, name: str, rule: Any, flat: Flat, **options: Any) -> None:
    result = dict(aggregate(named(name, **options), InMemory(case.base), case.contributors()[::-1]))
    check(case, result, rule(flat(case.base), [flat(u) for u in case.updates], case.examples), flat)


pytestmark = pytest.mark.usefixtures("small_blocks")


@QUICK
@given(case=cases())
def test_fedavg(case: Case, flat: Flat) -> None:
    one_round(case, "fedavg", slow.fedavg, flat)


@QUICK
@given(case=cases())
def test_fedprox_s_server_averages(case: Case, flat: Flat) -> None:
    one_round(case, "fedprox", slow.fedavg, flat, mu=0.3)


@QUICK
@given(case=cases())
def test_median(case: Case, flat: Flat) -> None:
    one_round(case, "median", slow.median, flat)


@QUICK
@given(case=cases(least=3), trim=st.sampled_from([0.0, 0.1, 0.2, 0.3]))
def test_trimmed_mean(case: Case, trim: float, flat: Flat) -> None:
    cut = -int(-len(case.updates) * round(trim * 10) // 10)
    if 2 * cut < len(case.updates):
        one_round(case, "trimmed-mean", slow.trimmed_mean(cut), flat, trim=trim)


@QUICK
@given(case=cases(least=5), f=st.integers(0, 1))
def test_krum(case: Case, f: int, flat: Flat) -> None:
    one_round(case, "krum", slow.multi_krum(f, 1), flat, f=f)


@QUICK
@given(case=cases(least=7), f=st.integers(0, 2), m=st.integers(1, 3))
def test_multi_krum(case: Case, f: int, m: int, flat: Flat) -> None:
    one_round(case, "multi-krum", slow.multi_krum(f, m), flat, f=f, m=m)


@QUICK
@given(case=cases(least=5), f=st.integers(0, 1))
def test_multi_krum_averages_n_less_f_less_two_unless_told(case: Case, f: int, flat: Flat) -> None:
    rule = slow.multi_krum(f, len(case.updates) - f - 2)
    one_round(case, "multi-krum", rule, flat, f=f)


@QUICK
@given(case=cases(least=7, most=13), f=st.integers(0, 1))
def test_bulyan(case: Case, f: int, flat: Flat) -> None:
    one_round(case, "bulyan", slow.bulyan(f), flat, f=f)


@QUICK
@given(case=cases(), norm=st.sampled_from([0.0, 0.1, 3.0, 1e6]))
def test_norm_clipping(case: Case, norm: float, flat: Flat) -> None:
    one_round(case, "norm-clipping", slow.norm_clipping(norm), flat, norm=norm)


@QUICK
@given(case=cases(least=5), inner=st.sampled_from(["median", "krum"]))
def test_norm_clipping_around_a_robust_strategy_hands_it_clipped_updates(
    case: Case, inner: str, flat: Flat
) -> None:
    robust = {"median": slow.median, "krum": slow.multi_krum(1, 1)}[inner]

    def rule(base: Any, updates: Any, examples: Any) -> Any:
        alone = slow.norm_clipping(4.0)
        return robust(base, [alone(base, [update], [1]) for update in updates], examples)

    one_round(case, "norm-clipping", rule, flat, norm=4.0, inner=inner)


@QUICK
@given(case=cases(least=3, most=8))
def test_geometric_median_has_the_least_sum_of_distances(case: Case, flat: Flat) -> None:
    case.dtype = "float64"
    case.base = {name: array.astype("float64") for name, array in case.base.items()}
    case.updates = [{n: a.astype("float64") for n, a in u.items()} for u in case.updates]
    updates = [flat(update) for update in case.updates]
    strategy = named("geometric-median", iterations=500)
    found = flat(dict(aggregate(strategy, InMemory(case.base), case.contributors())))
    least = slow.distance_sum(slow.geometric_median(flat(case.base), updates, []), updates)
    assert slow.distance_sum(found, updates) <= least * (1 + 1e-4) + 1e-6


MOMENTUM = {"learning_rate": 0.5, "decay": 0.9, "momentum": 0.8}
ADAPTIVE = {"learning_rate": 0.1, "decay": 0.9, "beta1": 0.7, "tau": 1e-2}
OPTIMISERS = {
    "fedavgm": (slow.SlowMomentum, {**MOMENTUM, "nesterov": False}, {}),
    "fedavgm nesterov": (slow.SlowMomentum, {**MOMENTUM, "nesterov": True}, {}),
    "fedadam": (slow.SlowAdaptive, {**ADAPTIVE, "beta2": 0.95}, {"kind": "adam"}),
    "fedyogi": (slow.SlowAdaptive, {**ADAPTIVE, "beta2": 0.95}, {"kind": "yogi"}),
    "fedadagrad": (slow.SlowAdaptive, ADAPTIVE, {"kind": "adagrad"}),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@QUICK
@given(case=cases(most=4))
def test_server_optimisers_over_rounds(name: str, case: Case, flat: Flat) -> None:
    kind, options, more = OPTIMISERS[name]
    strategy, oracle = named(name.split(maxsplit=1)[0], **options), kind(**options, **more)
    base, memory = case.base, ArrayMemory(InMemory(case.base).template)
    for at in range(4):
        shifted = [{n: (a * (1 + at)).astype(a.dtype) for n, a in u.items()} for u in case.updates]
        case.updates = shifted
        updates = case.contributors()
        expected = oracle(flat(base), [flat(update) for update in shifted], case.examples)
        result = dict(aggregate(strategy, InMemory(base), updates, memory))
        memory = memory.next()
        check(case, result, expected, flat)
        base = result


@QUICK
@given(case=cases(), by_examples=st.booleans(), absent=st.integers(0, 5))
def test_scaffold_over_rounds(case: Case, by_examples: bool, absent: int, flat: Flat) -> None:
    population = len(case.updates) + absent
    strategy = named(
        "scaffold", learning_rate=0.7, contributors=population, by_examples=by_examples
    )
    oracle = slow.SlowScaffold(0.7, population)
    weights = case.examples if by_examples else [1] * len(case.updates)
    base, memory = case.base, ArrayMemory(InMemory(case.base).template)
    for at in range(3):
        deltas = [{n: (a / (3 + at)).astype(a.dtype) for n, a in u.items()} for u in case.updates]
        updates = [
            InMemory(layers, examples, f"{index:03}", InMemory(delta))
            for index, (layers, examples, delta) in enumerate(
                zip(case.updates, case.examples, deltas, strict=True)
            )
        ]
        result = dict(aggregate(strategy, InMemory(base), updates, memory))
        memory = memory.next()
        expected = oracle(
            flat(base), [flat(u) for u in case.updates], [flat(d) for d in deltas], weights
        )
        check(case, result, expected, flat)
        told = told_by(strategy, memory, InMemory(base).template)
        assert told is not None
        np.testing.assert_allclose(flat(told), oracle.control, rtol=1e-5, atol=1e-4)
        base = result
