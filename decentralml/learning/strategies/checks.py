"""Bounds on strategies' options; a refusal names the option."""

from __future__ import annotations

from decentralml.learning.errors import UnknownStrategy


def positive(name: str, value: float) -> None:
    """Raises UnknownStrategy unless the value is finite and above 0."""
    _require(0 < value < float("inf"), f"{name} must be above 0, not {value}")


def not_negative(name: str, value: float) -> None:
    """Raises UnknownStrategy unless the value is finite and at least 0."""
    _require(0 <= value < float("inf"), f"{name} must be at least 0, not {value}")


def share(name: str, value: float, below: float = 1.0) -> None:
    """Raises UnknownStrategy unless 0 <= value < below."""
    _require(0 <= value < below, f"{name} must be from 0 to below {below:g}, not {value}")


def decay(value: float) -> None:
    """Raises UnknownStrategy unless 0 < value <= 1."""
    _require(0 < value <= 1, f"decay must be above 0 to 1, not {value}")


def at_least(name: str, value: int, least: int) -> None:
    """Raises UnknownStrategy unless the value is a whole number from ``least`` on."""
    fits = type(value) is int and value >= least
    _require(fits, f"{name} must be a whole number from {least} on, not {value}")


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise UnknownStrategy(sentence)
