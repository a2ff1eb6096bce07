"""A round's results into the next model; what one person sent cannot stop the others'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.learning import models
from decentralml.learning.errors import CopiedWeights, EmptyRound, MissingFile, ResultRefused
from decentralml.learning.layers import Layers, Template, fingerprint
from decentralml.learning.limits import DEFAULT_RESULT_LIMITS, ResultLimits
from decentralml.learning.results import ContributorResult, read_result
from decentralml.learning.strategies import Strategy
from decentralml.learning.weights import WeightsHeader


@dataclass(frozen=True, slots=True)
class Refusal:
    """A result that does not count, and why."""

    folder: Path
    error: ResultRefused

    @property
    def reason(self) -> str:
        """One line that fits on chain as a rejection's reason: ``NotFinite: layer …``."""
        return self.error.reason


@dataclass(frozen=True, slots=True)
class FederationReport:
    """What became of each result; ``accepted`` and ``refused`` together are all, in their order."""

    model: Path
    accepted: tuple[ContributorResult, ...]
    refused: tuple[Refusal, ...]

    @property
    def examples(self) -> int:
        """Training examples behind the federated model."""
        return sum(result.examples for result in self.accepted)


def federate(
    base_model: Path,
    results: Iterable[Path],
    strategy: Strategy,
    out: Path,
    limits: ResultLimits = DEFAULT_RESULT_LIMITS,
) -> FederationReport:
    """Federates the results into ``out``: the base model's structure with the strategy's weights.

    Of a contributor's file only arrays are taken, never structure or code. Results are read one at
    a time, so memory does not grow with their number.

    Args:
        base_model: the creator's own model of this round, ``.keras`` or ``.safetensors``.
        results: result folders (what scripts left in ``RESULT_DIR``), the earliest sent first: of
            two with equal weights the later one is refused as a copy.
        out: has the base model's suffix; written whole or not at all.

    Raises:
        EmptyRound: every result was refused (it says why), or there was none; ``out`` is not
            written.
        ResultRefused: the base model itself is not sound.
    """
    round_ = _Reading(models.read_template(base_model, limits.model), limits)
    try:
        layers = strategy.aggregate(
            lambda: models.read_layers(base_model, limits=limits.model), round_.updates(results)
        )
    except EmptyRound as empty:
        raise EmptyRound({each.folder: each.reason for each in round_.refused}) from empty
    report = FederationReport(out, tuple(round_.accepted), tuple(round_.refused))
    models.write_like(base_model, layers, out, WeightsHeader(examples=max(1, report.examples)))
    return report


def check_result(
    base_model: Path, folder: Path, limits: ResultLimits = DEFAULT_RESULT_LIMITS
) -> ContributorResult:
    """One contributor's result, fit to be federated with ``base_model``.

    For a validator who judges a result alone. Raises a ResultRefused by name.
    """
    template = models.read_template(base_model, limits.model)
    return _read(folder, template, limits)[0]


@dataclass(slots=True)
class _Reading:
    template: Template
    limits: ResultLimits
    accepted: list[ContributorResult] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    seen: dict[str, Path] = field(default_factory=dict)

    def updates(self, results: Iterable[Path]) -> Iterator[tuple[Layers, int]]:
        """The sound results' weights; the others are noted as refused."""
        for folder in results:
            try:
                result, layers = _read(folder, self.template, self.limits)
                self._refuse_copy(folder, layers)
            except ResultRefused as error:
                self.refused.append(Refusal(folder, error))
                continue
            self.accepted.append(result)
            yield layers, result.examples
            del layers

    def _refuse_copy(self, folder: Path, layers: Layers) -> None:
        mark = fingerprint(layers)
        if mark in self.seen:
            raise CopiedWeights(self.seen[mark].name)
        self.seen[mark] = folder


def _read(
    folder: Path, template: Template, limits: ResultLimits
) -> tuple[ContributorResult, Layers]:
    result = read_result(folder, limits)
    if result.model is None:
        raise MissingFile("model (.keras or .safetensors)")
    return result, models.read_layers(result.model, template, limits.model)
