"""`decentralml keys`: signing keys, kept encrypted in files that other wallets open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.appointing import add_appointing
from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, emit, remark, table
from decentralml.cli.sealing import add_sealing

if TYPE_CHECKING:
    from decentralml.chain.keys import KeyInfo
    from decentralml.config import Loaded

app = group("Create, import, list and export signing keys.")

Name = typer.Argument(help="What you call the key.")


@app.command()
@with_settings
def create(
    loaded: Loaded,
    name: str = Name,
    hide_words: bool = typer.Option(
        False, "--hide-words", help="Do not show the twelve words: the file is the only copy then."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Make a new key. Its twelve words are shown once, on the error stream."""
    from decentralml.chain.keys import KeyStore

    store = KeyStore(loaded.settings.keys)
    _, words = store.create(name, _new_password(name))
    if not hide_words:
        remark(f"Write these words down and show them to nobody; they are the key:\n\n  {words}\n")
    _show(store.info(name), as_json)


@app.command("import")
@with_settings
def import_key(
    loaded: Loaded,
    name: str = Name,
    file: Path = typer.Option(
        None, "--file", help="A key file of another wallet; without it, you are asked for words."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Import a key from its words, or from another wallet's file.

    Files are those that polkadot-js exports.
    """
    from decentralml.chain.keys import KeyStore
    from decentralml.errors import MalformedKeyFile

    store = KeyStore(loaded.settings.keys)
    if file is None:
        words = _secret_line("The key's words")
        store.import_mnemonic(name, words, _new_password(name))
    else:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MalformedKeyFile(str(file), str(error)) from error
        store.import_json(name, text, _password(f"Password of {file.name}"))
    _show(store.info(name), as_json)


@app.command("list")
@with_settings
def list_keys(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """List the keys of the folder."""
    from decentralml.chain.keys import KeyStore

    found = KeyStore(loaded.settings.keys).list()

    def human() -> None:
        if not found:
            remark(f"No keys in {loaded.settings.keys}. Make one: decentralml keys create NAME")
        table(["name", "address", "scheme"], [[k.name, k.address, k.scheme] for k in found])

    emit(found, as_json, human)


@app.command()
@with_settings
def show(loaded: Loaded, name: str = Name, as_json: bool = JsonFlag) -> None:
    """Show a key's address and file."""
    from decentralml.chain.keys import KeyStore

    _show(KeyStore(loaded.settings.keys).info(name), as_json)


@app.command()
@with_settings
def export(loaded: Loaded, name: str = Name) -> None:
    """Print a key's file for another wallet, still encrypted."""
    from decentralml.chain.keys import KeyStore

    typer.echo(KeyStore(loaded.settings.keys).export(name))


@app.command()
@with_settings
def remember(loaded: Loaded, name: str = Name, as_json: bool = JsonFlag) -> None:
    """Keep a key's password in the system's key ring."""
    from decentralml.chain.keys import KeyStore, remember_password

    store = KeyStore(loaded.settings.keys)
    info, password = store.info(name), _password(f"Password of the key {name}")
    store.unlock(name, password)
    remember_password(info, password)
    said = f"The key ring has the password of {name} now; `decentralml keys forget {name}` ends it"
    emit({"name": name, "remembered": True}, as_json, lambda: remark(said))


@app.command()
@with_settings
def forget(loaded: Loaded, name: str = Name, as_json: bool = JsonFlag) -> None:
    """Take a key's password out of the system's key ring."""
    from decentralml.chain.keys import KeyStore, forget_password

    forget_password(KeyStore(loaded.settings.keys).info(name))
    said = f"The key ring has no password of {name} now"
    emit({"name": name, "remembered": False}, as_json, lambda: remark(said))


def _show(info: KeyInfo, as_json: bool) -> None:
    def human() -> None:
        typer.echo(f"{info.name}  {info.address}")
        remark(f"{info.scheme}, {info.path}")

    emit(info, as_json, human)


add_appointing(app)
add_sealing(app)


def _new_password(name: str) -> str:
    from decentralml.chain.keys import PASSWORD_VARIABLE
    from decentralml.errors import PasswordMissing

    said = os.environ.get(PASSWORD_VARIABLE)
    if said is None and sys.stdin.isatty():
        said = typer.prompt(
            f"New password for {name}", hide_input=True, confirmation_prompt=True, err=True
        )
    if not said:
        raise PasswordMissing(name, PASSWORD_VARIABLE)
    return said


def _password(question: str) -> str:
    from decentralml.chain.keys import PASSWORD_VARIABLE

    said = os.environ.get(PASSWORD_VARIABLE)
    return said if said is not None else _secret_line(question)


def _secret_line(question: str) -> str:
    """A line from the person without echo, or from what is piped in; never from an argument."""
    if sys.stdin.isatty():
        answer: str = typer.prompt(question, hide_input=True, err=True)
        return answer
    return sys.stdin.readline(4096).rstrip("\n")
