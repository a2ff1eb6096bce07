"""What a federated strategy adds to the gradient, so that contributors do not drift apart.

FedProx (Li and others, MLSys 2020): ``mu * (w - w_round)`` pulls back to the round's model.
SCAFFOLD (Karimireddy and others, ICML 2020): ``c - c_i`` replaces the contributor's own direction
``c_i`` by everybody's, ``c``. After K steps of rate r the contributor's own mean gradient was
``g = c_i - c + (w_round - w) / (K r)``, which becomes ``c_i`` (its option II). Few batches make
``g`` a noisy guess, so that here ``c_i`` may move only a part of the way, ``control_rate``. The
contributor keeps the new ``c_i`` in STATE_DIR and sends by how much it changed.
"""

from __future__ import annotations

from pathlib import Path

import torch
from task import Place, TaskError
from torch import nn
from weights import Tensors, read, save_tensors, tensors_of

CONTROL = "control.safetensors"  # in STATE_DIR: c_i
CHANGE = "strategy.safetensors"  # in RESULT_DIR: by how much c_i changed


class Proximal:
    """FedProx's term.

    Args:
        model: as it is when the round begins.
        mu: how strongly it holds; 0 not at all.
    """

    def __init__(self, model: nn.Module, mu: float) -> None:
        self.mu = mu
        self.start = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def add_to_gradients(self, model: nn.Module) -> None:
        """Called between ``backward`` and the optimizer's step."""
        for name, weight in model.named_parameters():
            if self.mu and weight.grad is not None:
                weight.grad.add_(weight.detach() - self.start[name], alpha=self.mu)


class Controls:
    """SCAFFOLD's controls of one contributor and one round.

    Args:
        model: as it is when the round begins.
        everybodys: c, by the names of ``tensors_of(model)``; zeros in the first round.
        own: c_i; zeros before the contributor's first round.
    """

    def __init__(self, model: nn.Module, everybodys: Tensors, own: Tensors) -> None:
        self.start = tensors_of(model)
        self.everybodys, self.own = _like(self.start, everybodys), _like(self.start, own)

    def add_to_gradients(self, model: nn.Module) -> None:
        """Called between ``backward`` and the optimizer's step."""
        for name, weight in model.named_parameters():
            if weight.grad is not None:
                weight.grad.add_(self.everybodys[name] - self.own[name])

    def change(
        self, model: nn.Module, steps: int, learning_rate: float, control_rate: float
    ) -> Tensors:
        """By how much c_i changes, once the model was trained; not at all for buffers."""
        trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
        return {
            name: control_rate
            * ((self.start[name] - now) / (steps * learning_rate) - self.everybodys[name])
            if name in trained
            else torch.zeros_like(now)
            for name, now in tensors_of(model).items()
        }


def controls_for(where: Place, model: nn.Module) -> Controls:
    """The controls that the round told and that the contributor kept.

    Raises:
        TaskError: there is no STATE_DIR to keep a control in, or a file is of another model.
    """
    if where.state is None:
        raise TaskError("SCAFFOLD keeps a control from round to round: set STATE_DIR, or --state")
    kept = where.state / CONTROL
    return Controls(
        model,
        read(where.strategy) if where.strategy else {},
        read(kept) if kept.is_file() else {},
    )


def keep(where: Place, controls: Controls, change: Tensors) -> None:
    """Keeps the new c_i for the next round, and puts its change into the result."""
    save_tensors(change, where.result / CHANGE)
    if where.state is not None:
        where.state.mkdir(parents=True, exist_ok=True)
        partial: Path = where.state / f"{CONTROL}.part"
        save_tensors({name: controls.own[name] + by for name, by in change.items()}, partial)
        partial.replace(where.state / CONTROL)


def _like(model: Tensors, found: Tensors) -> Tensors:
    """The tensors found, or zeros where there are none."""
    if not found:
        return {name: torch.zeros_like(tensor) for name, tensor in model.items()}
    shapes = {name: tensor.shape for name, tensor in found.items()}
    if shapes != {name: tensor.shape for name, tensor in model.items()}:
        raise TaskError("SCAFFOLD's control is of another model than this round's")
    return found
