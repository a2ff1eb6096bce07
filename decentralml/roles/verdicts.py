"""What a validator concludes from a checked delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from decentralml.chain.records import Accept, Reject, Schedule, TaskResult, Verdict
from decentralml.errors import DecentralMLError
from decentralml.learning.errors import ResultRefused
from decentralml.types import BlockNumber

MAX_REASON_BYTES = 256


@dataclass(frozen=True, slots=True)
class Checked:
    """A worker's delivery after download and checks.

    Attributes:
        result: what the chain says of it.
        folder: the result's files; None when the delivery could not be had or names another.
        refusal: why it cannot be used; None when nothing speaks against it.
        missing: the store does not have it (yet): its content is not known to be bad.
        examples: number of training examples it says it used; None for other kinds than
            contributions.
        metrics: the worker's own figures, finite numbers.
    """

    result: TaskResult
    folder: Path | None
    refusal: DecentralMLError | None = None
    missing: bool = False
    examples: int | None = None
    metrics: tuple[tuple[str, float], ...] = ()

    @property
    def reason(self) -> str:
        """The refusal in one line that fits on chain; empty when there is none."""
        if self.refusal is None:
            return ""
        if isinstance(self.refusal, ResultRefused):
            return self.refusal.reason
        return one_line(f"{type(self.refusal).__name__}: {self.refusal}")


Judge: TypeAlias = Callable[[Checked], Verdict | None]
"""Decides about a checked delivery; None leaves it pending for now."""


def by_checks(checked: Checked) -> Verdict | None:
    """Accept what passed every check, refuse by name what did not, leave what is missing."""
    if checked.missing:
        return None
    return Accept() if checked.refusal is None else Reject(checked.reason)


def must_decide(result: TaskResult, schedule: Schedule, head: BlockNumber) -> bool:
    """Whether at most a quarter of the time to validate is left.

    Silence pays, so what is still missing then has to be rejected.
    """
    if result.deadline is None:
        return False
    return (result.deadline - head) * 4 <= schedule.validate_time


def one_line(text: str) -> str:
    """``text`` as one printable line of at most 256 bytes, as a rejection's reason must be."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
