"""`decentralml creator federate`: a task's whole job, round after round."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from decentralml.cli import strategy_choice
from decentralml.cli.arguments import TaskNumber
from decentralml.cli.options import with_settings
from decentralml.cli.output import JsonFlag, emit, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from decentralml.config import Loaded
    from decentralml.roles.creator import Creator
    from decentralml.roles.job.plan import Plan

HeldOut = typer.Option(
    None,
    "--evaluate",
    exists=True,
    file_okay=False,
    help="Folder of your own held-out data: measures the models on it.",
)


def add_federate(app: typer.Typer, opened: Callable[..., AbstractContextManager[Creator]]) -> None:
    """Add the command to the creator's group; `opened` gives the role."""

    @app.command()
    @with_settings
    def federate(
        loaded: Loaded,
        task: int = TaskNumber,
        number: int = typer.Option(
            None, "--round", min=1, help="Only federate this round; validate and publish nothing."
        ),
        output: Path = typer.Option(
            None, "--output", dir_okay=False, help="Copy the best model (else the last) here."
        ),
        evaluate: Path = HeldOut,
        strategy: str = typer.Option("fedavg", "--strategy", help=strategy_choice.NAME_HELP),
        strategy_option: list[str] = typer.Option(
            None, "--strategy-option", help=strategy_choice.OPTION_HELP
        ),
        rounds: int = typer.Option(
            None,
            "--rounds",
            min=1,
            help="End the job after so many rounds, though the task has more.",
        ),
        min_workers: int = typer.Option(
            None,
            "--min-workers",
            min=1,
            help="The first round waits for so many to join. [all slots]",
        ),
        min_results: int = typer.Option(
            1, "--min-results", min=1, help="No round is federated with fewer sound results."
        ),
        fraction: float = typer.Option(
            1.0, "--fraction", min=0, max=1, help="Of those who take part: wait for this share."
        ),
        deadline: int = typer.Option(
            None, "--deadline", min=1, help="Blocks for a round. [the task's own round time]"
        ),
        metric: str = typer.Option(
            "accuracy", "--metric", help="The figure that says which model is best."
        ),
        lower_is_better: bool = typer.Option(
            False, "--lower-is-better", help="Of that figure, as with a loss."
        ),
        patience: int = typer.Option(
            None, "--patience", min=1, help="Stop after so many rounds without a better figure."
        ),
        min_delta: float = typer.Option(
            0.0, "--min-delta", min=0, help="A better figure is better by more than this."
        ),
        target: float = typer.Option(None, "--target", help="Stop when the figure is this good."),
        keep_rest: bool = typer.Option(
            False, "--keep-rest", help="Do not withdraw the task when the job ends before it."
        ),
        no_settle: bool = typer.Option(
            False, "--no-settle", help="After the last round, do not stay for late results."
        ),
        measure_each: bool = typer.Option(
            False, "--measure-each", help="Measure every contributor's model too."
        ),
        curves: Path = typer.Option(
            None,
            "--curves",
            dir_okay=False,
            help="Draw learning curves as this PNG; a line of JSON a round goes into a .jsonl "
            "beside it.",
        ),
        tensorboard: Path = typer.Option(
            None, "--tensorboard", file_okay=False, help="Folder for TensorBoard's logs."
        ),
        as_json: bool = JsonFlag,
    ) -> None:
        """Run a job to its end: gather, federate, measure, pay, publish, round after round.

        Sound results are accepted and paid, bad ones rejected with the reason. Interrupted and
        called again it goes on with the job. With --json each event is printed as one line of JSON,
        and the report as the last one. With --round only that round's models are averaged.
        """
        from decentralml.cli import wiring
        from decentralml.roles.job.plan import Plan

        plan = Plan(
            strategy=strategy_choice.chosen_strategy(strategy, strategy_option or []),
            rounds=rounds,
            min_workers=min_workers,
            min_results=min_results,
            fraction=fraction,
            deadline_blocks=deadline,
            evaluate=None if evaluate is None else wiring.evaluation(evaluate),
            measure_each=measure_each,
            metric=metric,
            lower_is_better=lower_is_better,
            patience=patience,
            min_delta=min_delta,
            target=target,
            withdraw_rest=not keep_rest,
            settle=not no_settle,
            curves=None if curves is None else curves.with_suffix(".jsonl"),
            picture=curves,
            tensorboard=tensorboard,
            output=output,
        )
        if number is None:
            with opened(loaded, to_json=as_json) as creator:
                _run(creator, task, plan, as_json)
        else:
            with opened(loaded) as creator:
                _federate_once(creator, task, number, plan, as_json)


def _run(creator: Creator, task: int, plan: Plan, as_json: bool) -> None:
    from decentralml.cli import tables
    from decentralml.types import TaskId

    with _until_interrupted() as stop:
        report = creator.run_job(TaskId(task), plan, stop=stop)
    if as_json:
        typer.echo(json.dumps({"did": "report", "task": task, "report": plain(report)}))
    else:
        tables.job_tables(report, creator.market.token())


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C ends the job between two steps, so that its report is still shown."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    interrupted: list[int] = []

    def note(number: int, frame: Any) -> None:
        if interrupted:
            raise KeyboardInterrupt
        interrupted.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(interrupted)
    finally:
        signal.signal(signal.SIGINT, before)


def _federate_once(creator: Creator, task: int, number: int, plan: Plan, as_json: bool) -> None:
    from decentralml.cli import tables
    from decentralml.types import Round, TaskId

    report = creator.federate(
        TaskId(task), Round(number), strategy=plan.strategy, evaluate=plan.evaluate
    )
    if plan.output is not None:
        _copy(report.model, plan.output)
    emit(report, as_json, lambda: tables.federated_table(report))


def _copy(model: Path, output: Path) -> None:
    import shutil

    temporary = output.with_name(output.name + ".tmp")
    shutil.copyfile(model, temporary)
    temporary.replace(output)
