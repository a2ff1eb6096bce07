"""What came of the story: read from the chain, shown as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decentralml.chain.market import Market
from decentralml.chain.records import Event, Policy
from decentralml.cli.demo.people import Person
from decentralml.cli.demo.picture import Bar
from decentralml.cli.output import console, emit, table
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId

if TYPE_CHECKING:
    from decentralml.cli.demo.story import Told

PAID = "TaskResultAccepted"


@dataclass(frozen=True)
class Payment:
    """One accepted result, as the chain says.

    Attributes:
        who: the worker's name in the story.
        task: number of the task.
        round: the round that was delivered.
        title: its title.
        policy: who accepted it.
        result: CID of what was delivered.
        paid: amount in the smallest unit.
        shown: the same for people.
        block: in which it was paid.
    """

    who: str
    task: TaskId
    round: Round
    title: str
    policy: str
    result: Cid
    paid: Planck
    shown: str
    block: BlockNumber


@dataclass(frozen=True)
class Outcome:
    """Payments, and accuracies (0 to 1) on the creator's held-out digits.

    Attributes:
        payments: every accepted result, by block.
        base: of the creator's first model.
        alone: of each contributor's own model of round 1, which knows nothing of the others.
        federated: after each round.
        model: the last federated model.
        source: where the digits come from.
        settled: what a network's validators agree on; None on a development chain.
    """

    payments: tuple[Payment, ...]
    base: float
    alone: Mapping[str, float]
    federated: tuple[float, ...]
    model: Path
    source: str
    settled: str | None = None


def outcome_of(market: Market, people: Mapping[str, Person], told: Told) -> Outcome:
    """The outcome of a finished story: who was paid by the chain's own events, and the figures."""
    names = {person.account: name for name, person in people.items()}
    tasks = {number: market.task(number) for number in told.tasks.values()}
    token, payments = market.token(), []
    for block, event in _payments(market):
        task = tasks[TaskId(event.fields["task"])]
        worker = AccountId(event.fields["worker"])
        result = market.result(task.id, event.fields["round"], worker)
        amount = Planck(event.fields["paid"])
        payments.append(
            Payment(
                names[worker], task.id, event.fields["round"], task.terms.title,
                _policy(task.terms.policy), result.result if result else Cid(""), amount,
                token.format(amount), block,
            )
        )  # fmt: skip
    first = told.rounds[0]
    alone = {names[part["worker"]]: float(part["measured"]["accuracy"]) for part in first["used"]}
    return Outcome(
        payments=tuple(payments),
        base=float(first["base"]["accuracy"]),
        alone=dict(sorted(alone.items())),
        federated=tuple(float(said["federated"]["accuracy"]) for said in told.rounds),
        model=told.model,
        source=told.source,
    )


def bars_of(outcome: Outcome) -> list[Bar]:
    """The accuracies as they are drawn."""
    alone = [Bar(f"{name} alone", value, "alone") for name, value in outcome.alone.items()]
    federated = [
        Bar(f"federated, round {number}", value, "federated")
        for number, value in enumerate(outcome.federated, 1)
    ]
    return [Bar("the creator's first model", outcome.base, "base"), *alone, *federated]


def _payments(market: Market) -> list[tuple[BlockNumber, Event]]:
    head, found = market.head(), []
    for number, events in market.events(BlockNumber(1)):
        found += [(number, event) for event in events if event.name == PAID]
        if number >= head:
            break
    return found


def _policy(policy: Policy) -> str:
    return {"AutoAccept": "the chain", "Manual": "creator"}.get(type(policy).__name__, "evaluator")


def show(outcome: Outcome, bars: Sequence[Bar], picture: Path, *, as_json: bool) -> None:
    """Print the outcome: who was paid what, from which block, and the accuracies."""
    plain = {
        "payments": outcome.payments,
        "accuracy": {bar.name: bar.accuracy for bar in bars},
        "data": outcome.source,
        "model": outcome.model,
        "picture": picture,
        **({"settled": outcome.settled} if outcome.settled else {}),
    }

    def human() -> None:
        names = ["who", "what for", ">round", "accepted by", ">paid", ">block"]
        rows = [[p.who, p.title, p.round, p.policy, p.shown, p.block] for p in outcome.payments]
        table(names, rows, title="Who was paid by the chain")
        rows = [[bar.name, _drawn(bar.accuracy), f"{bar.accuracy:.1%}"] for bar in bars]
        table(["model", "accuracy on held-out digits", ">"], rows, title="What federating is worth")
        if outcome.settled:
            console().print(f"The chain: {outcome.settled}", soft_wrap=True)
        console().print(f"The data: {outcome.source}", soft_wrap=True)
        console().print(f"The picture is {picture}", soft_wrap=True)
        console().print(f"The federated model is {outcome.model}", soft_wrap=True)

    emit(plain, as_json, human)


def _drawn(accuracy: float, width: int = 32) -> str:
    return "█" * round(accuracy * width)
