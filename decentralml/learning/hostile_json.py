"""JSON from a stranger: bounded in bytes and depth, without NaN, huge numbers or repeated keys."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

MAX_DIGITS: Final = 40


class JsonRefused(ValueError):
    """The text is not JSON, or is more than a reader should take."""


def read_json(data: bytes, max_bytes: int, max_depth: int = 32) -> Any:
    """The value that ``data`` holds.

    Raises:
        JsonRefused: too long, too deep, not UTF-8 JSON, NaN or infinity, a number of more than 40
            digits, or a key that appears twice in one object.
    """
    if len(data) > max_bytes:
        raise JsonRefused(f"{len(data)} bytes, the limit is {max_bytes}")
    try:
        text = data.decode()
        _check_depth(text, max_depth)
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_small_int,
            parse_float=_finite_float,
            object_pairs_hook=_unique_keys,
        )
    except JsonRefused:
        raise
    except ValueError as error:
        raise JsonRefused(f"not JSON: {error}") from error


def _check_depth(text: str, max_depth: int) -> None:
    """Counts brackets outside strings, so that the parser's recursion is bounded beforehand."""
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > max_depth:
                raise JsonRefused(f"nested deeper than {max_depth}")
        elif character in "]}":
            depth -= 1


def _refuse_constant(constant: str) -> NoReturn:
    raise JsonRefused(f"{constant} is no number")


def _small_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise JsonRefused(f"a number of {len(digits)} digits")
    return int(digits)


def _finite_float(digits: str) -> float:
    value = float(digits)
    if len(digits) > MAX_DIGITS or not math.isfinite(value):
        raise JsonRefused(f"the number {digits[:MAX_DIGITS]} is out of range")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JsonRefused("a key appears twice")
    return value
