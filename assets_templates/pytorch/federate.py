"""Averages contributors' models, weighted by examples: the creator's part, as in a notebook.

Each contributor's folder holds ``model-<contributor>.safetensors`` and ``result.json``. These
functions check shapes, nothing more; the marketplace's own ``decentralml.learning.federate`` takes
results of strangers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from evaluate_model import evaluate_model
from load_data import load_data
from model import build_model
from task import TaskError, arguments, place, run
from torch import nn
from weights import Tensors, load, save, tensors_of

__all__ = ["federated_contributors_model", "load_contributors_model"]


def load_contributors_model(folder: Path) -> tuple[nn.Module, int, str]:
    """A contributor's model, its number of training examples, and the contributor's identity."""
    files = sorted(folder.glob("model-*.safetensors"))
    if len(files) != 1:
        raise TaskError(f"{folder} holds {len(files)} files model-*.safetensors, not one")
    note = json.loads((folder / "result.json").read_text())
    model = load(build_model(), files[0])
    return model, int(note["examples"]), files[0].stem.removeprefix("model-")


def federated_contributors_model(contributions: Iterable[tuple[nn.Module, int]]) -> nn.Module:
    """A new model with the mean of the contributors' numbers, each weighted by its examples."""
    total, sums = 0, Tensors()
    for model, examples in contributions:
        for name, tensor in tensors_of(model).items():
            sums[name] = sums.get(name, 0) + tensor.double() * examples
        total += examples
    if not total:
        raise TaskError("there are no contributors' models to average")
    federated = build_model()
    kinds = {name: tensor.dtype for name, tensor in tensors_of(federated).items()}
    with torch.no_grad():
        federated.load_state_dict(
            {name: (tensor / total).to(kinds[name]) for name, tensor in sums.items()}, strict=False
        )
    return federated


def main() -> None:
    """Federates the folders within a folder; says how good each is, and all together."""
    parser = arguments(__doc__)
    parser.add_argument("contributions", nargs="+", help="contributors' result folders")
    options = parser.parse_args()
    where = place(options)
    images, labels = load_data(where.data)
    loaded = [load_contributors_model(Path(folder)) for folder in options.contributions]
    federated = federated_contributors_model((model, examples) for model, examples, _ in loaded)
    for name, model in [*((who, model) for model, _, who in loaded), ("federated", federated)]:
        print(f"{name:>16}  {evaluate_model(model, images, labels)['accuracy']:.4f}")
    path = where.result / "model-federated.safetensors"
    save(federated, path)
    print(path)


if __name__ == "__main__":
    run(main)
