"""The root command. A group's module is imported only when one of its commands is asked for."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from decentralml.errors import (
    AssetError,
    ChainError,
    ConfigError,
    DecentralMLError,
    KeyFileError,
    LearningError,
    RoleError,
    RunnerError,
)

GROUPS = {
    "creator": "Post tasks, validate results, pay, federate models.",
    "contributor": "Train models on data that stays on your machine.",
    "engineer": "Change the structure of models.",
    "annotator": "Label data.",
    "evaluator": "Validate results for a creator who named you.",
    "coordinator": "Coordinate participants that were written for the XAIN SDK.",
    "tasks": "Look at the market: open tasks, results, what is owed.",
    "keys": "Create, import, list and export signing keys.",
    "assets": "Store, fetch, verify, carry and clear bundles by content.",
    "chain": "Run a development chain or a local network, look at the chain.",
    "validator": "Validate blocks: who does, and the keys of your own validator.",
    "council": "Rule the chain: motions of the council, runtime upgrades.",
    "simulate": "Many contributors on this machine, without a chain.",
    "privacy": "Noise and epsilon, and tasks whose creator sees sums alone.",
    "demo": "The whole story on real data, on this machine.",
    "doctor": "What is here, what is missing and how to get it.",
    "config": "Settings, and where each came from.",
}

EXIT_CODES: dict[type[DecentralMLError], int] = {
    ConfigError: 3,
    ChainError: 4,
    KeyFileError: 5,
    AssetError: 6,
    LearningError: 7,
    RunnerError: 8,
    RoleError: 9,
}
"""By kind of error; 0 is success, 1 any other error, 2 a wrong command line, 130 an interrupt."""


class LazyGroup(TyperGroup):
    """Knows the groups' names and one line of help each; imports a group when it is called."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = dict.fromkeys(GROUPS)  # type: ignore[assignment]

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a prompt that is interrupted ends like any other interrupt."""
        try:
            return super().invoke(ctx)
        except typer.Abort:
            raise KeyboardInterrupt from None

    def list_commands(self, ctx: Any) -> list[str]:
        return list(GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in GROUPS:
            return None
        module = importlib.import_module(f"decentralml.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(GROUPS.items()))


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(version("decentralml"))
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """A marketplace for machine-learning work, kept by a Substrate chain.

    Begin with `decentralml demo`, or `decentralml doctor` to see what this machine has.
    """


def exit_code(error: DecentralMLError) -> int:
    """The documented exit status for an error: that of its nearest listed ancestor."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), 1)


INTERRUPTED = 130
GO_ON = "what was done is kept; run the same command to go on"
ADVICE = {
    errno.EACCES: "Change who may use it, or name another place.",
    errno.EPERM: "Change who may use it, or name another place.",
    errno.EROFS: "Name a place that can be written.",
    errno.ENOSPC: f"Make room: {GO_ON}.",
    errno.EDQUOT: f"Make room: {GO_ON}.",
    errno.ENOENT: "Create it, or name another.",
}
"""What to do when the machine refuses a file."""


class _Terminated(BaseException):
    """SIGTERM came: what is open is closed on the way out."""


def main() -> None:
    """Run the command line; the one place that turns errors into words and an exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(prog_name="decentralml")
    except DecentralMLError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(exit_code(error)) from None
    except BrokenPipeError:
        # A reader such as `head` has what it wanted; Python would complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        typer.echo(f"error: {_in_words(error)}", err=True)
        raise SystemExit(1) from None
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            typer.echo(f"interrupted: {GO_ON}", err=True)
        raise
    except KeyboardInterrupt:
        typer.echo(f"interrupted: {GO_ON}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except _Terminated:
        typer.echo(f"stopped: {GO_ON}", err=True)
        # Ended by the signal, as a service manager expects of what it stops.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


def _terminate(_number: int, _frame: object) -> None:
    raise _Terminated


def _in_words(error: OSError) -> str:
    about = f"{error.filename}: " if error.filename else ""
    advice = ADVICE.get(error.errno or 0, "")
    return f"{about}{error.strerror or error}. {advice}".rstrip()


if __name__ == "__main__":
    main()
