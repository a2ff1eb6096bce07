"""`decentralml simulate`: many contributors on this machine, without a chain."""

from __future__ import annotations

from pathlib import Path

import typer

from decentralml.cli.options import HELP_NAMES
from decentralml.cli.output import JsonFlag

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=HELP_NAMES)


@app.command()
def simulate(
    task: Path = typer.Argument(
        None, exists=True, file_okay=False, help="A task folder, as `creator new-task` makes it."
    ),
    model: Path = typer.Option(
        None, "--model", exists=True, dir_okay=False, help="The first round's model."
    ),
    rounds: int = typer.Option(None, "--rounds", min=1, help="How many rounds, in all. [10]"),
    folder: Path = typer.Option(
        Path("simulation"), "--folder", help="Where it keeps what it makes; new or empty."
    ),
    resume: Path = typer.Option(
        None,
        "--resume",
        exists=True,
        file_okay=False,
        help="Go on with the simulation in this folder; only --rounds and --processes are read.",
    ),
    clients: int = typer.Option(None, "--clients", min=1, help="How many contributors. [100]"),
    data: Path = typer.Option(
        None,
        "--data",
        exists=True,
        file_okay=False,
        help="One subfolder for each contributor, or one data set to be split among them.",
    ),
    digits: bool = typer.Option(
        False,
        "--digits",
        help="Split handwritten digits: MNIST of $DECENTRALML_MNIST_DIR, else scikit-learn's.",
    ),
    split: str = typer.Option("iid", "--split", help="iid, by-label or dirichlet."),
    alpha: float = typer.Option(
        None,
        "--alpha",
        help="Of dirichlet: small for few labels each [0.5]; of by-label: the owner's share [0.9].",
    ),
    per_round: int = typer.Option(
        None, "--per-round", min=1, help="How many are asked in a round."
    ),
    fraction: float = typer.Option(
        None, "--fraction", min=0, max=1, help="The same as a share of all. [1]"
    ),
    strategy: str = typer.Option("fedavg", "--strategy", help="How results become one model."),
    strategy_option: list[str] = typer.Option(
        None, "--strategy-option", help="As in learning_rate=0.01; repeatable."
    ),
    evaluate: Path = typer.Option(
        None,
        "--evaluate",
        exists=True,
        file_okay=False,
        help="Data to measure each round's model on; digits have their own.",
    ),
    drop_out: float = typer.Option(
        0.0, "--drop-out", min=0, help="Probability that one who is asked leaves no result."
    ),
    byzantine: str = typer.Option(
        None,
        "--byzantine",
        metavar="N:KIND",
        help="N hostile contributors: sign-flip, scale, noise, same-value or label-flip.",
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="The same one, the same outcome."),
    processes: int = typer.Option(
        None, "--processes", min=1, help="Worker processes; one a processor if not given."
    ),
    ray: str = typer.Option(
        None, "--ray", metavar="ADDRESS", help="Use a Ray cluster; `local` starts one here."
    ),
    curves: Path = typer.Option(
        None, "--curves", dir_okay=False, help="Draw the learning curve as a PNG."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Simulate a federated job with hundreds or thousands of contributors, without a chain.

    The task folder's own train_model.py is run for every contributor, in processes that load its
    framework once; results are checked and federated as on the market. There is no sandbox:
    simulate scripts that you wrote or read. Interrupted, the same command goes on, and so does
    --resume.
    """  # fmt: skip
    from decentralml.cli.simulating import Choices, run

    choices = None
    if resume is None:
        if task is None or model is None:
            raise typer.BadParameter("a task folder and --model are needed, or --resume FOLDER.")
        choices = Choices(
            task=str(task.resolve()),
            model=str(model.resolve()),
            data=None if data is None else str(data.resolve()),
            digits=digits,
            clients=clients,
            split=split,
            alpha=alpha,
            per_round=per_round,
            fraction=fraction,
            strategy=strategy,
            options=tuple(strategy_option or ()),
            evaluate=None if evaluate is None else str(evaluate.resolve()),
            drop_out=drop_out,
            byzantine=byzantine,
            seed=seed,
            rounds=rounds or 10,
        )
    run(
        choices, resume or folder, rounds=rounds, processes=processes, ray=ray, curves=curves,
        as_json=as_json,
    )  # fmt: skip
