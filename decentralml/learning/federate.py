"""A round's results into the next model; what one person sent cannot stop the others'."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from decentralml.learning import models
from decentralml.learning.errors import EmptyRound, ResultRefused
from decentralml.learning.inspection import check_readable
from decentralml.learning.intake import Intake
from decentralml.learning.layers import Array
from decentralml.learning.limits import DEFAULT_RESULT_LIMITS, ResultLimits
from decentralml.learning.remembering import FileMemory
from decentralml.learning.results import ContributorResult
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.updates import FileUpdate
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


def folder_name(folder: Path) -> str:
    """The contributor whose results lie in folders named for them."""
    return folder.name


def federate(  # noqa: PLR0913, PLR0917 - a round is that much
    base_model: Path,
    results: Iterable[Path],
    strategy: Strategy,
    out: Path,
    limits: ResultLimits = DEFAULT_RESULT_LIMITS,
    memory: Path | None = None,
    new_memory: Path | None = None,
    contributor: Callable[[Path], str] = folder_name,
) -> FederationReport:
    """Federates the results into ``out``: the base model's structure with the strategy's weights.

    Of a contributor's file only arrays are taken, never structure or code. Files are read in
    pieces, once to check them and then as often as the strategy asks (a mean once): memory is the
    largest layer and some fixed buffers, and does not grow with the number of results.

    Asked again for the same round it gives the same again: what it reads it does not change.

    Args:
        base_model: the creator's own model of this round, ``.keras`` or ``.safetensors``.
        results: result folders (what scripts left in ``RESULT_DIR``), the earliest sent first: of
            two with equal weights the later one is refused as a copy. Nothing may write to them
            meanwhile.
        out: has the base model's suffix; written whole or not at all.
        memory: what the strategy remembers of the rounds before; None, or a file that is not there,
            in the first.
        new_memory: where to write what it remembers for the next round, before ``out``; another
            file than ``memory``.
        contributor: folder → whose result it is.

    Raises:
        EmptyRound: every result was refused (it says why), or there was none; nothing is written.
        TooFewUpdates, StrategyFailed: by the strategy; nothing is written.
        FileChanged: somebody wrote to a result meanwhile.
        ResultRefused: the base model itself is not sound.
    """
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="federate-") as scratch:
        base = models.open_model(base_model, Path(scratch), limits=limits.model)
        check_readable(base)
        intake = Intake(base, Path(scratch), limits)
        accepted, updates, refused = _take_all(intake, results, contributor)
        report = FederationReport(out, tuple(accepted), tuple(refused))
        if not updates:
            raise EmptyRound({each.folder: each.reason for each in refused})
        with FileMemory(base.template, memory, new_memory) as remembered:
            layers = aggregate(strategy, base, updates, remembered)
            header = WeightsHeader(examples=report.examples)
            models.write_layers(base_model, _then(layers, remembered.commit), out, header)
    return report


def check_result(
    base_model: Path, folder: Path, limits: ResultLimits = DEFAULT_RESULT_LIMITS
) -> ContributorResult:
    """One contributor's result, fit to be federated with ``base_model``.

    For a validator who judges a result alone. Raises a ResultRefused by name.
    """
    with tempfile.TemporaryDirectory(prefix="decentralml-") as scratch:
        base = models.open_model(base_model, Path(scratch), limits=limits.model)
        return Intake(base, Path(scratch), limits).take(folder, folder.name)[0]


def _take_all(
    intake: Intake, results: Iterable[Path], contributor: Callable[[Path], str]
) -> tuple[list[ContributorResult], list[FileUpdate], list[Refusal]]:
    accepted, updates, refused = [], [], []
    for folder in results:
        try:
            result, update = intake.take(folder, contributor(folder))
        except ResultRefused as error:
            refused.append(Refusal(folder, error))
        else:
            accepted.append(result)
            updates.append(update)
    return accepted, updates, refused


def _then(
    layers: Iterable[tuple[str, Array]], end: Callable[[], None]
) -> Iterator[tuple[str, Array]]:
    yield from layers
    end()
