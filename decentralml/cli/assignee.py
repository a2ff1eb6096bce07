"""The commands that contributors, engineers and annotators share."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.arguments import U64, RoundNumber, TaskNumber, account, whole_number
from decentralml.cli.claiming import claim
from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, acted, emit, remark, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decentralml.chain.records import Assignment
    from decentralml.config import Loaded
    from decentralml.roles.worker import Worker, WorkReport

DataFolder = typer.Option(
    None,
    "--data",
    exists=True,
    file_okay=False,
    help="Your own data; the script sees it read-only.",
)
Yes = typer.Option(False, "--yes", "-y", help="Run the script without asking.")
TrustCreator = typer.Option(
    None, "--trust", help="Run the scripts of this creator's account without asking; repeatable."
)
NoSandbox = typer.Option(
    False, "--no-sandbox", help="Run the script with all your rights. Dangerous."
)


@dataclass(frozen=True)
class Running:
    """How this command may run scripts."""

    data: Path | None = None
    yes: bool = False
    trust: tuple[str, ...] = ()
    bare: bool = False


def worker_app(role: str, help_text: str) -> typer.Typer:
    """The group of one kind of worker: `role` is contributor, engineer or annotator."""
    app = group(help_text)
    _add_looking(app, role)
    _add_steps(app, role)
    _add_daemon(app, role)
    _add_disputes(app, role)
    return app


def _add_looking(app: typer.Typer, role: str) -> None:
    @app.command("list")
    @with_settings
    def list_tasks(
        loaded: Loaded,
        limit: int = typer.Option(20, "--limit", min=1, max=1000, help="At most so many."),
        as_json: bool = JsonFlag,
    ) -> None:
        """List open tasks for this role, newest first."""
        from decentralml.cli import tables, wiring

        with wiring.market(loaded) as market:
            kinds = wiring.worker_class(role).kinds
            found = [t for t in market.open_tasks(limit=limit) if t.terms.kind in kinds]
            token, head = market.token(), market.head()
            emit(found, as_json, lambda: tables.tasks_table(found, token, head))

    @app.command()
    @with_settings
    def assignments(loaded: Loaded, as_json: bool = JsonFlag) -> None:
        """List what you have taken on."""
        from decentralml.cli import tables

        with opened_worker(loaded, role) as worker:
            mine, token = worker.assignments(), worker.market.token()
            emit(mine, as_json, lambda: tables.assignments_table(mine, token))

    @app.command()
    @with_settings
    def preview(
        loaded: Loaded,
        task: int = TaskNumber,
        data: Path | None = DataFolder,
        as_json: bool = JsonFlag,
    ) -> None:
        """Download a task; show its script and what it may touch."""
        from decentralml.cli import trusting
        from decentralml.types import TaskId

        with opened_worker(loaded, role, Running(data)) as worker:
            seen = worker.preview(TaskId(task))
            emit(trusting.plain(seen), as_json, lambda: trusting.show(seen))


def _add_steps(app: typer.Typer, role: str) -> None:
    @app.command()
    @with_settings
    def accept_task(loaded: Loaded, task: int = TaskNumber, as_json: bool = JsonFlag) -> None:
        """Take a task on: verify its bundle, take a slot.

        Its bundle and its model are downloaded.
        """
        from decentralml.types import TaskId

        with opened_worker(loaded, role) as worker:
            taken = worker.accept_task(TaskId(task))
            rounds = worker.show(TaskId(task)).terms.rounds
            emit(taken, as_json, lambda: remark(_after_accepting(taken, rounds, role)))

    @app.command()
    @with_settings
    def run(
        loaded: Loaded,
        task: int = TaskNumber,
        data: Path | None = DataFolder,
        yes: bool = Yes,
        trust: list[str] = TrustCreator,
        no_sandbox: bool = NoSandbox,
        as_json: bool = JsonFlag,
    ) -> None:
        """Run the task's script for the current round, sandboxed.

        Prints the result's folder.
        """
        from decentralml.types import TaskId

        with opened_worker(
            loaded, role, Running(data, yes, tuple(trust or ()), no_sandbox)
        ) as worker:
            result = worker.run(TaskId(task))
            show_result(role, task, result, as_json)

    @app.command()
    @with_settings
    def send_task_result(loaded: Loaded, task: int = TaskNumber, as_json: bool = JsonFlag) -> None:
        """Upload the round's result and send its CID to the chain."""
        from decentralml.cli import tables
        from decentralml.types import TaskId

        with opened_worker(loaded, role) as worker:
            sent, token = worker.send_task_result(TaskId(task)), worker.market.token()
            emit(sent, as_json, lambda: tables.results_table([sent], token))

    @app.command()
    @with_settings
    def release_assignment(
        loaded: Loaded, task: int = TaskNumber, as_json: bool = JsonFlag
    ) -> None:
        """Give a task up.

        Free in the first half of a round; later it costs a part of the stake.
        """
        from decentralml.types import TaskId

        with opened_worker(loaded, role) as worker:
            block = worker.release_assignment(TaskId(task))
            if block is None:
                nothing = f"there is no assignment of task {task} to give up"
                acted("nothing to give up", None, as_json, said=nothing)
            else:
                acted("released", block, as_json)


def _add_daemon(app: typer.Typer, role: str) -> None:
    @app.command()
    @with_settings
    def work(
        loaded: Loaded,
        task: list[int] = typer.Option(
            None,
            "--task",
            parser=whole_number(0, U64),
            metavar="TASK",
            help="Only this task; repeatable.",
        ),
        creator: list[str] = typer.Option(None, "--creator", help="Only tasks of this account."),
        least_reward: str = typer.Option("0", "--least-reward", help="For one result, in tokens."),
        most_stake: str = typer.Option(None, "--most-stake", help="Asked at most, in tokens."),
        at_once: int = typer.Option(1, "--at-once", min=1, help="Tasks held at the same time."),
        tasks: int = typer.Option(None, "--tasks", min=1, help="Stop when so many are finished."),
        once: bool = typer.Option(False, "--once", help="Stop when only the chain can go on."),
        data: Path | None = DataFolder,
        yes: bool = Yes,
        trust: list[str] = TrustCreator,
        no_sandbox: bool = NoSandbox,
        as_json: bool = JsonFlag,
    ) -> None:
        """Do it all, until stopped: accept, run and send.

        Takes every open task that fits.

        Killed at any time and started again it goes on where it was. With --json each event is
        printed as one line of JSON.
        """
        from decentralml.roles.worker import Wanted
        from decentralml.types import TaskId

        running = Running(data, yes, tuple(trust or ()), no_sandbox)
        posted_by = frozenset(map(account, creator)) if creator else None
        with opened_worker(loaded, role, running, to_json=as_json) as worker:
            token = worker.market.token()
            wanted = Wanted(
                kinds=worker.kinds,
                tasks=frozenset(TaskId(number) for number in task) if task else None,
                creators=posted_by,
                least_reward=token.parse(least_reward),
                most_stake=None if most_stake is None else token.parse(most_stake),
                at_once=at_once,
            )
            report = worker.work(wanted, once=once, max_tasks=tasks)
            if not as_json:
                _show_report(report)


def _add_disputes(app: typer.Typer, role: str) -> None:
    @app.command()
    @with_settings
    def dispute_result(
        loaded: Loaded,
        task: int = TaskNumber,
        number: int = RoundNumber,
        as_json: bool = JsonFlag,
    ) -> None:
        """Ask the arbiter about your rejected result.

        A deposit is held from you until the ruling.
        """
        from decentralml.types import Round, TaskId

        with opened_worker(loaded, role) as worker:
            block = worker.dispute_result(TaskId(task), Round(number))
            acted("disputed", block, as_json, said=f"disputed (block {block}): the arbiter rules")

    @app.command()
    @with_settings
    def claim_result(
        loaded: Loaded,
        task: int = TaskNumber,
        number: int = RoundNumber,
        as_json: bool = JsonFlag,
    ) -> None:
        """Settle your result whose time is over: silence pays."""
        with opened_worker(loaded, role) as worker:
            claim(worker, task, number, worker.account, as_json)


def show_result(role: str, task: int, folder: Path, as_json: bool) -> None:
    """Print the folder of a round's result, and how to send it."""

    def human() -> None:
        typer.echo(str(folder))
        remark(f"send it: decentralml {role} send-task-result {task}")

    emit({"task": task, "folder": folder}, as_json, human)


def _after_accepting(taken: Assignment, rounds: int, role: str) -> str:
    """What is next; the assignment may have been taken, and worked on, long before."""
    if taken.ended or taken.last_round >= rounds:
        return f"nothing is left to do; what became of it: decentralml tasks results {taken.task}"
    if taken.until is None:
        return "this round's result is sent: `work` goes on with the next round"
    how = "answer" if role == "annotator" else "run"
    run = f"decentralml {role} {how} {taken.task}"
    return f"send your result before block {taken.until}; first make it: {run}"


def _show_report(report: WorkReport) -> None:
    rows = [[task, str(number), "sent"] for task, number in report.sent]
    rows += [[task, "", f"finished: {why}"] for task, why in report.finished.items()]
    rows += [[task, "", f"waiting: {why}"] for task, why in report.waiting.items()]
    if rows:
        table([">task", "|round", "what"], rows)
    else:
        remark("no open task fits")


@contextmanager
def opened_worker(
    loaded: Loaded, role: str, running: Running | None = None, *, to_json: bool = False
) -> Iterator[Worker]:
    """The role, wired up; what it does is shown while it works."""
    from decentralml.cli import trusting, wiring
    from decentralml.cli.watching import watching

    how = running or Running()
    trust = trusting.deciding(how.yes, map(account, how.trust))
    machine = wiring.machine(loaded, trust, data=how.data, bare=how.bare)
    with watching(to_json) as observe, wiring.rooms(loaded, observe) as rooms:
        yield wiring.worker_class(role)(rooms, machine)
