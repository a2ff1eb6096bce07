"""Every strategy as its paper writes it: whole vectors at once, loops, double precision.

Each function takes ``base`` (a flat vector), ``updates`` (a list of flat vectors), ``examples`` (a
list) and returns the next flat vector; ``Slow`` holds what the server optimisers remember.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Vector = Any
Vectors = Sequence[Vector]


def weighted_mean(vectors: Vectors, weights: Sequence[float]) -> Vector:
    total = sum(weights)
    result = np.zeros(vectors[0].size)
    for vector, weight in zip(vectors, weights, strict=True):
        result = result + (weight / total) * vector
    return result


def fedavg(base: Vector, updates: Vectors, examples: Sequence[int]) -> Vector:
    """McMahan et al. 2017, algorithm 1: w = sum of n_k / n w_k."""
    return weighted_mean(updates, examples)


def median(base: Vector, updates: Vectors, examples: Sequence[int]) -> Vector:
    """Yin et al. 2018, definition 1."""
    result = []
    for values in zip(*updates, strict=True):
        ranked = sorted(values)
        half = len(ranked) // 2
        if len(ranked) % 2:
            result.append(ranked[half])
        else:
            result.append((ranked[half - 1] + ranked[half]) / 2)
    return np.array(result)


def trimmed_mean(cut: int) -> Callable[[Vector, Vectors, Sequence[int]], Vector]:
    """Yin et al. 2018, definition 2, with ``cut`` values dropped at either end."""

    def rule(base: Vector, updates: Vectors, examples: Sequence[int]) -> Vector:
        result = []
        for values in zip(*updates, strict=True):
            kept = sorted(values)[cut : len(values) - cut]
            result.append(math.fsum(kept) / len(kept))
        return np.array(result)

    return rule


def krum_order(updates: Vectors, f: int) -> list[int]:
    """Blanchard et al. 2017, section 4: numbers of the updates, the best score first."""
    scores = []
    for i, one in enumerate(updates):
        distances = sorted(
            math.fsum((one - other) ** 2) for j, other in enumerate(updates) if j != i
        )
        scores.append(math.fsum(distances[: max(1, len(updates) - f - 2)]))
    return sorted(range(len(updates)), key=lambda i: scores[i])


def multi_krum(f: int, m: int) -> Callable[[Vector, Vectors, Sequence[int]], Vector]:
    def rule(base: Vector, updates: Vectors, examples: Sequence[int]) -> Vector:
        chosen = krum_order(updates, f)[:m]
        return weighted_mean([updates[i] for i in chosen], [1] * m)

    return rule


def bulyan(f: int) -> Callable[[Vector, Vectors, Sequence[int]], Vector]:
    """El Mhamdi et al. 2018, section 4."""

    def rule(base: Vector, updates: Vectors, examples: Sequence[int]) -> Vector:
        received, selected = list(updates), []
        theta = len(updates) - 2 * f
        while len(selected) < theta:
            best = krum_order(received, f)[0] if len(received) > 1 else 0
            selected.append(received.pop(best))
        beta = theta - 2 * f
        result = []
        for values, middle in zip(
            zip(*selected, strict=True), median(base, selected, examples), strict=True
        ):
            nearest = sorted(sorted(values), key=lambda value: abs(value - middle))[:beta]
            result.append(math.fsum(nearest) / beta)
        return np.array(result)

    return rule


def distance_sum(point: Vector, updates: Vectors) -> float:
    """What the geometric median minimises."""
    return math.fsum(float(np.linalg.norm(point - update)) for update in updates)


def geometric_median(base: Vector, updates: Vectors, examples: Sequence[int]) -> Vector:
    """Pillutla et al. 2022, algorithm 2, from the mean on, with many steps."""
    point = weighted_mean(updates, [1] * len(updates))
    for _ in range(3000):
        betas = [1 / max(1e-6, float(np.linalg.norm(point - update))) for update in updates]
        point = weighted_mean(updates, betas)
    return point


def norm_clipping(norm: float) -> Callable[[Vector, Vectors, Sequence[int]], Vector]:
    """Sun et al. 2019, section 3: the mean of the changes, each divided by max(1, norm / M)."""

    def rule(base: Vector, updates: Vectors, examples: Sequence[int]) -> Vector:
        norms = [float(np.linalg.norm(update - base)) for update in updates]
        bound = norm or float(np.median(norms))
        changes = []
        for update, length in zip(updates, norms, strict=True):
            shrink = max(1.0, length / bound) if bound else math.inf
            changes.append((update - base) / shrink if length else update - base)
        return base + weighted_mean(changes, examples)

    return rule


class Slow:
    """A server optimiser over all its rounds."""

    def __init__(self, **options: Any) -> None:
        self.round, self.options = 0, options
        self.m: Any = None
        self.v: Any = None

    def __call__(self, base: Vector, updates: Vectors, examples: Sequence[int]) -> Vector:
        if self.m is None:
            self.m, self.v = np.zeros(base.size), self.first_v(base.size)
        change = weighted_mean([update - base for update in updates], examples)
        moved = self.move(base, change)
        self.round += 1
        return moved

    def first_v(self, size: int) -> Vector:
        return np.full(size, self.options.get("tau", 0.0) ** 2)

    def rate(self) -> float:
        return float(self.options["learning_rate"] * self.options["decay"] ** self.round)

    def move(self, base: Vector, change: Vector) -> Vector:
        raise NotImplementedError


class SlowMomentum(Slow):
    """Hsu et al. 2019: v = beta v + change, w = w + v; ``nesterov``: Sutskever et al. 2013."""

    def move(self, base: Vector, change: Vector) -> Vector:
        beta = self.options["momentum"]
        self.m = beta * self.m + change
        direction = change + beta * self.m if self.options["nesterov"] else self.m
        return base + self.rate() * direction


class SlowAdaptive(Slow):
    """Reddi et al. 2021, algorithm 2, one coordinate after another."""

    def move(self, base: Vector, change: Vector) -> Vector:
        beta1, tau = self.options["beta1"], self.options["tau"]
        result = []
        for i, delta in enumerate(change):
            self.m[i] = beta1 * self.m[i] + (1 - beta1) * delta
            self.v[i] = self.second(self.v[i], delta * delta)
            result.append(base[i] + self.rate() * self.m[i] / (math.sqrt(self.v[i]) + tau))
        return np.array(result)

    def second(self, v: float, square: float) -> float:
        kind, beta2 = self.options["kind"], self.options.get("beta2", 0.0)
        if kind == "adagrad":
            return v + square
        if kind == "adam":
            return beta2 * v + (1 - beta2) * square
        sign = int(v > square) - int(v < square)
        return v - (1 - beta2) * square * sign


class SlowScaffold:
    """Karimireddy et al. 2020, algorithm 1, lines 16 and 17, of all contributors' own controls."""

    def __init__(self, learning_rate: float, population: int) -> None:
        self.rate, self.population = learning_rate, population
        self.control: Any = 0.0

    def __call__(
        self, base: Vector, updates: Vectors, changes: Vectors, weights: Sequence[float]
    ) -> Vector:
        moved = base + self.rate * weighted_mean([y - base for y in updates], weights)
        part = len(updates) / self.population
        self.control = self.control + part * weighted_mean(changes, weights)
        return moved
