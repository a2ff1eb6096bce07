"""A strategy named on the command line: ``--strategy fedadam --strategy-option beta1=0.9``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from decentralml.learning.strategies import Strategy

NAME_HELP = "How results become one model: a strategy's name, or your own MODULE:CLASS."
OPTION_HELP = "A choice of the strategy, as in learning_rate=0.01; repeatable."


def chosen_strategy(name: str, options: Sequence[str]) -> Strategy:
    """The strategy of that name with these options, each ``NAME=VALUE``.

    Raises:
        UnknownStrategy: there is no such strategy, or it has no such option.
    """
    from decentralml.learning.strategies.registry import named

    said: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"--strategy-option takes NAME=VALUE, not {option[:80]!a}.")
        said[key] = value
    return named(name, **said)
