"""`decentralml keys sealing-key` and `new-sealing-key`: what results are sealed to; `--seal`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.options import with_settings
from decentralml.cli.output import JsonFlag, emit, remark

if TYPE_CHECKING:
    from decentralml.assets.sealing.keys import Identity, SealingKey
    from decentralml.config import Loaded
    from decentralml.roles.creator import Creator

Seal = typer.Option(False, "--seal", help="Results are sealed to your key: nobody else reads them.")
SealTo = typer.Option(
    None,
    "--seal-to",
    metavar="KEY",
    help="Results are sealed to this key, age1… (see `keys new-sealing-key`).",
)


def add_sealing(app: typer.Typer) -> None:
    """Add the commands to the keys' group."""

    @app.command()
    @with_settings
    def sealing_key(
        loaded: Loaded,
        name: str = typer.Argument(help="What you call the key."),
        secret: bool = typer.Option(
            False, "--secret", help="Print the secret half, for `age --decrypt --identity`."
        ),
        as_json: bool = JsonFlag,
    ) -> None:
        """Print the key to which results for you are sealed; it follows from your signing key.

        So the words of that key bring it back. With --secret whoever reads what is printed can read
        all results that were ever sealed to it, but cannot sign.
        """
        identity = _own(loaded, name)
        said = {"name": name, "sealing_key": str(identity.public)}
        shown = identity.export() if secret else str(identity.public)
        emit({**said, "secret": shown} if secret else said, as_json, lambda: typer.echo(shown))

    @app.command()
    @with_settings
    def new_sealing_key(
        loaded: Loaded,
        file: Path = typer.Argument(dir_okay=False, help="The file to make."),
        as_json: bool = JsonFlag,
    ) -> None:
        """Make a sealing key in a file of its own, to share with whoever validates for you.

        Name it with `creator create-task --seal-to`, and on each machine that is to open results
        with the variable DECENTRALML_SEALING_FILE. Keep a copy: nothing else opens them.
        """
        from decentralml.assets.sealing.keys import Identity, write_identity

        identity = Identity.new()
        write_identity(file, identity)

        def human() -> None:
            typer.echo(str(identity.public))
            remark(f"Its secret half is in {file}, for your eyes only. Keep a copy of it.")

        emit({"file": file, "sealing_key": str(identity.public)}, as_json, human)


def _own(loaded: Loaded, name: str) -> Identity:
    from decentralml.assets.sealing.keys import Identity
    from decentralml.chain.keys import derived_secret
    from decentralml.cli import wiring
    from decentralml.roles.sealed import PURPOSE

    return Identity.of(derived_secret(wiring.key_pair(loaded, name), PURPOSE))


def chosen_key(creator: Creator, seal: bool, seal_to: str | None) -> SealingKey | None:
    """The key of `--seal` or `--seal-to`.

    Raises: InvalidSealingKey: nothing can be sealed to it.
    """
    from decentralml.assets.sealing.keys import SealingKey

    if seal and seal_to is not None:
        raise typer.BadParameter("--seal is for your own key, --seal-to for another: say one.")
    if seal_to is not None:
        return SealingKey.parse(seal_to.strip())
    return creator.sealing_key() if seal else None
