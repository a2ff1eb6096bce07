"""The creator's process: posts the task, runs all of its rounds, hands the last model over.

    python -m examples.mnist_by_digits.creator FOLDER EVALUATOR --method scaffold

The last line that it prints is the CID of the last federated model. No round begins with that one,
so the chain does not name it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from decentralml.chain.records import Delegated, TaskKind
from decentralml.cli import wiring
from decentralml.config import load_settings
from decentralml.roles.creator import Creator
from decentralml.roles.events import Did, Event
from decentralml.roles.job.plan import JobReport, Plan
from decentralml.roles.posting import Offer
from decentralml.types import AccountId, Cid, Planck

from .job import GROUPS, Job
from .methods import METHODS, ROUNDS, Method

REWARD = 2  # tokens for each accepted result
TOLD = {Did.POSTED, Did.ROUND_STARTED, Did.REFUSED, Did.FAILED}


def run_job(
    creator: Creator, job: Job, evaluator: AccountId, method: Method, rounds: int
) -> JobReport:
    """Post the task, whose results the evaluator validates, and run it to its end."""
    offer = Offer(
        kind=TaskKind.CONTRIBUTION,
        title="Learn ten digits from workers who have three or four each",
        reward=Planck(REWARD * 10 ** creator.market.token().decimals),
        slots=len(GROUPS),
        rounds=rounds,
        policy=Delegated(evaluator),
    )
    posted = creator.create_task(
        job.task, offer, model=job.model, strategy=method.strategy, key="digits by worker"
    )
    plan = Plan(
        strategy=method.strategy,
        min_results=len(GROUPS),
        curves=job.folder / "curves.jsonl",
        output=job.folder / "federated.safetensors",
    )
    return creator.run_job(posted.task, plan)


def hand_over(creator: Creator, model: Path) -> Cid:
    """Put a model into the store, as a bundle of one file."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(model, folder)
        return creator.put(Path(folder))


def say(event: Event) -> None:
    """Print what the person may want to know of."""
    if event.did in TOLD:
        where = "" if event.round is None else f"round {event.round} "
        print(f"{where}{event.did.value} {event.text}", flush=True)


def main() -> None:
    """Parses the options, runs the job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("evaluator", help="the evaluator's address")
    parser.add_argument("--method", choices=sorted(METHODS), required=True)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    job, method = Job(options.folder), METHODS[options.method]
    with wiring.rooms(load_settings({}, None), say) as rooms:
        creator = Creator(rooms)
        report = run_job(creator, job, AccountId(options.evaluator), method, options.rounds)
        paid = sum(earned.accepted for earned in report.earned.values())
        print(f"{len(report.rounds)} rounds, {paid} results paid: {report.ended}", flush=True)
        print(hand_over(creator, report.rounds[-1].model), flush=True)


if __name__ == "__main__":
    main()
