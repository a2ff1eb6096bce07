"""Strategies by name, with options: what a command line or a settings file says."""

from __future__ import annotations

import importlib
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Final

from decentralml.learning.errors import UnknownStrategy
from decentralml.learning.strategies.bulyan import Bulyan
from decentralml.learning.strategies.fedadagrad import FedAdagrad
from decentralml.learning.strategies.fedadam import FedAdam
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.strategies.fedbn import Skipping
from decentralml.learning.strategies.fedprox import FedProx
from decentralml.learning.strategies.fedyogi import FedYogi
from decentralml.learning.strategies.geometric_median import GeometricMedian
from decentralml.learning.strategies.krum import Krum, MultiKrum
from decentralml.learning.strategies.median import Median
from decentralml.learning.strategies.norm_clipping import NormClipping
from decentralml.learning.strategies.scaffold import Scaffold
from decentralml.learning.strategies.strategy import Setting, Strategy
from decentralml.learning.strategies.trimmed_mean import TrimmedMean

_CLASSES: Final[dict[str, type[Any]]] = {
    "fedavg": FedAvg,
    "fedavgm": FedAvgM,
    "fedadam": FedAdam,
    "fedyogi": FedYogi,
    "fedadagrad": FedAdagrad,
    "fedprox": FedProx,
    "scaffold": Scaffold,
    "fedbn": Skipping,
    "median": Median,
    "trimmed-mean": TrimmedMean,
    "krum": Krum,
    "multi-krum": MultiKrum,
    "bulyan": Bulyan,
    "geometric-median": GeometricMedian,
    "norm-clipping": NormClipping,
}
NAMES: Final = tuple(_CLASSES)
_INNER: Final = "inner"


def named(name: str, **options: Setting) -> Strategy:
    """The strategy of this name, with these options in place of its defaults.

    Values may be texts (``"0.1"``, ``"true"``), as a command line has them. Strategies around
    another one take ``inner="fedavgm"`` and that one's options as ``inner.momentum=0.8``;
    ``fedbn`` takes ``patterns`` with commas between.

    Args:
        name: one of ``NAMES``, or one's own, ``module:Class``: the module is imported.

    Raises:
        UnknownStrategy: no such name, option or value; says which there are.
    """
    kind = _own(name) if ":" in name else _CLASSES.get(name.lower().replace("_", "-"))
    if kind is None:
        raise UnknownStrategy(
            f"no strategy is named {name[:40]!r}; there are {', '.join(NAMES)}, "
            "and your own as module:Class"
        )
    known = options_of(kind)
    given: dict[str, Any] = {}
    inner: dict[str, Setting] = {}
    for option, value in options.items():
        prefix, _, rest = option.partition(".")
        if prefix == _INNER and rest and _INNER in known:
            inner[rest] = value
        elif option not in known:
            names = ", ".join(known) or "none"
            raise UnknownStrategy(f"{name} has no option {option[:40]!r}; it has {names}")
        elif option != _INNER:
            given[option] = _parsed(option, value, known[option])
    if _INNER in options or inner:
        given[_INNER] = named(str(options.get(_INNER, "fedavg")), **inner)
    strategy: Strategy = kind(**given)
    return strategy


def options_of(kind: type[Any]) -> dict[str, Any]:
    """Option → its default, of a strategy's class (a dataclass)."""
    if not is_dataclass(kind):
        return {}
    return {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(kind)
    }


def _own(name: str) -> type[Any]:
    module, _, attribute = name.partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownStrategy(f"{name} cannot be imported: {error}") from error
    wanted = ("weigh", "combine", "step")
    if not isinstance(kind, type) or not all(hasattr(kind, each) for each in wanted):
        raise UnknownStrategy(f"{name} is no class with {', '.join(wanted)}")
    return kind


def _parsed(option: str, value: Setting, default: Any) -> Any:
    """The value as the type of the option's default."""
    try:
        if isinstance(default, bool):
            return _BOOLEANS[str(value).lower()]
        if isinstance(default, int):
            return int(str(value))
        if isinstance(default, float):
            return float(value)
    except (KeyError, ValueError) as error:
        kind = type(default).__name__
        raise UnknownStrategy(f"{option} must be a {kind}, not {str(value)[:40]!r}") from error
    if isinstance(default, tuple):
        return tuple(part.strip() for part in str(value).split(","))
    return value


_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
