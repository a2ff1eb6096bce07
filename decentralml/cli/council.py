"""`decentralml council`: rule a chain that nobody owns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, acted, emit, remark
from decentralml.cli.watching import printable

if TYPE_CHECKING:
    from decentralml.chain.council import Council, Motion
    from decentralml.chain.market import Market
    from decentralml.config import Loaded

app = group("Rule the chain: motions of the council, runtime upgrades.")

Named = typer.Argument(metavar="MOTION", help="Its number or hash (see `council motions`).")


@app.command()
@with_settings
def members(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """List who sits in the council."""
    with _council(loaded, signing=False) as (council, _):
        found = council.members()
        emit(found, as_json, lambda: typer.echo("\n".join(found)))


@app.command()
@with_settings
def motions(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """List what is before the council, and how it stands."""
    with _council(loaded, signing=False) as (council, _):
        found = council.motions()
        lines = [_in_words(motion) for motion in found] or ["nothing is before the council"]
        emit(found, as_json, lambda: typer.echo("\n".join(lines)))


@app.command()
@with_settings
def propose(
    loaded: Loaded,
    call: str = typer.Argument(metavar="PALLET.CALL", help="ValidatorSet.add_invulnerable"),
    arguments: str = typer.Argument("{}", metavar="JSON", help='{"who": "5F…"}; @FILE for bytes.'),
    as_json: bool = JsonFlag,
) -> None:
    """Put a call to the vote, your aye included. It needs two thirds of the council."""
    from decentralml.cli.calling import parse_call

    with _council(loaded) as (council, _):
        motion_hash, receipt = council.propose(parse_call(call, arguments))
        said = f"proposed {call} as {motion_hash} (block {receipt.block_number})"
        acted("proposed", receipt.block_number, as_json, said=said, motion=motion_hash)


@app.command()
@with_settings
def vote(
    loaded: Loaded,
    named: str = Named,
    no: bool = typer.Option(False, "--no", help="Vote against it."),
    as_json: bool = JsonFlag,
) -> None:
    """Vote for a motion, and count the votes if yours decided it."""
    with _council(loaded) as (council, _):
        motion = council.motion(named)
        receipt = council.vote(motion, approve=not no)
        outcome = "voted against" if no else "voted for"
        motion = council.motion(motion.hash)
        if council.is_decided(motion):
            receipt = council.close(motion)
            outcome += " and closed"
        said = f"{outcome} motion {motion.index} (block {receipt.block_number})"
        acted(outcome, receipt.block_number, as_json, said=said, motion=motion.hash)


@app.command()
@with_settings
def close(loaded: Loaded, named: str = Named, as_json: bool = JsonFlag) -> None:
    """Count the votes of a motion, and do what it says if it has enough."""
    with _council(loaded) as (council, _):
        motion = council.motion(named)
        block = council.close(motion).block_number
        said = f"closed motion {motion.index} (block {block})"
        acted("closed", block, as_json, said=said, motion=motion.hash)


@app.command()
@with_settings
def upgrade(
    loaded: Loaded,
    runtime: Path = typer.Argument(exists=True, dir_okay=False, help="The new WebAssembly."),
    as_json: bool = JsonFlag,
) -> None:
    """Upgrade the chain's runtime, as far as your vote takes it.

    Every member of the council runs the same command. The last vote that it needs also authorises
    the code and hands it in; the command says what others still have to do.
    """
    from decentralml.chain.upgrading import Step, Upgrade

    with _council(loaded) as (_, market):
        whole = Upgrade(market, runtime.read_bytes())
        taken = []
        while True:
            step, receipt = whole.advance()
            if receipt is None:
                break
            taken.append(step.name.lower())
            if not as_json:
                remark(f"{step.value}: done (block {receipt.block_number})")
        shown = {"code_hash": whole.code_hash, "taken": taken, "done": step is Step.DONE}
        emit({**shown, "next": step.value}, as_json, lambda: remark(step.value))


@contextmanager
def _council(loaded: Loaded, *, signing: bool = True) -> Iterator[tuple[Council, Market]]:
    from decentralml.chain.council import Council as ChainCouncil
    from decentralml.chain.market import Market as ChainMarket
    from decentralml.cli import wiring

    with wiring.node(loaded) as node:
        market = ChainMarket(node, wiring.signer(loaded.settings, node) if signing else None)
        yield ChainCouncil(market), market


def _in_words(motion: Motion) -> str:
    votes = f"{len(motion.ayes)} of {motion.threshold} for, {len(motion.nays)} against"
    said = printable(motion.call)  # a member may have put anything into it
    return f"{motion.index}: {said}\n   {votes}, until block {motion.ends}; {motion.hash}"
