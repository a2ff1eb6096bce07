"""Sets the demo up, has the story told, and shows what came of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from decentralml.chain import calls
from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.cli.demo import StoreKind
from decentralml.cli.demo.board import Board
from decentralml.cli.demo.chains import chain_of
from decentralml.cli.demo.outcome import Outcome, bars_of, outcome_of, show
from decentralml.cli.demo.people import Person, join
from decentralml.cli.demo.picture import draw
from decentralml.cli.demo.stage import Stage
from decentralml.cli.demo.stores import StoreOf, stores
from decentralml.cli.demo.story import Story
from decentralml.errors import RoleError
from decentralml.types import Planck

CAST = (
    ("creator", "creator"),
    ("contributor-1", "contributor"),
    ("contributor-2", "contributor"),
    ("contributor-3", "contributor"),
    ("engineer-1", "engineer"),
    ("annotator-1", "annotator"),
    ("evaluator", "evaluator"),
)
PURSE = 1000  # tokens for each person, from a development account
MARK = ".decentralml-demo"  # in a folder that the demo made, and so may empty


def run(
    folder: Path,
    *,
    quick: bool,
    as_json: bool,
    store: StoreKind = StoreKind.FOLDER,
    validators: int | None = None,
) -> None:
    """Run the whole story in `folder` and show what came of it.

    Args:
        folder: empty, or of an earlier demo.
        quick: with fewer images.
        as_json: for programs.
        store: where bundles travel.
        validators: of a real network to run it on; None: on a development chain.
    Raises:
        RoleError: the folder holds something else; or the federated model is no better than what
            each contributor had alone.
        DecentralMLError: a person's command failed.
    """
    root, board = _emptied(folder), Board()
    with (
        board.showing(),
        chain_of(root, board, validators) as (url, settled),
        Node(url) as node,
        stores(store, root, board) as store_of,
        _stage(url, store_of, board) as stage,
    ):
        people = _cast(root, node, board)
        told = Story(stage, people, board, root).tell(quick=quick)
        outcome = outcome_of(Market(node), people, told)
        last = max(payment.block for payment in outcome.payments)
        outcome = replace(outcome, settled=settled(last))
    bars, picture = bars_of(outcome), root / "accuracy.png"
    draw(bars, f"{len(outcome.alone)} contributors, alone and federated", picture)
    show(outcome, bars, picture, as_json=as_json)
    check_worth(outcome, root)


def check_worth(outcome: Outcome, root: Path) -> None:
    """The promise of the demo: together is better than anybody alone.

    Raises:
        RoleError: the last federated model is no better than the best contributor's own.
    """
    best = max(outcome.alone.values())
    if outcome.federated[-1] <= best:
        raise RoleError(
            f"The federated model ({outcome.federated[-1]:.2%}) is no better than the best one "
            f"alone ({best:.2%}). Look at the logs in {root}."
        )


def _emptied(folder: Path) -> Path:
    if folder.exists() and not (folder / MARK).exists() and any(folder.iterdir()):
        raise RoleError(f"{folder} holds something else. Name another folder: --folder.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    return folder.resolve()


@contextlib.contextmanager
def _stage(url: str, store_of: StoreOf, board: Board) -> Iterator[Stage]:
    stage = Stage(url, store_of, board.event)
    try:
        yield stage
    finally:
        stage.close()


def _cast(root: Path, node: Node, board: Board) -> dict[str, Person]:
    """Everybody with a fresh key, and money from a development account in one transaction."""
    board.says("chain", f"gives {PURSE} tokens to each of {len(CAST)} people")
    people = {name: join(root / "people", name, role) for name, role in CAST}
    market = Market(node, well_known("//Alice", node))
    amount = Planck(PURSE * 10 ** market.token().decimals)
    market.call(calls.batch([calls.transfer(p.account, amount) for p in people.values()]))
    board.says("chain", f"runs at {node.url}")
    return people
