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
from torch.nn import functional
from weights import save

MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels


class Net(nn.Module):
    """Two convolutions and two dense layers for 28 x 28 images of ten classes: 431,080 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(1, 20, 5)
        self.convolution2 = nn.Conv2d(20, 50, 5)
        self.dense1 = nn.Linear(800, 500)
        self.dense2 = nn.Linear(500, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 10) logits for images (n, 1, 28, 28) from 0 to 1."""
        seen = (images - MEAN) / DEVIATION
        seen = functional.max_pool2d(functional.relu(self.convolution1(seen)), 2)
        seen = functional.max_pool2d(functional.relu(self.convolution2(seen)), 2)
        logits: torch.Tensor = self.dense2(functional.relu(self.dense1(seen.flatten(1))))
        return logits


def build_model() -> nn.Module:
    """A new model with random numbers."""
    return Net().to(memory_format=torch.channels_last)


def step(model: Any, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of one batch, which is then made smaller.

    Args:
        model: from ``build_model``; called with images gives (n, classes).
        images: as ``load_data.as_tensor`` gives them.
        labels: (n,), int64.
    """
    loss: torch.Tensor = functional.cross_entropy(model(images), labels)
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
