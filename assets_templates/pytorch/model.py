"""The module, and the step by which it learns: what to change for another job.

Everything else in this folder works with any module whose ``build_model`` takes no arguments and
whose ``step`` gives a loss. Run by hand it writes the first round's model, untrained:

    python model.py model.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from task import run
from torch import nn
from weights import save


def build_model() -> nn.Module:
    """Two convolutions and two dense layers for 28 x 28 images of ten classes: 431,080 numbers."""
    net = nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )
    return net.to(memory_format=torch.channels_last)


def step(model: Any, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of one batch, which is then made smaller.

    Args:
        model: from ``build_model``; called with images gives (n, classes).
        images: as ``load_data.as_tensor`` gives them.
        labels: (n,), int64.
    """
    loss: torch.Tensor = nn.functional.cross_entropy(model(images), labels)
    return loss


def main() -> None:
    """Writes a model with random numbers."""
    parser = argparse.ArgumentParser(description="Writes the first round's model, untrained.")
    parser.add_argument("file", type=Path, help="a new file, ….safetensors")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    save(build_model(), options.file)


if __name__ == "__main__":
    run(main)
