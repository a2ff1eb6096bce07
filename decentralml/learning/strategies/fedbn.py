"""Layers that stay each contributor's own (FedBN: Li, Jiang, Zhang, Kamp, Dou, ICLR 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from decentralml.learning.errors import UnknownStrategy
from decentralml.learning.strategies.strategy import Setting, Weighing
from decentralml.learning.strategies.views import ModelWithout, UpdateWithout
from decentralml.learning.strategies.wrapper import Wrapper
from decentralml.learning.updates import Readable, Update

BATCH_NORM = ("*batch_norm*", "*batchnorm*", "*.bn*", "*/bn*", "bn*")
"""Names that Keras and PyTorch models give batch normalisation; the case does not matter."""


@dataclass(frozen=True)
class Skipping(Wrapper):
    """Federates all layers but some: those stay the round's model's.

    With batch normalisation skipped this is FedBN: contributors, who are told the patterns, keep
    these layers of their own from round to round. Norms and distances leave them out too.

    Attributes:
        patterns: as in file names (``*`` and ``?``), compared in lower case with layers' names.
    """

    patterns: tuple[str, ...] = BATCH_NORM

    def __post_init__(self) -> None:
        if not self.patterns or not all(self.patterns):
            raise UnknownStrategy("patterns must name layers to skip, such as *batch_norm*")

    @property
    def client_settings(self) -> dict[str, Setting]:
        """``skip``, the patterns with commas between, and what the inner strategy tells."""
        return {**super().client_settings, "skip": ",".join(self.patterns)}

    def skips(self, layer: str) -> bool:
        """See ``strategy.skips``."""
        named = any(fnmatchcase(layer.lower(), pattern.lower()) for pattern in self.patterns)
        return named or super().skips(layer)

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        seen = [UpdateWithout(update, self.skips) for update in updates]
        return self.inner.weigh(ModelWithout(base, self.skips), seen)
