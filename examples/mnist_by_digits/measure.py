"""How well each method learns: the same scripts and strategies in one process, without a chain.

    python -m examples.mnist_by_digits.measure RESULTS.jsonl                # the test images
    python -m examples.mnist_by_digits.measure RESULTS.jsonl --held-out     # to choose settings by
    python -m examples.mnist_by_digits.measure RESULTS.jsonl --picture curve.png

What was measured before is kept in the file and not measured again. The models are those of the job
on the chain, but for rounding: workers' scripts depend on data, settings and round alone, and only
the order in which their models are summed, by name or by address, is another.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from platformdirs import user_cache_path

from decentralml.learning import curves
from decentralml.learning.datasets import Digits, load_digits, mnist_folder
from decentralml.simulation.pool import ProcessPool
from decentralml.simulation.shares import Contributor
from decentralml.simulation.simulate import Simulation, simulate
from decentralml.simulation.task_folder import TaskFolder
from decentralml.simulation.turn import Job as Work

from .job import GROUPS, held_out, make_job
from .judging import judge
from .methods import METHODS, Method

POINTS = (1, 6, 11, 16, 21, 26, 31, 36, 40)
SEEDS = (1, 2, 3)
Point = tuple[int, float, float]


def learn(
    method: Method, digits: Digits, seed: int, folder: Path, points: Sequence[int] = POINTS
) -> list[Point]:
    """(round, accuracy, loss) of the federated model after some rounds, on ``digits.test``."""
    job, found = make_job(folder / "job", digits, method, seed), []
    work = TaskFolder(job.task)
    workers = [Contributor(name, job.data(name)) for name in GROUPS]
    with ProcessPool(Work(work)) as pool:
        for number in points:
            simulation = Simulation(work, job.model, workers, method.strategy, rounds=number)
            report = simulate(simulation, folder / "rounds", pool=pool, resume=number > points[0])
            judged = judge(report.model, digits.test)
            found.append((number, judged.accuracy, judged.loss))
    return found


def measure(
    file: Path, methods: Mapping[str, Method], digits: Digits, seeds: Iterable[int]
) -> list[dict[str, Any]]:
    """Every method with every seed; a line of ``file`` each, those that are there not again."""
    for seed in seeds:
        for name, method in methods.items():
            known = {"data": digits.source, "method": name, "seed": seed, "settings": _said(method)}
            if any(known.items() <= line.items() for line in curves.read(file)):
                continue
            with tempfile.TemporaryDirectory(prefix="digits-") as folder:
                points = learn(method, digits, seed, Path(folder))
            curves.append(file, {**known, "points": points})
            print(f"{name}, seed {seed}: {points[-1][1]:.2%}", flush=True)
    return [
        line
        for name, method in methods.items()
        for line in curves.read(file)
        if (line["data"], line["method"]) == (digits.source, name)
        and line["settings"] == _said(method)
    ]


def table(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """A row for each method: mean accuracy at each point, and the range of the seeds at the end."""
    by_method: dict[str, list[Any]] = {}
    for line in lines:
        by_method.setdefault(line["method"], []).append(line["points"])
    rows = []
    for name, runs in by_method.items():
        means = [mean(run[at][1] for run in runs) for at in range(len(runs[0]))]
        last = [run[-1][1] for run in runs]
        shown = " | ".join(f"{share:.2%}" for share in means)
        rows.append(f"| {name} | {shown} | {min(last):.2%} to {max(last):.2%}, {len(runs)} seeds |")
    head = " | ".join(f"round {number}" for number in POINTS)
    return [f"| method | {head} | at the end |", f"|---|{'---:|' * len(POINTS)}---|", *rows]


def draw(lines: Iterable[Mapping[str, Any]], picture: Path) -> None:
    """Learning curves, the mean of the seeds."""
    runs: dict[str, list[Any]] = {}
    for line in lines:
        runs.setdefault(line["method"], []).append(line["points"])
    means = {
        name: [(number, mean(run[at][1] for run in of)) for at, number in enumerate(POINTS)]
        for name, of in runs.items()
    }
    curves.draw(picture, means, title="Digits by worker: accuracy on MNIST's test images")


def _said(method: Method) -> dict[str, object]:
    return {**method.settings, "strategy": repr(method.strategy)}


def main() -> None:
    """Parses the options, measures, prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--held-out", action="store_true", help="judge by held-out training images")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    named = mnist_folder()
    digits = load_digits(named, None if named else user_cache_path("decentralml") / "mnist")
    methods = {name: METHODS[name] for name in options.methods}
    lines = measure(
        options.file, methods, held_out(digits) if options.held_out else digits, options.seeds
    )
    print("\n".join(table(lines)))
    if options.picture:
        draw(lines, options.picture)


if __name__ == "__main__":
    main()
