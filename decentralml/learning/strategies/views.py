"""An update seen otherwise: without some layers, or nearer to the round's model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from decentralml.learning.layers import Array, Template
from decentralml.learning.updates import Readable, Update


@dataclass(frozen=True)
class ModelWithout:
    """A model without the layers that ``skips`` names."""

    whole: Readable
    skips: Callable[[str], bool]

    @property
    def template(self) -> Template:
        """See ``Readable.template``."""
        return {name: spec for name, spec in self.whole.template.items() if not self.skips(name)}

    def block(self, layer: str, start: int, stop: int) -> Array:
        """See ``Readable.block``."""
        return self.whole.block(layer, start, stop)


@dataclass(frozen=True)
class _UpdateView:
    whole: Update

    @property
    def contributor(self) -> str:
        """See ``Update.contributor``."""
        return self.whole.contributor

    @property
    def examples(self) -> int:
        """See ``Update.examples``."""
        return self.whole.examples

    @property
    def extras(self) -> Readable | None:
        """See ``Update.extras``."""
        return self.whole.extras

    @property
    def template(self) -> Template:
        """See ``Readable.template``."""
        return self.whole.template


@dataclass(frozen=True)
class UpdateWithout(_UpdateView):
    """An update without the layers that ``skips`` names."""

    skips: Callable[[str], bool]

    @property
    def template(self) -> Template:
        """See ``Readable.template``."""
        return ModelWithout(self.whole, self.skips).template

    def block(self, layer: str, start: int, stop: int) -> Array:
        """See ``Readable.block``."""
        return self.whole.block(layer, start, stop)


@dataclass(frozen=True)
class Scaled(_UpdateView):
    """base + scale (update - base), in double precision."""

    base: Readable
    scale: float

    def block(self, layer: str, start: int, stop: int) -> Array:
        """See ``Readable.block``."""
        base = self.base.block(layer, start, stop).astype(np.float64)
        return base + self.scale * (self.whole.block(layer, start, stop) - base)
