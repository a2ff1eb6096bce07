"""A client as a Flower tutorial writes it; run as a program it takes part in one job.

python -m tests.torch.flower.flower_client ADDRESS SEED
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from flwr.client import NumPyClient
from torch import nn

from decentralml.compat import flower as fl


class Net(nn.Module):
    """Batch normalisation brings an integer of no dimension into the state."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def examples(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs and their sums."""
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(seed))
    return x, x.sum(dim=1, keepdim=True)


class FlowerClient(NumPyClient):
    """Has no `evaluate`, as many."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.net = Net()
        self.x, self.y = examples(seed)

    def get_parameters(self, **kwargs: Any) -> list[np.ndarray]:
        return [v.cpu().numpy() for v in self.net.state_dict().values()]

    def set_parameters(self, parameters: list[np.ndarray]) -> None:
        names = self.net.state_dict().keys()
        state = OrderedDict((n, torch.tensor(p)) for n, p in zip(names, parameters, strict=True))
        self.net.load_state_dict(state, strict=True)

    def fit(self, parameters: list[np.ndarray], config: dict[str, Any]) -> Any:
        self.set_parameters(parameters)
        self.net.train()
        optimizer = torch.optim.SGD(self.net.parameters(), lr=0.1)
        for _ in range(10):
            loss = nn.functional.mse_loss(self.net(self.x), self.y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return self.get_parameters(), len(self.x), {"loss": loss.item()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    fl.client.start_client(
        server_address=sys.argv[1], client=FlowerClient(int(sys.argv[2])).to_client()
    )
