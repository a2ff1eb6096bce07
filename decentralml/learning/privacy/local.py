"""Local differential privacy: noise on one's own update, before anybody else sees it.

It needs no trust in the creator, and costs far more accuracy than the central kind: each of n
contributors adds noise that alone hides its update, where a trusted creator adds it once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decentralml.learning.layers import Layers
from decentralml.learning.privacy.clip import clip_factor, distance
from decentralml.learning.privacy.noise import Noise
from decentralml.learning.updates import InMemory


@dataclass(frozen=True, slots=True)
class LocalPrivacy:
    """What a person wants for everything that leaves the machine.

    Attributes:
        clip: bound on the L2 length of an update.
        noise: noise multiplier, see ``privatize``; from 0 (clipping alone, which promises nothing).

    Raises:
        ValueError: a number is out of its range.
    """

    clip: float
    noise: float

    def __post_init__(self) -> None:
        clip_factor(0.0, self.clip)
        _check_noise(self.noise)


def privatize(
    base: Layers, trained: Layers, clip: float, noise: float, source: Noise | None = None
) -> Layers:
    """The trained model with its change clipped and hidden in noise; to be sent instead of it.

    Any two updates that a contributor could have had differ by at most ``2 * clip`` after clipping,
    so the noise has standard deviation ``2 * clip * noise``: with it ``Releases(rounds)`` gives
    epsilon for everything about that contributor. Say the same number of examples in every round
    (1, for example): the real count would tell something that no noise covers.

    Args:
        base: the round's model.
        trained: of the same names, shapes and types.
        clip: bound on the L2 length of the whole change.
        noise: noise multiplier, from ``Releases.noise_for``.
        source: for tests; None for unpredictable noise.

    Returns: new arrays of the same names, shapes and types.

    Raises:
        ValueError: the clip bound is not above 0, or the noise below it.
    """
    _check_noise(noise)
    factor = clip_factor(distance(InMemory(base), InMemory(trained)), clip)
    source = source or Noise()
    private: Layers = {}
    for name, before in base.items():
        change = factor * (trained[name].astype(np.float64) - before)
        change += 2 * clip * noise * source.normal(change.size).reshape(change.shape)
        private[name] = (before + change).astype(before.dtype)
    return private


def _check_noise(noise: float) -> None:
    if not 0 <= noise < np.inf:
        raise ValueError(f"the noise multiplier is {noise}; it is a number from 0 on")
