"""What `decentralml simulate` does: choices into a simulation, its rounds onto the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from decentralml.cli.output import console, emit, remark, table
from decentralml.cli.watching import printable
from decentralml.learning import curves as curve_files
from decentralml.learning.datasets import Examples, load_digits, load_shards, mnist_folder
from decentralml.simulation import plan, shares
from decentralml.simulation.byzantine import LABEL_FLIP, Attack
from decentralml.simulation.errors import OtherSimulation
from decentralml.simulation.folder import ROUNDS
from decentralml.simulation.pool import Pool, ProcessPool
from decentralml.simulation.simulate import Report, RoundResult, Simulation, Watch, simulate
from decentralml.simulation.task_folder import FolderMeasure, TaskFolder, check_folder
from decentralml.simulation.turn import Job

CHOICES = "choices.json"
DEFAULT_CLIENTS = 100
ALPHAS = {shares.BY_LABEL: 0.9}
Observe = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Choices:
    """What was said on the command line; kept in the folder, so that resuming needs none of it."""

    task: str
    model: str
    data: str | None
    digits: bool
    clients: int | None
    split: str
    alpha: float | None
    per_round: int | None
    fraction: float | None
    strategy: str
    options: tuple[str, ...]
    evaluate: str | None
    drop_out: float
    byzantine: str | None
    seed: int
    rounds: int

    def __post_init__(self) -> None:
        if (self.data is None) == (not self.digits):
            raise typer.BadParameter("give either --data FOLDER or --digits.")
        if self.per_round is not None and self.fraction is not None:
            raise typer.BadParameter("give --per-round or --fraction, not both.")

    def hostile(self) -> tuple[int, Attack] | None:
        """How many are hostile, and how."""
        if self.byzantine is None:
            return None
        count, colon, kind = self.byzantine.partition(":")
        if not colon or not (count.isascii() and count.isdigit()):
            raise typer.BadParameter(f"--byzantine takes N:KIND, not {self.byzantine[:80]!a}.")
        return int(count), Attack(kind)


def run(
    choices: Choices | None,
    folder: Path,
    *,
    rounds: int | None,
    processes: int | None,
    ray: str | None,
    curves: Path | None,
    as_json: bool,
) -> None:
    """Simulates, and tells it: a line a round while it goes on, a table at the end.

    Args:
        choices: None to go on with those in ``folder``.
    """
    chosen = _known(folder) if choices is None else _begun(choices, folder)
    simulation = prepared(chosen, folder, rounds or chosen.rounds)
    job = Job(simulation.work, simulation.measure)
    with _pool(job, processes, ray) as pool, _progress() as observe:
        report = simulate(
            simulation,
            folder / "rounds",
            pool=pool,
            resume=True,
            watch=Watch(observe, _tell),
        )
    if curves is not None:
        _draw(curves, report, chosen.strategy)
    emit(report, as_json, lambda: _show(report, folder))


def prepared(chosen: Choices, folder: Path, rounds: int) -> Simulation:
    """The simulation of these choices; its data set is split into ``folder``.

    Raises:
        BadSimulation: the choices do not fit together.
    """
    from decentralml.cli.strategy_choice import chosen_strategy

    task = TaskFolder(Path(chosen.task))
    contributors, hostile, test = _people(chosen, folder)
    check_folder(task.folder, evaluate=test is not None)
    count = len(contributors)
    asked = chosen.fraction
    per_round = chosen.per_round if asked is None else plan.share_of(count, asked)
    return Simulation(
        task,
        Path(chosen.model),
        contributors,
        chosen_strategy(chosen.strategy, chosen.options),
        rounds,
        per_round=per_round,
        measure=None if test is None else FolderMeasure(task.folder, test),
        drop_out=chosen.drop_out,
        hostile=hostile,
        seed=chosen.seed,
    )


def _people(
    chosen: Choices, folder: Path
) -> tuple[list[shares.Contributor], dict[str, Attack], Path | None]:
    """Contributors, who of them is hostile, and the data to measure models on."""
    test = None if chosen.evaluate is None else Path(chosen.evaluate)
    if chosen.digits:
        found = load_digits(mnist_folder())
        if test is None:
            test = (folder / "test").resolve()
            found.test.save(test / shares.SHARD)
        remark(f"digits: {found.source}")
        return *_split(chosen, found.train, folder), test
    data = Path(chosen.data or "")
    if any(path.is_dir() for path in data.iterdir()):
        everybody = shares.of_folders(data)
        if chosen.clients is not None:
            everybody = everybody[: chosen.clients]
        return everybody, _hostile(chosen, everybody, own_labels=False), test
    return *_split(chosen, load_shards(data), folder), test


def _split(
    chosen: Choices, examples: Examples, folder: Path
) -> tuple[list[shares.Contributor], dict[str, Attack]]:
    count = chosen.clients or DEFAULT_CLIENTS
    hostile = _hostile(chosen, shares.numbered(count), own_labels=True)
    flipped = [name for name, attack in hostile.items() if attack.kind == LABEL_FLIP]
    alpha = ALPHAS.get(chosen.split, 0.5) if chosen.alpha is None else chosen.alpha
    split = shares.Split(chosen.split, alpha, chosen.seed)
    return shares.sharing(examples, count, folder / "data", split, flipped=flipped), hostile


def _hostile(
    chosen: Choices, everybody: list[shares.Contributor], *, own_labels: bool
) -> dict[str, Attack]:
    said = chosen.hostile()
    if said is None:
        return {}
    count, attack = said
    if count > len(everybody):
        raise typer.BadParameter(f"{count} of {len(everybody)} contributors cannot be hostile.")
    if attack.kind == LABEL_FLIP and not own_labels:
        raise typer.BadParameter("label-flip needs one data set that the simulation splits.")
    names = [each.name for each in everybody]
    return dict.fromkeys(plan.hostile(names, count, chosen.seed), attack)


def _begun(choices: Choices, folder: Path) -> Choices:
    """The choices, kept in a new folder; in one that knows them, the same command goes on."""
    if folder.exists() and any(folder.iterdir()):
        known, said = asdict(_known(folder)), asdict(choices)
        differs = sorted(name for name in said if name != "rounds" and said[name] != known[name])
        if differs:
            raise OtherSimulation(folder, differs)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{CHOICES}.part"
    partial.write_text(json.dumps(asdict(choices), indent=1) + "\n")
    partial.replace(folder / CHOICES)
    return choices


def _known(folder: Path) -> Choices:
    try:
        found = json.loads((folder / CHOICES).read_text())
        return Choices(**{**found, "options": tuple(found["options"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OtherSimulation(folder) from error


@contextmanager
def _pool(job: Job, processes: int | None, ray: str | None) -> Iterator[Pool]:
    if ray is None:
        with ProcessPool(job, processes) as pool:
            yield pool
        return
    from decentralml.simulation.ray_pool import RayPool

    with RayPool(job, None if ray == "local" else ray, processes) as cluster:
        yield cluster


@contextmanager
def _progress() -> Iterator[Observe]:
    """A bar of the running round's turns, on stderr; silent where that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _number, _done, _of: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, TimeElapsedColumn(), console=console(stderr=True), transient=True
    ) as bars:
        bar = bars.add_task("starting", total=None)

        def observe(number: int, done: int, of: int) -> None:
            bars.update(bar, description=f"round {number}", completed=done, total=of)

        yield observe


def _tell(result: RoundResult) -> None:
    figures = ", ".join(f"{printable(n)} {value:.4f}" for n, value in result.measured.items())
    if not result.round:
        remark(f"the first model: {figures}")
        return
    counted = f"{result.used} of {result.asked} results" + (f", {figures}" if figures else "")
    remark(f"round {result.round}: {counted}, {result.seconds:.1f} s")
    for name, why in [*result.failed.items(), *result.refused.items()][:3]:
        remark(f"  {printable(name)}: {printable(why)}")


def _show(report: Report, folder: Path) -> None:
    names = sorted({name for result in report.rounds for name in result.measured})
    rows = [
        [
            result.round,
            result.asked,
            result.used,
            result.dropped,
            len(result.failed) + len(result.refused),
            *(f"{result.measured.get(name, float('nan')):.4f}" for name in names),
            f"{result.seconds:.1f}",
        ]
        for result in report.rounds
    ]
    columns = [">round", ">asked", ">used", ">dropped", ">failed", *(f">{n}" for n in names)]
    table([*columns, ">seconds"], rows)
    remark(f"model: {report.model}")
    remark(f"a JSON line for each round: {folder / 'rounds' / ROUNDS}")


def _draw(path: Path, report: Report, name: str) -> None:
    measured = {metric for result in report.rounds for metric in result.measured}
    if not measured:
        raise typer.BadParameter("--curves needs --evaluate or --digits: nothing was measured.")
    metric = "accuracy" if "accuracy" in measured else min(measured)
    curve = report.curve(metric)
    percent = all(0 <= value <= 1 for _, value in curve)
    curve_files.draw(path, {name: curve}, title=name, label=metric, percent=percent)
