"""From a participant's result to the market's delivery, the same on both sides of the wire.

The coordinator stores the delivery; the participant makes it too, to know the CID that it signs.
Nobody has to trust the other: equal content has an equal name.
"""

from __future__ import annotations

import json
from pathlib import Path

from decentralml.learning.layers import Layers
from decentralml.learning.results import NOTE
from decentralml.learning.weights import SUFFIX, WeightsHeader, save_weights
from decentralml.roles.manifest import Manifest, write_delivery

WEIGHTS = f"weights{SUFFIX}"


def make_delivery(folder: Path, examples: int, layers: Layers, manifest: Manifest) -> Path:
    """Write the delivery of these weights; equal arguments give equal bytes.

    Args:
        folder: does not exist yet.

    Returns: `folder`, with ``manifest.json`` and ``result/``.
    """
    making = folder.with_name(folder.name + ".result")
    making.mkdir(parents=True)
    folder.mkdir()
    header = WeightsHeader(
        examples, {}, manifest.round, manifest.base_model, contributor=manifest.worker
    )
    save_weights(making / WEIGHTS, layers, header)
    note = {"examples": examples, "metrics": {}}
    (making / NOTE).write_text(json.dumps(note, sort_keys=True), encoding="utf-8")
    write_delivery(making, manifest, folder)
    return folder
