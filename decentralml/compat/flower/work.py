"""One round of a Flower client: what its methods return, as a result for the market.

The client is an object with the methods of Flower's `NumPyClient`, of whatever class: only those
that it has itself are called.
"""

from __future__ import annotations

import json
import logging
import math
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, SupportsIndex

import numpy as np

from decentralml.compat.flower.arrays import (
    FILE,
    check_kinds,
    kinds_of,
    read_arrays,
    write_arrays,
)
from decentralml.compat.flower.bundle import Asks, JobNote
from decentralml.compat.flower.common import NDArrays, Scalar
from decentralml.compat.flower.errors import ClientMisbehaved, NotAFlowerJob, NotSupported
from decentralml.roles.participant import Training
from decentralml.roles.round_bundle import read_settings

FIT: Final = "fit/"
EVALUATE: Final = "evaluate/"
"""Begins what is told for `evaluate`, and the figures that it returned, among those of `fit`."""
EVALUATES: Final = "evaluate"
"""Whether clients are asked to evaluate."""
LOSS: Final = EVALUATE + "loss"
EXAMPLES: Final = EVALUATE + "examples"
BASES: Final = ("flwr.", "decentralml.compat.flower")
log = logging.getLogger("decentralml.flower")


def implements(client: Any, method: str) -> bool:
    """Whether the client's own class has the method, not only Flower's base class."""
    for each in type(client).__mro__:
        if method in vars(each):
            return each is not object and not each.__module__.startswith(BASES)
    return False


class ClientWork:
    """What a participant does in a round: called with its files, it asks the client.

    Args:
        client: an object with `fit`, and perhaps `get_parameters` and `evaluate`.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, training: Training) -> None:
        """Fill the result's folder.

        Raises:
            NotAFlowerJob: bundle or model of the task are no Flower server's.
            ClientMisbehaved: a method returned something else than Flower asks for.
            Exception: whatever the client raises.
        """
        if JobNote.read(training.bundle).asks is Asks.PARAMETERS:
            arrays = _list_of_arrays(self.client.get_parameters(config={}), "get_parameters")
            _write(training.result, arrays, 1, {}, "get_parameters")
            return
        if training.model is None:
            raise NotAFlowerJob("it has no model")
        told = _told(training.settings)
        figures = {}
        if training.round > 1 and told.get(EVALUATES) is True:  # nothing is federated before
            figures = self._evaluate(training.model, config_in(told, EVALUATE))
        log.info("[ROUND %d] fit", training.round)
        given = read_arrays(training.model)
        kinds = kinds_of(given)  # before the client writes into them
        returned = self.client.fit(given, config_in(told, FIT))
        arrays, examples, metrics = _triple(returned, "fit")
        made = _list_of_arrays(arrays, "fit")
        check_kinds(made, kinds)
        own = {name: value for name, value in metrics.items() if not name.startswith(EVALUATE)}
        figures |= numbers(own, "fit")
        _write(training.result, made, _count(examples, "fit"), figures, "fit")

    def _evaluate(self, model: Path, config: dict[str, Scalar]) -> dict[str, float]:
        """The client's figures on the round's model, which the round before made."""
        if not implements(self.client, "evaluate"):
            return {}
        returned = self.client.evaluate(read_arrays(model), config)
        loss, examples, metrics = _triple(returned, "evaluate")
        if not isinstance(loss, (int, float, np.number)) or not math.isfinite(loss):
            log.warning("evaluate returned the loss %r, which is not sent: it is not finite", loss)
            return {}
        count = _count(examples, "evaluate")
        named = {EVALUATE + name: figure for name, figure in metrics.items()}
        return {**numbers(named, "evaluate"), LOSS: float(loss), EXAMPLES: float(count)}


def _told(settings: Path | None) -> dict[str, Any]:
    """What the server's strategy says for this round; hostile."""
    if settings is None:
        return {}
    told = read_settings(settings).get("settings", {})
    return told if isinstance(told, dict) else {}


def settings_for(
    fit: Mapping[str, Scalar], evaluate: Mapping[str, Scalar] | None
) -> dict[str, float | int | str | bool]:
    """What a round publishes of a server's two configs; the inverse of `config_in`.

    Raises: NotSupported: a config holds something else than texts, numbers and truth values.
    """
    settings: dict[str, float | int | str | bool] = {EVALUATES: evaluate is not None}
    for prefix, config in ((FIT, fit), (EVALUATE, evaluate or {})):
        for name, value in config.items():
            if not isinstance(value, (bool, int, float, str)):
                kind = type(value).__name__
                raise NotSupported(
                    f"the config {name}={value!r:.40} ({kind})", "send a text, a number or a bool"
                )
            settings[prefix + name] = value
    return settings


def config_in(told: Mapping[str, Any], prefix: str) -> dict[str, Scalar]:
    """The config under a prefix: only what Flower lets a server send."""
    return {
        name.removeprefix(prefix): value
        for name, value in told.items()
        if name.startswith(prefix) and isinstance(value, (bool, int, float, str))
    }


def _triple(returned: Any, method: str) -> tuple[Any, Any, dict[str, Any]]:
    if not isinstance(returned, (tuple, list)) or len(returned) != 3:
        wanted = "parameters" if method == "fit" else "loss"
        raise ClientMisbehaved(method, f"did not return ({wanted}, number of examples, metrics)")
    if not isinstance(returned[2], Mapping):
        raise ClientMisbehaved(method, f"returned metrics that are a {type(returned[2]).__name__}")
    return returned[0], returned[1], {str(name): value for name, value in returned[2].items()}


def _list_of_arrays(arrays: Any, method: str) -> NDArrays:
    if not isinstance(arrays, (list, tuple)) or not arrays:
        raise ClientMisbehaved(method, "did not return a list of NumPy arrays")
    return list(arrays)


def _count(examples: SupportsIndex, method: str) -> int:
    try:
        count = operator.index(examples)
    except TypeError:
        raise ClientMisbehaved(method, f"counted {examples!r:.40} examples") from None
    if isinstance(examples, bool) or count < 1:
        raise ClientMisbehaved(method, f"counted {examples!r:.40} examples; 1 or more are needed")
    return count


def numbers(metrics: Mapping[str, Any], method: str) -> dict[str, float]:
    """Metrics as a result can carry them: finite numbers. The rest is named and left out."""
    sent = {}
    for name, value in metrics.items():
        number = isinstance(value, (bool, int, float, np.number, np.bool_))
        if number and math.isfinite(value):
            sent[name] = float(value)
        else:
            log.warning("%s returned the metric %s = %.80r, which is not sent: results carry finite"
                        " numbers only", method, name, value)  # fmt: skip
    return sent


def _write(
    folder: Path, arrays: NDArrays, examples: int, metrics: Mapping[str, float], method: str
) -> None:
    write_arrays(folder / FILE, arrays, examples, method)
    note = {"examples": examples, "metrics": dict(metrics)}
    (folder / "result.json").write_text(json.dumps(note, allow_nan=False), encoding="utf-8")
