"""Trains the round's model on the contributor's own data and leaves it in the result folder.

The result is ``model-<contributor>.safetensors`` and ``result.json`` (with SCAFFOLD also
``strategy.safetensors``); the data stays where it is. What is learned depends on the data, the
settings and the round alone, not on who runs it: run again, it gives the same numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from corrections import Controls, Proximal, controls_for, keep
from evaluate_model import evaluate_model
from load_data import as_tensor, load_data, split
from model import build_model, step
from own_layers import keep_own, put_back
from task import Place, TaskError, arguments, place, run, settings, write_note
from torch import nn
from weights import load, save

Examples = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Work:
    """How a contributor trains in a round: the creator's choices, by the names in settings.json."""

    epochs: float = 1.0
    """Passes over the contributor's data; not used where ``steps`` are given."""
    steps: int = 0
    """Batches in a round; 0 says ``epochs``. Rounds go on through the data where the last ended."""
    batch_size: int = 32
    learning_rate: float = 0.05
    decay: float = 1.0
    """The learning rate of each round as a share of the round before's."""
    momentum: float = 0.0
    weight_decay: float = 0.0
    shift: int = 0
    """Images are moved at random by up to so many pixels, which makes more of few images."""
    absent: float = 0.0
    """Taken from the model's outputs for labels that the contributor does not have, in training:
    else contributors with different labels unlearn one another's. 0 leaves them as they are."""
    held_out: float = 0.1
    """Share of the data to check with, for the metrics."""
    mu: float = 0.0
    """FedProx: how strongly the round's model holds."""
    skip: str = ""
    """FedBN: the layers that stay the contributor's own, ``*batch_norm*,bn*``."""
    scaffold: bool = False
    control_rate: float = 1.0
    """SCAFFOLD: how far the control moves to the round's own gradient; 1 in its paper."""
    seed: int = 1

    @classmethod
    def of(cls, chosen: dict[str, Any]) -> Work:
        """From settings; those that other scripts read are passed over.

        Raises:
            TaskError: a value of the wrong kind.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        return cls(
            **{name: _kept(name, kinds[name], chosen[name]) for name in kinds if name in chosen}
        )

    def rate(self, round_: int) -> float:
        """The learning rate of a round, counted from 1."""
        return float(self.learning_rate * self.decay ** (round_ - 1))

    def batches(self, count: int) -> int:
        """How many batches of ``count`` examples a round has."""
        return self.steps or max(1, round(self.epochs * count / self.batch_size))


class Spared(nn.Module):
    """A model whose outputs for absent labels are lowered by a constant, for training only."""

    def __init__(self, model: nn.Module, lowered: torch.Tensor) -> None:
        super().__init__()
        self.model, self.lowered = model, lowered

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The model's outputs, less what is taken off."""
        outputs: torch.Tensor = self.model(images) - self.lowered
        return outputs


def train_model(
    model: nn.Module, data: Examples, work: Work, round_: int = 1, controls: Controls | None = None
) -> float:
    """Trains ``model`` in place by plain SGD; returns the mean loss of the batches (nats).

    Args:
        model: from ``build_model``.
        data: images and labels as ``load_data`` gives them.
        work: how.
        round_: decides the learning rate and which examples come next.
        controls: SCAFFOLD's, or None.
    """
    images, labels = data[0], torch.from_numpy(data[1])
    mark = zlib.crc32(data[1].tobytes())
    count, steps = len(labels), work.batches(len(labels))
    optimizer = torch.optim.SGD(
        model.parameters(), work.rate(round_), work.momentum, weight_decay=work.weight_decay
    )
    proximal = Proximal(model, work.mu)
    trained = _trained(model, as_tensor(images[:1]), labels, work.absent)
    model.train()
    moved = np.random.default_rng([work.seed, mark, round_])
    torch.manual_seed(int(moved.integers(1 << 31)))  # dropout's, if the model has some
    total = 0.0
    for rows in order(count, work.batch_size, steps, round_, (work.seed, mark)):
        batch = shifted(as_tensor(images[rows]), work.shift, moved)
        loss = step(trained, batch, labels[torch.from_numpy(rows)])
        optimizer.zero_grad()
        loss.backward()
        proximal.add_to_gradients(model)
        if controls is not None:
            controls.add_to_gradients(model)
        optimizer.step()
        total += loss.item()
    return total / steps


def _kept(name: str, kind: type, value: Any) -> Any:
    """A setting's value in its kind: whole numbers may stand for others, nothing else is turned."""
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TaskError(f"the setting {name} must be of the kind {kind.__name__}, not {value!r}")
    return value


def order(
    count: int, batch_size: int, steps: int, round_: int, seed: tuple[int, ...]
) -> Iterator[np.ndarray]:
    """The rows of each batch of a round.

    All rows come once before one comes again, also across rounds; each pass has its own order.
    """
    passes: dict[int, np.ndarray] = {}
    for number in range((round_ - 1) * steps, round_ * steps):
        rows = []
        for position in range(number * batch_size, (number + 1) * batch_size):
            which, offset = divmod(position, count)
            if which not in passes:
                passes = {which: np.random.default_rng([*seed, which]).permutation(count)}
            rows.append(passes[which][offset])
        yield np.array(rows)


def shifted(images: torch.Tensor, most: int, generator: np.random.Generator) -> torch.Tensor:
    """A batch moved by up to ``most`` pixels up or down and left or right, each image alike."""
    if not most:
        return images
    down, right = generator.integers(-most, most + 1, 2).tolist()
    return torch.roll(images, (down, right), (2, 3))


def _trained(model: nn.Module, one: torch.Tensor, labels: torch.Tensor, absent: float) -> nn.Module:
    """The model, or where absent labels are to be spared, the model less what is taken off."""
    if not absent:
        return model
    model.eval()
    with torch.no_grad():
        lowered = torch.full_like(model(one)[0], absent)
    if labels.max() >= len(lowered):
        raise TaskError(f"there is a label {labels.max()}, the model knows {len(lowered)}")
    lowered[labels.unique()] = 0.0
    return Spared(model, lowered)


def contribute(where: Place, work: Work) -> Path:
    """The whole work: load, train, check on examples held out, save. Returns the model's path."""
    images, labels = load_data(where.data)
    train, check = split(images, labels, work.held_out, work.seed)
    model = load(build_model(), where.model_path())
    put_back(where, model, work.skip)
    before = evaluate_model(model, *check) if work.held_out else {}
    loss = _train_in_round(where, model, train, work)
    after = evaluate_model(model, *check) if work.held_out else {}
    metrics = {**{f"{name}_before": value for name, value in before.items()}, **after}
    metrics["training_loss"] = loss
    path = where.result / f"model-{where.contributor}.safetensors"
    save(model, path)
    keep_own(where, model, work.skip)
    write_note(where.result, len(train[1]), metrics)
    said = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
    print(f"round {where.round}: {len(train[1])} examples, {said}")
    return path


def _train_in_round(where: Place, model: nn.Module, train: Examples, work: Work) -> float:
    if not work.scaffold:
        return train_model(model, train, work, where.round)
    if work.momentum:
        raise TaskError("SCAFFOLD's control is that of plain SGD: set momentum to 0")
    controls = controls_for(where, model)
    loss = train_model(model, train, work, where.round, controls)
    steps, rate = work.batches(len(train[1])), work.rate(where.round)
    keep(where, controls, controls.change(model, steps, rate, work.control_rate))
    return loss


def main() -> None:
    """Parses the options and does the work."""
    chosen = Work.of(settings())
    parser = arguments(__doc__)
    for field in fields(Work):
        if field.type == "bool":
            parser.add_argument(f"--{field.name}", action="store_true", default=chosen.scaffold)
        else:
            flag = f"--{field.name.replace('_', '-')}"
            parser.add_argument(flag, type=type(field.default), default=getattr(chosen, field.name))
    options = parser.parse_args()
    work = Work(**{field.name: getattr(options, field.name) for field in fields(Work)})
    contribute(place(options), work)


if __name__ == "__main__":
    run(main)
