"""`decentralml creator`: post tasks, validate results, pay, federate models."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli import sealing, strategy_choice, validating
from decentralml.cli.arguments import (
    U64,
    OnlyRound,
    RoundNumber,
    TaskNumber,
    Worker,
    account,
    whole_number,
)
from decentralml.cli.claiming import claim
from decentralml.cli.federating import add_federate
from decentralml.cli.model_of import ModelOf, ResultName, first_model
from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, acted, emit, facts, remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decentralml.assets.sealing.keys import SealingKey
    from decentralml.chain.records import Policy
    from decentralml.config import Loaded
    from decentralml.roles.creator import Creator, Posted

app = group("Post tasks, validate results, pay, federate models.")


@contextmanager
def _creator(loaded: Loaded, *, to_json: bool = False) -> Iterator[Creator]:
    from decentralml.cli import wiring
    from decentralml.cli.watching import watching
    from decentralml.roles.creator import Creator

    with watching(to_json) as observe, wiring.rooms(loaded, observe) as rooms:
        yield Creator(rooms)


@app.command()
def new_task(
    folder: Path = typer.Argument(help="The folder to make."),
    template: str = typer.Option(
        "contribution", "--template", help="contribution, pytorch, engineering or annotation."
    ),
    settings: list[str] = typer.Option(
        None, "--set", help="A choice for the scripts, as in epochs=2; repeatable."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Make a task folder from a template, to change and post."""
    import json

    from decentralml.roles.templates import new_task_folder

    chosen: dict[str, object] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"--set takes NAME=VALUE, not {setting!a}.")
        try:
            chosen[name] = json.loads(value)
        except ValueError:
            chosen[name] = value
    made = new_task_folder(template, folder, chosen)

    def human() -> None:
        remark(f"{made} is ready: read its start_task.sh, change what you like, then post it with")
        remark(f"decentralml creator create-task {made} --kind … --title … --reward …")

    emit({"folder": made, "template": template}, as_json, human)


@app.command()
@with_settings
def create_task(
    loaded: Loaded,
    folder: Path = typer.Argument(
        exists=True, file_okay=False, help="The task folder, with start_task.sh in it."
    ),
    kind: str = typer.Option(
        ..., "--kind", help="contribution, engineering, or annotation-image|audio|text|video."
    ),
    title: str = typer.Option(..., "--title", help="One line for people."),
    reward: str = typer.Option(..., "--reward", help="For each accepted result, in tokens."),
    slots: int = typer.Option(1, "--slots", min=1, help="Workers at once."),
    rounds: int = typer.Option(1, "--rounds", min=1, help="Deliveries asked of each worker."),
    model: Path = typer.Option(
        None, "--model", exists=True, dir_okay=False, help="The first round's model file."
    ),
    model_of: ResultName = ModelOf,
    policy: str = typer.Option(
        "manual", "--policy", help="auto-accept, manual, or the account that validates for you."
    ),
    stake: str = typer.Option("0", "--stake", help="Held on each worker, in tokens."),
    accept_for: int = typer.Option(14_400, help="Blocks in which workers may accept."),
    round_time: int = typer.Option(14_400, help="Blocks for a round."),
    validate_time: int = typer.Option(14_400, help="Blocks to validate; silence pays."),
    dispute_time: int = typer.Option(14_400, help="Blocks in which a rejection may be disputed."),
    arbiter: str = typer.Option(None, "--arbiter", help="Who rules on disputes."),
    seal: bool = sealing.Seal,
    seal_to: str = sealing.SealTo,
    strategy: str = typer.Option(
        None,
        "--strategy",
        help="By which you will federate, when it tells contributors something: fedprox, scaffold.",
    ),
    strategy_option: list[str] = typer.Option(
        None, "--strategy-option", help=strategy_choice.OPTION_HELP
    ),
    name: str = typer.Option(
        None, "--name", help="Names this posting: said twice, it is still one task."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Upload a task folder, lock its pay on chain, post it.

    Interrupted and called again it goes on with the same posting: nothing is posted or paid twice.
    """
    from decentralml.roles.posting import Offer
    from decentralml.types import BlockNumber

    agreed, ruler = _policy(policy), None if arbiter is None else account(arbiter)
    chosen = (
        None
        if strategy is None
        else strategy_choice.chosen_strategy(strategy, strategy_option or [])
    )
    with _creator(loaded) as creator:
        token = creator.market.token()
        key = sealing.chosen_key(creator, seal, seal_to)
        offer = Offer(
            kind=validating.kind_of(kind),
            title=title,
            reward=token.parse(reward),
            slots=slots,
            rounds=rounds,
            policy=agreed,
            accept_for=BlockNumber(accept_for),
            round_time=BlockNumber(round_time),
            validate_time=BlockNumber(validate_time),
            dispute_time=BlockNumber(dispute_time),
            stake=token.parse(stake),
            arbiter=ruler,
            sealing_key=None if key is None else key.raw,
        )
        first = first_model(creator, model, model_of)
        posted = creator.create_task(folder, offer, model=first, key=name, strategy=chosen)
        emit(posted, as_json, lambda: _show_posted(posted, key))


def _policy(text: str) -> Policy:
    from decentralml.chain.records import AutoAccept, Delegated, Manual
    from decentralml.errors import InvalidAddress

    if text == "auto-accept":
        return AutoAccept()
    if text == "manual":
        return Manual()
    try:
        return Delegated(account(text))
    except InvalidAddress:
        raise typer.BadParameter(
            f"--policy takes auto-accept, manual, or an account's address, not {text[:80]!a}."
        ) from None


def _show_posted(posted: Posted, key: SealingKey | None) -> None:
    facts(
        {
            "task": posted.task,
            "bundle": posted.bundle,
            "model": posted.model or "none",
            "block": posted.receipt.block_number,
            **({} if key is None else {"sealed to": key}),
        }
    )
    remark(f"validate what comes in: decentralml creator watch {posted.task}")
    remark(f"or run the whole job: decentralml creator federate {posted.task}")


@app.command("list")
@with_settings
def list_tasks(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """List the tasks that you posted."""
    from decentralml.cli import tables

    with _creator(loaded) as creator:
        mine, token, head = creator.tasks(), creator.market.token(), creator.market.head()
        emit(mine, as_json, lambda: tables.tasks_table(mine, token, head, nothing="no tasks"))


validating.add_validating(app, _creator)


@app.command()
@with_settings
def validate_all(
    loaded: Loaded,
    task: int = TaskNumber,
    number: int = OnlyRound,
    as_json: bool = JsonFlag,
) -> None:
    """Check every pending result and decide it.

    Sound ones are accepted, bad ones rejected with the reason.
    """
    with _creator(loaded) as creator:
        validating.validate_all(creator, task, number, as_json)


@app.command()
@with_settings
def watch(
    loaded: Loaded,
    task: list[int] = typer.Argument(
        None, parser=whole_number(0, U64), metavar="TASK", help="Only these; else all you validate."
    ),
    once: bool = typer.Option(False, "--once", help="Validate what is there, then stop."),
    as_json: bool = JsonFlag,
) -> None:
    """Validate results as they come.

    Sound ones are accepted, bad ones rejected with the reason. With --json each event is printed
    as one line of JSON.
    """
    from decentralml.types import TaskId

    with _creator(loaded, to_json=as_json) as creator:
        for number in task or []:
            creator.show(TaskId(number))  # a mistyped one would be waited for without a word

        def mine() -> list[TaskId]:
            posted = [t.id for t in creator.tasks() if t.validator == creator.account]
            return [TaskId(number) for number in task] if task else posted

        creator.watch(mine, once=once)


add_federate(app, _creator)


@app.command()
@with_settings
def start_round(
    loaded: Loaded,
    task: int = TaskNumber,
    model: Path = typer.Option(
        None, "--model", exists=True, dir_okay=False, help="Else what `federate` made."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Publish the next round's model."""
    from decentralml.types import TaskId

    with _creator(loaded) as creator:
        now = creator.start_round(TaskId(task), model)
        emit(now, as_json, lambda: remark(f"round {now.round} of {now.terms.rounds} runs"))


@app.command()
@with_settings
def withdraw_task(loaded: Loaded, task: int = TaskNumber, as_json: bool = JsonFlag) -> None:
    """End a task; what is not owed comes back.

    Nobody can take it on any more; what is owed stays locked until it is settled.
    """
    from decentralml.types import TaskId

    with _creator(loaded) as creator:
        acted("withdrawn", creator.withdraw_task(TaskId(task)), as_json)


@app.command()
@with_settings
def claim_result(
    loaded: Loaded,
    task: int = TaskNumber,
    number: int = RoundNumber,
    worker: str = Worker,
    as_json: bool = JsonFlag,
) -> None:
    """Settle a result whose time is over.

    For example a rejection that was not disputed.
    """
    whose = account(worker)
    with _creator(loaded) as creator:
        claim(creator, task, number, whose, as_json)


@app.command()
@with_settings
def release_assignment(
    loaded: Loaded, task: int = TaskNumber, worker: str = Worker, as_json: bool = JsonFlag
) -> None:
    """Open the slot of a worker who let a round pass."""
    from decentralml.types import TaskId

    whose = account(worker)
    with _creator(loaded) as creator:
        acted("released", creator.release_expired(TaskId(task), whose), as_json)


@app.command()
@with_settings
def resolve_dispute(
    loaded: Loaded,
    task: int = TaskNumber,
    number: int = RoundNumber,
    worker: str = Worker,
    ruling: str = typer.Option(..., "--for", help="Who is right: worker or validator."),
    as_json: bool = JsonFlag,
) -> None:
    """Rule on a dispute, as the task's arbiter."""
    from decentralml.chain.records import Ruling
    from decentralml.types import Round, TaskId

    if ruling not in {r.value for r in Ruling}:
        raise typer.BadParameter(f"--for takes worker or validator, not {ruling!a}.")
    whose = account(worker)
    with _creator(loaded) as creator:
        block = creator.resolve_dispute(TaskId(task), Round(number), whose, Ruling(ruling))
        acted(f"for the {ruling}", block, as_json, said=f"ruled for the {ruling} (block {block})")


@app.command()
@with_settings
def prune_task(loaded: Loaded, task: int = TaskNumber, as_json: bool = JsonFlag) -> None:
    """Remove a settled task from the chain; deposits return."""
    from decentralml.types import TaskId

    with _creator(loaded) as creator:
        removed = creator.prune_task(TaskId(task))
        outcome = "nothing left to prune" if removed.block is None else "pruned"
        said = f"{removed.items} items removed"
        acted(outcome, removed.block, as_json, said=said, items=removed.items)
