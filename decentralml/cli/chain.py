"""`decentralml chain`: a chain or a whole network of your own, and a look at the one in use."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, emit, facts, remark

if TYPE_CHECKING:
    from decentralml.config import Loaded

app = group("Run a development chain or a local network, look at the chain.")

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=PASS_ON)
def dev(
    context: typer.Context,
    port: int = typer.Option(9944, "--port", min=0, max=65535, help="0 takes a free one."),
    path: Path = typer.Option(None, "--path", help="Folder that keeps its blocks."),
    tmp: bool = typer.Option(False, "--tmp", help="Keep nothing: a new chain each time."),
    block_time: str = typer.Option(
        "instant", "--block-time", help="instant, manual, or seconds between blocks."
    ),
) -> None:
    """Run a development chain here until interrupted.

    It executes the real runtime. Other options are handed on as they are: `python -m pallets_mock
    --help` names them all.
    """
    arguments = ["--port", str(port), "--block-time", block_time, *context.args]
    if tmp:
        arguments.append("--tmp")
    else:
        arguments += ["--path", str(path or _data("chain"))]
    command = [sys.executable, "-m", "pallets_mock", *arguments]
    sys.stdout.flush()
    # This process becomes the chain: whoever stops it stops the chain, and leaves no orphan.
    os.execv(command[0], command)  # noqa: S606


@app.command()
def network(
    validators: int = typer.Option(
        None, "--validators", help="How many; 4 when the network is made anew."
    ),
    path: Path = typer.Option(None, "--path", help="Folder that keeps it; resumed if it is there."),
    tmp: bool = typer.Option(False, "--tmp", help="Keep nothing: a new network each time."),
    base_port: int = typer.Option(
        None, "--base-port", help="Clients connect here and at the next ones; else at free ports."
    ),
    as_json: bool = typer.Option(False, "--json", help="A line of JSON for each change."),
) -> None:
    """Run a real network of validators here until interrupted, and show how it is.

    Each is a node of its own (`make node` builds it), on this machine's own address only. The
    chain is the runtime's `local_testnet` preset: //Alice and the other well-known keys have
    money. One that ends is shown and stays ended; when this command ends, all do.
    """
    from decentralml.cli.local_network import run

    run(path or _data("network"), validators, base_port, tmp=tmp, as_json=as_json)


@app.command()
@with_settings
def status(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """Show which chain answers, its runtime, and how far it is."""
    from decentralml.cli import wiring

    with wiring.node(loaded) as node:
        version, token = node.runtime().version, node.token()
        best, final = node.best(), node.finalised()
        found = {
            "url": node.url,
            "chain": node.chain_name(),
            "development": node.is_development(),
            "genesis": node.genesis,
            "runtime": f"{version.spec_name}-{version.spec_version}",
            "token": token.symbol,
            "decimals": token.decimals,
            "best": best.number,
            "best_hash": best.hash,
            "finalised": final.number,
            "wait": node.wait,
        }
    emit(found, as_json, lambda: facts(found))


@app.command()
@with_settings
def balance(
    loaded: Loaded,
    account: str = typer.Argument(None, help="An address; without one, your key's."),
    as_json: bool = JsonFlag,
) -> None:
    """Show an account's money: free to spend, and held by its promises."""
    from decentralml.chain.market import Market
    from decentralml.cli import wiring
    from decentralml.types import AccountId

    with wiring.node(loaded) as node:
        whose = account or address_of_key(loaded)
        market = Market(node)
        found, token = market.balance(AccountId(whose)), market.token()

        shown = {"account": whose, "free": token.format(found.free)}
        shown["held"] = token.format(found.held)
        exact = {"account": whose, "free": found.free, "held": found.held}
        emit(exact, as_json, lambda: facts(shown))


@app.command()
@with_settings
def transfer(
    loaded: Loaded,
    to: str = typer.Argument(help="The address that receives."),
    amount: str = typer.Argument(help="In whole tokens, such as 1.5."),
    as_json: bool = JsonFlag,
) -> None:
    """Send money, and wait until it has arrived."""
    from decentralml.chain.market import Market
    from decentralml.cli import wiring
    from decentralml.types import AccountId

    with wiring.node(loaded) as node:
        market = Market(node, wiring.signer(loaded.settings, node))
        token = market.token()
        receipt = market.transfer(AccountId(to), token.parse(amount))
        said = f"sent in block {receipt.block_number}, for a fee of {token.format(receipt.fee)}"
        emit(receipt, as_json, lambda: remark(said))


@app.command()
@with_settings
def call(
    loaded: Loaded,
    name: str = typer.Argument(metavar="PALLET.CALL", help="Such as System.remark."),
    arguments: str = typer.Argument("{}", metavar="JSON", help="Its arguments; @FILE for bytes."),
    as_json: bool = JsonFlag,
) -> None:
    """Sign any call of the runtime, and wait until it counts."""
    from decentralml.chain.market import Market
    from decentralml.cli import wiring
    from decentralml.cli.calling import parse_call

    with wiring.node(loaded) as node:
        market = Market(node, wiring.signer(loaded.settings, node))
        token, receipt = market.token(), market.call(parse_call(name, arguments))
        fee = token.format(receipt.fee)
        said = f"{name} is in block {receipt.block_number}, for a fee of {fee}"
        emit(receipt, as_json, lambda: remark(said))


@app.command()
@with_settings
def events(
    loaded: Loaded,
    from_block: int = typer.Option(None, "--from", help="First block; else only what comes."),
    until: int = typer.Option(None, "--until", help="Last block; else until interrupted."),
    as_json: bool = JsonFlag,
) -> None:
    """Print the market's events as they happen, a line each."""
    import json

    from decentralml.chain.market import Market
    from decentralml.cli import wiring
    from decentralml.cli.output import plain
    from decentralml.types import BlockNumber

    first = None if from_block is None else BlockNumber(from_block)
    with wiring.node(loaded) as node:
        for number, happened in Market(node).events(first):
            for event in happened:
                if as_json:
                    typer.echo(json.dumps({"block": number, **plain(event)}, ensure_ascii=False))
                else:
                    fields = " ".join(f"{name}={value}" for name, value in event.fields.items())
                    typer.echo(f"{number} {event.name} {fields}")
            if until is not None and number >= until:
                return


def address_of_key(loaded: Loaded) -> str:
    """The address of the key that the settings name; needs no password.

    Raises:
        ConfigError: no key is named.
    """
    from decentralml.chain.keys import KeyStore, well_known_address
    from decentralml.errors import ConfigError

    key = loaded.settings.key
    if key is None:
        raise ConfigError("Name an address, or a key with --key.")
    if key.startswith("/"):
        return well_known_address(key)
    return KeyStore(loaded.settings.keys).info(key).address


def _data(name: str) -> Path:
    from platformdirs import user_data_path

    return user_data_path("decentralml") / name
