"""What can be wrong with models, results and data: the learning branch of the error tree.

LearningError
├── ResultRefused            one person's result; the other results still count
│   ├── MissingFile, TooLarge, UnexpectedFile
│   ├── MalformedResult, BadExampleCount, MetricNotFinite, MalformedAnswers
│   ├── MalformedModel, ArchiveRefused, PickleRefused, UnsafeModel
│   ├── LayerMismatch, ShapeMismatch, DtypeMismatch, NotFinite, MalformedUpdate
│   └── CopiedWeights
├── EmptyRound               no result was left to federate
├── FileChanged              a file is not the one that was checked
├── UnknownStrategy          no strategy has this name, or it has no such option
├── TooFewUpdates            a robust strategy cannot keep its promise with so few
├── StrategyFailed           a strategy broke the protocol (its code is to be repaired)
├── FrameworkMissing         Keras (or another) is not installed
├── MeasureFailed            a creator's own evaluate_model.py gave no figures
├── DataNotFound             no images and labels where the task looks for them
└── DownloadFailed           none of the mirrors gave the right bytes

A refusal's ``reason`` is one line of at most 256 bytes: it fits on chain as a rejection's reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from decentralml.errors import LearningError

MAX_REASON_BYTES: Final = 256


class ResultRefused(LearningError):
    """Something in one person's result cannot be accepted; other results are not affected."""

    @property
    def reason(self) -> str:
        """``Name: sentence``, one printable line of at most 256 bytes of UTF-8."""
        line = "".join(c if c.isprintable() else "?" for c in f"{type(self).__name__}: {self}")
        return line.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


class MissingFile(ResultRefused):
    """A file that the result must have is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the result has no {name}")
        self.name = name


class UnexpectedFile(ResultRefused):
    """A link, a device, a folder too deep, or more files than a result may have."""


class TooLarge(ResultRefused):
    """More bytes, entries or parameters than the limit for this kind of file."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(f"{what} is {size}, the limit is {limit}")
        self.what, self.size, self.limit = what, size, limit


class MalformedResult(ResultRefused):
    """``result.json`` is not the small JSON object that it should be."""


class BadExampleCount(ResultRefused):
    """The number of training examples is not a whole number from 1 to the limit."""


class MetricNotFinite(ResultRefused):
    """A metric is not a finite number."""


class MalformedAnswers(ResultRefused):
    """``answers.jsonl`` does not answer the bundle's items."""


class MalformedModel(ResultRefused):
    """A model file is not what its suffix says, or is damaged."""


class ArchiveRefused(ResultRefused):
    """A zip with more entries, bytes or compression than a saved model has."""


class PickleRefused(ResultRefused):
    """A pickle, which executes code when it is read."""


class UnsafeModel(ResultRefused):
    """A model whose structure would execute code, read other files, or exhaust memory."""


class LayerMismatch(ResultRefused):
    """A layer is missing, or there is one that the round's model does not have."""

    def __init__(self, missing: list[str], extra: list[str]) -> None:
        parts = [f"without {missing[0]!r}"] if missing else []
        parts += [f"with an unknown {extra[0]!r}"] if extra else []
        super().__init__(f"other layers than the round's model: {' and '.join(parts)}")
        self.missing, self.extra = missing, extra


class ShapeMismatch(ResultRefused):
    """A layer has another shape than in the round's model."""

    def __init__(self, layer: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
        super().__init__(f"layer {layer!r} has shape {shape}, the round's model has {expected}")
        self.layer, self.shape, self.expected = layer, shape, expected


class DtypeMismatch(ResultRefused):
    """A layer has another number type than in the round's model."""

    def __init__(self, layer: str, dtype: str, expected: str) -> None:
        super().__init__(f"layer {layer!r} is {dtype}, the round's model has {expected}")
        self.layer, self.dtype, self.expected = layer, dtype, expected


class NotFinite(ResultRefused):
    """A layer holds NaN, infinity, or a value that single precision cannot hold."""

    def __init__(self, layer: str, count: int) -> None:
        super().__init__(f"layer {layer!r} has {count} values that are not finite")
        self.layer, self.count = layer, count


class MalformedUpdate(ResultRefused):
    """A compressed difference that no method here makes: indices, counts or scales do not fit."""


class CopiedWeights(ResultRefused):
    """The same weights or answers, number for number, as another worker's earlier result."""

    def __init__(self, original: str) -> None:
        super().__init__(f"the same numbers as the earlier result {original}")
        self.original = original


class EmptyRound(LearningError):
    """No result was left to federate, so there is no mean.

    Attributes:
        refused: each refused result's folder, and why.
    """

    def __init__(self, refused: Mapping[Path, str] | None = None) -> None:
        self.refused = dict(refused or {})
        super().__init__("no result of this round can be federated; wait for results, or run again")


class UnknownStrategy(LearningError, ValueError):
    """No strategy has this name, or it does not take an option or its value."""


class TooFewUpdates(LearningError):
    """A strategy that tolerates so many wrong updates needs more in all."""

    def __init__(self, strategy: str, needed: int, found: int, why: str) -> None:
        super().__init__(
            f"{strategy} needs at least {needed} updates ({why}) and has {found}; "
            "wait for more results, or take another strategy"
        )
        self.strategy, self.needed, self.found = strategy, needed, found


class StrategyFailed(LearningError):
    """A strategy returned what its protocol does not allow: wrong shape, sign, or no number."""


class FileChanged(LearningError):
    """A file was replaced, truncated or written to between its check and its use."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} changed while it was being read; let nothing write to the round's results, "
            "and federate again"
        )
        self.name = name


class FrameworkMissing(LearningError):
    """A model needs a framework that is not installed."""

    def __init__(self, extra: str) -> None:
        super().__init__(f"{extra} is not installed; run: pip install 'decentralml[{extra}]'")
        self.extra = extra


class MeasureFailed(LearningError):
    """A creator's own ``evaluate_model.py`` gave no figures.

    Attributes: `model`, `said` (the end of what the script said).
    """

    def __init__(self, script: Path, model: Path, said: str) -> None:
        super().__init__(
            f"{script} gave no figures for {model.name}; run it by hand with --model to see why: "
            f"{said}"
        )
        self.model, self.said = model, said


class DataNotFound(LearningError):
    """There are no images and labels where they were looked for."""


class DownloadFailed(LearningError):
    """None of the mirrors gave the bytes with the expected hash."""
