"""Local differential privacy: noise on one's own update, before anybody else sees it.

It needs no trust in the creator, and costs far more accuracy than the central kind: each of n
contributors adds noise that alone hides its update, where a trusted creator adds it once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from decentralml.learning.layers import Layers
from decentralml.learning.privacy.clip import clip_factor, distance
from decentralml.learning.privacy.noise import Noise
from decentralml.learning.updates import InMemory

CLIP = "local_clip"
NOISE = "local_noise"


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
    if not 0 <= noise < np.inf:
        raise ValueError(f"the noise multiplier is {noise}; it is a number from 0 on")
    factor = clip_factor(distance(InMemory(base), InMemory(trained)), clip)
    source = source or Noise()
    private: Layers = {}
    for name, before in base.items():
        change = factor * (trained[name].astype(np.float64) - before)
        change += 2 * clip * noise * source.normal(change.size).reshape(change.shape)
        private[name] = (before + change).astype(before.dtype)
    return private


def wanted(settings: Mapping[str, object]) -> tuple[float, float] | None:
    """(clip, noise) that a round's settings ask for, if they do.

    A creator may ask; what a contributor's own settings say is the contributor's to choose.

    Args:
        settings: hostile, from ``round.json``.

    Raises:
        ValueError: they ask for something that is no clip bound and noise.
    """
    if CLIP not in settings and NOISE not in settings:
        return None
    clip, noise = settings.get(CLIP), settings.get(NOISE)
    if type(clip) not in (int, float) or type(noise) not in (int, float):
        raise ValueError(f"{CLIP} and {NOISE} must both be numbers")
    clip_factor(0.0, float(clip))  # type: ignore[arg-type]
    return float(clip), float(noise)  # type: ignore[arg-type]
