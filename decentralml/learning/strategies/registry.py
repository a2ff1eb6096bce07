"""Strategies by name, with options: what a command line or a settings file says."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Final

from decentralml.learning.errors import UnknownStrategy
from decentralml.learning.privacy.central import Private
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
    "private": Private,
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
        UnknownStrategy: no such name, option or value, or one missing; says which there are.
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
    if _INNER in known and (inner or _INNER in options or _required(known[_INNER])):
        given[_INNER] = named(str(options.get(_INNER, "fedavg")), **inner)
    return _made(name, kind, known, given)


def options_of(kind: type[Any]) -> dict[str, Field[Any]]:
    """The options that a strategy's class takes by name: its fields of plain types, and ``inner``.

    A class that is no dataclass has none.
    """
    if not is_dataclass(kind):
        return {}
    return {
        field.name: field
        for field in fields(kind)
        if field.init and (field.name == _INNER or _type_of(field) in _PARSERS)
    }


def _made(
    name: str, kind: type[Any], known: Mapping[str, Field[Any]], given: Mapping[str, Any]
) -> Strategy:
    missing = [option for option in known if _required(known[option]) and option not in given]
    if missing:
        raise UnknownStrategy(f"{name} needs {', '.join(missing)}")
    try:
        strategy: Strategy = kind(**given)
    except UnknownStrategy:
        raise
    except ValueError as error:
        raise UnknownStrategy(f"{name}: {error}") from error
    return strategy


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


def _parsed(option: str, value: Setting, field: Field[Any]) -> Any:
    kind = _type_of(field)
    try:
        return _PARSERS[kind](str(value))
    except (KeyError, ValueError) as error:
        raise UnknownStrategy(f"{option} must be a {kind}, not {str(value)[:40]!r}") from error


def _type_of(field: Field[Any]) -> str:
    """The annotation's text: with or without ``from __future__ import annotations``."""
    return field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "bool": lambda text: _BOOLEANS[text.lower()],
    "int": int,
    "float": float,
    "str": str,
    "tuple[str, ...]": lambda text: tuple(part.strip() for part in text.split(",")),
}
