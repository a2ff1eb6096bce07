"""`decentralml privacy`: noise and epsilon, and tasks of which the creator sees sums alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer

from decentralml.cli.options import group
from decentralml.cli.output import JsonFlag, emit, facts

T = TypeVar("T")

app = group("Noise and epsilon, and tasks whose creator sees sums alone.")

Rounds = typer.Option(..., "--rounds", min=1, help="Rounds that publish a noisy model.")
Delta = typer.Option(1e-5, "--delta", help="Chance that the promise does not hold.")
Sampling = typer.Option(
    1.0,
    "--sampling",
    help="Chance with which each contributor takes part in a round, if lots are drawn.",
)


@app.command()
def noise(
    epsilon: float = typer.Option(..., "--epsilon", help="How much privacy may be lost in all."),
    rounds: int = Rounds,
    delta: float = Delta,
    sampling: float = Sampling,
    as_json: bool = JsonFlag,
) -> None:
    """Say how much noise keeps a job within epsilon."""
    from decentralml.learning.privacy.accountant import Releases

    found = _in_words(lambda: Releases(rounds, sampling).noise_for(epsilon, delta))
    _answer(found, epsilon, rounds, delta, sampling, as_json)


@app.command()
def epsilon(
    noise: float = typer.Option(
        ..., "--noise", help="Noise on the sum, as a multiple of the clip bound."
    ),
    rounds: int = Rounds,
    delta: float = Delta,
    sampling: float = Sampling,
    as_json: bool = JsonFlag,
) -> None:
    """Say how much privacy a job with that noise loses."""
    from decentralml.learning.privacy.accountant import Releases

    found = _in_words(lambda: Releases(rounds, sampling).epsilon(noise, delta))
    _answer(noise, found, rounds, delta, sampling, as_json)


@app.command()
def secure(
    folder: Path = typer.Argument(
        metavar="FOLDER", exists=True, file_okay=False, help="A contribution's task folder."
    ),
    trainings: int = typer.Option(1, "--trainings", min=1, help="How often the model is trained."),
    threshold: float = typer.Option(
        0.67, "--threshold", help="Share of a round's members who must stay; above 0.5."
    ),
    min_members: int = typer.Option(
        3, "--min-members", min=3, help="Fewest members of whom a sum is made."
    ),
    max_examples: int = typer.Option(
        1_000_000, "--max-examples", min=1, help="Largest count of examples of one contributor."
    ),
    bound: float = typer.Option(
        64.0, "--bound", help="Largest change of one number of the model in one training."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Make the task of a folder one whose creator sees sums of updates, never a single one."""
    from decentralml.roles.secure.settings import SecureSettings, rounds_for, write_secure

    settings = _in_words(lambda: SecureSettings(threshold, min_members, max_examples, bound))
    file = write_secure(folder, settings)
    said = {"file": str(file), "trainings": trainings, "rounds": rounds_for(trainings)}
    emit(
        said,
        as_json,
        lambda: facts({**said, "next": f"post it with --rounds {rounds_for(trainings)}"}),
    )


def _answer(
    noise: float, epsilon: float, rounds: int, delta: float, sampling: float, as_json: bool
) -> None:
    said = {
        "noise": noise, "epsilon": epsilon, "delta": delta, "rounds": rounds, "sampling": sampling,
    }  # fmt: skip
    human = {
        "noise": f"{noise:g} times the clip bound, on the sum",
        "epsilon": f"{epsilon:.4g}",
        "delta": f"{delta:g}",
        "rounds": rounds,
    }
    if sampling < 1:
        human["sampling"] = f"{sampling:g}"
    emit(said, as_json, lambda: facts(human))


def _in_words(ask: Callable[[], T]) -> T:
    """What ``ask`` returns; a number that makes no sense is a mistake on the command line."""
    try:
        return ask()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
