"""The training loop's parts against their formulas, written out once more and slowly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from decentralml.learning.datasets import Examples

Scripts = Callable[[str], Any]


@pytest.fixture
def data(make_blots: Callable[..., Examples]) -> tuple[np.ndarray, np.ndarray]:
    examples = make_blots(40, 3, (0, 1, 2))
    return examples.images, examples.labels.astype("int64")


class Small(nn.Module):
    """Few numbers, so that a slow second version of a step is quick."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.head = nn.Linear(28 * 28, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(images).flatten(1))


@pytest.fixture
def small() -> Small:
    torch.manual_seed(2)
    return Small()


def slowly(
    scripts: Scripts,
    module: nn.Module,
    data: tuple[np.ndarray, np.ndarray],
    work: Any,
    extra: Callable[[str, torch.Tensor, torch.Tensor], torch.Tensor | float],
) -> dict[str, torch.Tensor]:
    """Plain gradient steps by hand; ``extra(name, weight, weight at the start)`` is added."""
    train = scripts("train_model")
    images = scripts("load_data").as_tensor(data[0])
    labels = torch.from_numpy(data[1])
    mark = train.zlib.crc32(data[1].tobytes())
    rows = train.order(len(labels), work.batch_size, work.steps, 1, (work.seed, mark))
    weights = dict(module.named_parameters())
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    module.train()
    for batch in rows:
        loss = nn.functional.cross_entropy(module(images[batch]), labels[batch])
        slopes = torch.autograd.grad(loss, list(weights.values()))
        with torch.no_grad():
            for (name, weight), slope in zip(weights.items(), slopes, strict=True):
                total = slope + extra(name, weight, start[name])
                weight.sub_(work.learning_rate * total)
    return {name: weight.detach() for name, weight in weights.items()}


def twin(small: Small) -> Small:
    other = Small()
    other.load_state_dict(small.state_dict())
    return other


def close(found: nn.Module, expected: dict[str, torch.Tensor]) -> None:
    for name, weight in found.named_parameters():
        torch.testing.assert_close(weight.detach(), expected[name], rtol=1e-4, atol=1e-6)


def work_of(scripts: Scripts, **choices: Any) -> Any:
    chosen = {"steps": 4, "batch_size": 8, "learning_rate": 0.1, **choices}
    return scripts("train_model").Work(**chosen)


def test_without_a_strategy_s_wishes_it_is_plain_gradient_descent(
    scripts: Scripts, small: Small, data: Any
) -> None:
    work = work_of(scripts)
    expected = slowly(scripts, twin(small), data, work, lambda *_: 0.0)
    scripts("train_model").train_model(small, data, work)
    close(small, expected)


def test_fedprox_adds_mu_times_the_way_from_the_round_s_model(
    scripts: Scripts, small: Small, data: Any
) -> None:
    work = work_of(scripts, mu=0.7)
    expected = slowly(scripts, twin(small), data, work, lambda _, w, start: 0.7 * (w - start))
    plain = slowly(scripts, twin(small), data, work, lambda *_: 0.0)
    scripts("train_model").train_model(small, data, work)
    close(small, expected)
    assert not torch.allclose(plain["head.weight"], expected["head.weight"], rtol=1e-3)


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_scaffold_steps_by_everybodys_control_less_its_own_and_moves_its_own(
    scripts: Scripts, small: Small, data: Any, rate: float
) -> None:
    corrections, weights = scripts("corrections"), scripts("weights")
    torch.manual_seed(5)
    shapes = weights.tensors_of(small)
    ours, own = ({n: 0.1 * torch.randn_like(t) for n, t in shapes.items()} for _ in range(2))
    work = work_of(scripts)
    expected = slowly(scripts, twin(small), data, work, lambda name, *_: ours[name] - own[name])
    controls = corrections.Controls(small, ours, own)
    scripts("train_model").train_model(small, data, work, 1, controls)
    close(small, expected)
    change = controls.change(small, work.steps, work.learning_rate, rate)
    for name in expected:
        moved = (shapes[name] - expected[name]) / (work.steps * work.learning_rate)
        wanted = own[name] - ours[name] + moved  # option II of the paper
        torch.testing.assert_close(
            own[name] + change[name], (1 - rate) * own[name] + rate * wanted, rtol=1e-3, atol=1e-5
        )
    assert set(change) == set(shapes)
    assert not change["norm.running_mean"].any(), "a buffer has no gradient to control"


def test_labels_that_a_contributor_does_not_have_are_spared(
    scripts: Scripts, small: Small, data: Any
) -> None:
    train = scripts("train_model").train_model
    before = small.head.bias[3].item()
    plain, spared = twin(small), twin(small)
    train(plain, data, work_of(scripts))
    train(spared, data, work_of(scripts, absent=50.0))
    assert spared.head.bias[3].item() == pytest.approx(before, abs=1e-6)
    assert plain.head.bias[3].item() < before - 1e-3


def test_images_are_moved_whole_and_come_back(scripts: Scripts) -> None:
    shifted = scripts("train_model").shifted
    images = torch.arange(2 * 36, dtype=torch.float32).reshape(2, 1, 6, 6)
    assert shifted(images, 0, np.random.default_rng(1)) is images
    moved = [shifted(images, 2, np.random.default_rng(seed)) for seed in range(30)]
    assert all(sorted(m.flatten()) == sorted(images.flatten()) for m in moved)
    assert len({tuple(m.flatten().tolist()) for m in moved}) > 10


@given(
    count=st.integers(1, 40),
    batch=st.integers(1, 16),
    steps=st.integers(1, 8),
    rounds=st.integers(1, 6),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_example_comes_once_before_one_comes_again(
    scripts: Scripts, count: int, batch: int, steps: int, rounds: int
) -> None:
    order = scripts("train_model").order
    seen = [
        int(row)
        for round_ in range(1, rounds + 1)
        for rows in order(count, batch, steps, round_, (1, 2))
        for row in rows
    ]
    assert len(seen) == batch * steps * rounds
    for start in range(0, len(seen) - count + 1, count):
        assert sorted(seen[start : start + count]) == list(range(count))


def test_settings_keep_their_kind_and_others_are_passed_over(scripts: Scripts) -> None:
    work, error = scripts("train_model").Work, scripts("task").TaskError
    assert work.of({"decay": 1, "steps": 3, "scaffold": True, "units": 5}) == work(
        decay=1.0, steps=3, scaffold=True
    )
    for wrong in ({"steps": 2.5}, {"steps": True}, {"scaffold": "false"}, {"mu": None}):
        with pytest.raises(error, match="must be of the kind"):
            work.of(wrong)


def test_the_learning_rate_falls_round_by_round(scripts: Scripts) -> None:
    work = work_of(scripts, decay=0.5)
    assert [work.rate(round_) for round_ in (1, 2, 3)] == [0.1, 0.05, 0.025]


def test_without_steps_a_round_has_its_epochs(scripts: Scripts) -> None:
    work = replace(work_of(scripts), steps=0, epochs=1.5)
    assert work.batches(40) == 8  # 60 examples, 8 a batch, rounded to even
    assert work.batches(1) == 1


def test_holding_out_splits_and_nothing_held_out_trains_on_all(scripts: Scripts) -> None:
    split, error = scripts("load_data").split, scripts("task").TaskError
    images, labels = np.zeros((10, 2, 2)), np.arange(10)
    for share, held in [(0.0, 0), (0.01, 1), (0.3, 3), (1.0, 9)]:
        (_, train), (_, check) = split(images, labels, share, 1)
        assert (len(train), len(check)) == (10 - held, held)
        assert sorted([*train, *check]) == list(range(10))
    with pytest.raises(error, match="two examples"):
        split(images[:1], labels[:1], 0.1, 1)


def test_mnist_s_own_files_are_read_and_shards_are_joined(scripts: Scripts, tmp_path: Path) -> None:
    load_data = scripts("load_data").load_data
    images, labels = np.arange(32).reshape(2, 4, 4).astype(np.uint8), np.array([3, 4], np.uint8)
    header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2, 4, 4))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    head = b"\0\0\x08\x01" + (2).to_bytes(4, "big")
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(head + labels.tobytes())
    loaded, loaded_labels = load_data(tmp_path)
    assert (loaded == images).all()
    assert loaded_labels.tolist() == [3, 4]
    np.savez(tmp_path / "a.npz", images=images, labels=labels)
    np.savez(tmp_path / "b.npz", images=images[:1], labels=labels[:1])
    assert load_data(tmp_path)[1].tolist() == [3, 4, 3]
