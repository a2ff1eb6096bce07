"""Strategies by name, as a command line has them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from decentralml.errors import LearningError
from decentralml.learning.errors import UnknownStrategy
from decentralml.learning.privacy.central import Private
from decentralml.learning.strategies.fedadam import FedAdam
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.strategies.fedbn import Skipping
from decentralml.learning.strategies.fedprox import FedProx
from decentralml.learning.strategies.krum import Krum, MultiKrum
from decentralml.learning.strategies.norm_clipping import NormClipping
from decentralml.learning.strategies.registry import NAMES, named
from decentralml.learning.strategies.strategy import settings_of


@pytest.mark.parametrize("name", [name for name in NAMES if name != "private"])
def test_every_name_but_private_is_made_without_options(name: str) -> None:
    assert all(hasattr(named(name), step) for step in ("weigh", "combine", "step"))


@pytest.mark.parametrize("name", ["multi-krum", "multi_krum", "Multi-Krum"])
def test_a_name_is_known_however_it_is_written(name: str) -> None:
    assert named(name) == MultiKrum()


def test_privacy_is_never_a_default() -> None:
    with pytest.raises(UnknownStrategy, match="private needs clip, noise, expected"):
        named("private")


def test_privacy_takes_its_bounds_and_an_inner_strategy() -> None:
    options = {"inner": "fedadam", "clip": "0.5", "noise": 1, "expected": "10"}
    assert named("private", **options) == Private(FedAdam(), 0.5, 1.0, 10)
    assert named("private", clip=1, noise=0, expected=2) == Private(FedAvg(), 1.0, 0.0, 2)


def test_privacy_around_fedprox_is_allowed_and_around_scaffold_refused() -> None:
    bounds = {"clip": 1, "noise": 1, "expected": 2}
    assert settings_of(named("private", inner="fedprox", **bounds)) == {"mu": 0.01}
    with pytest.raises(UnknownStrategy, match="private: Scaffold"):
        named("private", inner="scaffold", **bounds)
    with pytest.raises(UnknownStrategy, match="private: FedProx"):
        named("private", inner="fedprox", **{"inner.inner": "scaffold"}, **bounds)


def test_options_may_be_texts() -> None:
    made = named("fedavgm", momentum="0.8", nesterov="yes", learning_rate=1, decay="1")
    assert made == FedAvgM(momentum=0.8, nesterov=True)
    assert named("krum", f="2") == Krum(f=2)


def test_a_strategy_around_another_one_takes_its_options() -> None:
    options = {"norm": 2.0, "inner": "fedadam", "inner.tau": "0.1"}
    assert named("norm-clipping", **options) == NormClipping(FedAdam(tau=0.1), 2.0)


def test_wrappers_nest() -> None:
    options = {"inner": "fedbn", "inner.patterns": "a*, b", "inner.inner": "median"}
    made = named("fedprox", mu=0.5, **options)
    assert isinstance(made, FedProx)
    assert isinstance(made.inner, Skipping)
    assert made.inner.patterns == ("a*", "b")
    assert settings_of(made) == {"mu": 0.5, "skip": "a*,b"}


def test_an_unknown_name_names_the_known_ones() -> None:
    with pytest.raises(UnknownStrategy, match=r"no strategy is named 'fedsgd'.*fedavg, fedavgm"):
        named("fedsgd")


def test_an_unknown_option_names_the_known_ones() -> None:
    with pytest.raises(UnknownStrategy, match=r"no option 'rate'; it has momentum, learning_rate"):
        named("fedavgm", rate=1)
    with pytest.raises(UnknownStrategy, match=r"no option 'inner.mu'; it has none"):
        named("fedavg", **{"inner.mu": 1})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("fedavgm", "momentum", 1.0),
        ("fedavgm", "momentum", -0.1),
        ("fedavgm", "momentum", "much"),
        ("fedavgm", "nesterov", "perhaps"),
        ("fedavgm", "learning_rate", 0),
        ("fedavgm", "learning_rate", "inf"),
        ("fedavgm", "decay", 0),
        ("fedavgm", "decay", 1.01),
        ("fedadam", "beta1", 1),
        ("fedadam", "beta2", "nan"),
        ("fedyogi", "beta2", 1),
        ("fedadagrad", "tau", 0),
        ("fedprox", "mu", -1),
        ("scaffold", "contributors", -1),
        ("scaffold", "contributors", 1.5),
        ("trimmed-mean", "trim", 0.5),
        ("krum", "f", -1),
        ("bulyan", "f", -1),
        ("geometric-median", "iterations", 0),
        ("geometric-median", "smoothing", 0),
        ("norm-clipping", "norm", -1),
        ("fedbn", "patterns", "a,,b"),
    ],
)
def test_an_option_out_of_range_is_named(name: str, option: str, value: float | str) -> None:
    with pytest.raises(UnknownStrategy, match=option):
        named(name, **{option: value})


def test_the_bounds_themselves_are_allowed() -> None:
    assert named("fedavgm", momentum=0, decay=1) == FedAvgM(momentum=0)
    assert named("fedprox", mu=0) == FedProx(mu=0)


def test_a_refusal_is_both_a_learning_error_and_a_value_error() -> None:
    assert issubclass(UnknownStrategy, LearningError)
    assert issubclass(UnknownStrategy, ValueError)


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_rule_for_a_test.py").write_text(
        "from decentralml.learning.strategies.fedavg import FedAvg\n"
        "class Own(FedAvg): pass\n"
        "class Plain:\n"
        "    weigh = combine = step = print\n"
        "thing = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_rule_for_a_test", raising=False)
    return "own_rule_for_a_test"


def test_one_s_own_strategy_is_named_by_module_and_class(own_module: str) -> None:
    assert isinstance(named(f"{own_module}:Own"), FedAvg)


@pytest.mark.parametrize("name", ["no_such_module_here:Own", ":Own", "{own}:None", "{own}:thing"])
def test_what_cannot_be_imported_as_a_strategy_is_refused(own_module: str, name: str) -> None:
    with pytest.raises(UnknownStrategy, match=r"Own|None|thing"):
        named(name.format(own=own_module))


@pytest.mark.parametrize("kind", ["Own", "Plain"])
def test_one_s_own_strategy_without_options_takes_none(own_module: str, kind: str) -> None:
    assert named(f"{own_module}:{kind}")
    with pytest.raises(UnknownStrategy, match="no option"):
        named(f"{own_module}:{kind}", rate=1)
