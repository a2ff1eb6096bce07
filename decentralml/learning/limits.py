"""How large what a stranger sends may be; a refusal names the limit, so that it can be raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Bounds on one model file, checked before memory is spent on it."""

    file_bytes: int = 1024 * MIB
    """Of the file itself, and of what a zip unpacks to."""
    header_bytes: int = 4 * MIB
    """Of a structure's JSON or a safetensors header."""
    json_depth: int = 64
    layers: int = 10_000
    """Arrays in a model."""
    parameters: int = 200_000_000
    """Numbers in a model whose structure is new (an engineer's)."""
    activations: int = 5_000_000
    """Numbers that one layer of a new structure may put out for one example."""
    compression: int = 100
    """Times that a zip entry above one MiB may shrink: trained weights hardly shrink at all."""


@dataclass(frozen=True, slots=True)
class ResultLimits:
    """Bounds on one result folder."""

    files: int = 100
    depth: int = 4
    total_bytes: int = 2048 * MIB
    note_bytes: int = 64 * 1024
    """Of ``result.json``."""
    metrics: int = 100
    examples: int = 10_000_000
    """A count weighs in the mean, so an absurd one must not drown the others."""
    answer_bytes: int = 4096
    """Of one line of ``answers.jsonl``."""
    model: ModelLimits = ModelLimits()


DEFAULT_MODEL_LIMITS: Final = ModelLimits()
DEFAULT_RESULT_LIMITS: Final = ResultLimits()
