"""The whole main job in one process: no chain, no store, no sandbox, nobody is paid.

It runs the very scripts that contributors and engineers run, and federates their result folders as
the creator does: a check that the job makes sense, and a notebook's worth of example.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from assets_templates.mnist.job import FULL, QUICK, Job, make_job
from assets_templates.mnist.model import evaluate_file
from decentralml.learning.answers import agreement, read_answers, read_questionnaire
from decentralml.learning.datasets import load_digits, mnist_folder
from decentralml.learning.federate import federate
from decentralml.learning.results import ANSWERS, read_result
from decentralml.learning.strategies.fedavg import FedAvg


@dataclass(frozen=True)
class RoundScores:
    """Accuracies on the test set after one round."""

    alone: dict[str, float]
    federated: float
    model: Path


def run_script(job: Job, kind: str, person: tuple[str, int], model: Path | None, out: Path) -> Path:
    """Runs a task's ``start_task.sh`` for one person; returns the result folder."""
    out.mkdir(parents=True)
    role, number = person
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TASK_DIR": str(job.task(kind).resolve()),
        "DATA_DIR": str(job.data(role, number).resolve()),
        "RESULT_DIR": str(out.resolve()),
        "ROUND": "1",
        "CONTRIBUTOR_ID": f"{role}{number}",
    }
    if model is not None:
        environment["MODEL_PATH"] = str(model.resolve())
    script = job.task(kind).resolve() / "start_task.sh"
    done = subprocess.run(
        ["sh", script], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stdout}{done.stderr}")
    return out


def run_round(job: Job, number: int, base: Path, folder: Path) -> RoundScores:
    """All contributors train ``base`` on their own data; their models are federated."""
    test = job.test_examples()
    results = [
        run_script(job, "contribution", ("contributor", who), base, folder / f"contributor-{who}")
        for who in range(1, job.plan.contributors + 1)
    ]
    report = federate(base, results, FedAvg(), folder / f"round-{number}.keras")
    alone = {
        result.folder.name: evaluate_file(result.model, test)
        for result in report.accepted
        if result.model is not None
    }
    return RoundScores(alone, evaluate_file(report.model, test), report.model)


def annotated_alike(job: Job, folder: Path) -> float:
    """Share of the items known to the creator on which the first annotator agrees."""
    out = run_script(job, "annotation", ("annotator", 1), None, folder / "annotator-1")
    result = read_result(out)
    asked = read_questionnaire(job.task("annotation") / "items.json")
    answers = read_answers(result.folder / ANSWERS, asked)
    known = [json.loads(line) for line in job.known_answers.read_text().splitlines()]
    return agreement(answers, {entry["item"]: entry["answer"] for entry in known})


def tell(job: Job, folder: Path) -> list[RoundScores]:
    """Runs the job, prints what happens, returns each round's scores."""
    print(f"digits: {job.source}")
    print(f"creator's model        {evaluate_file(job.base_model, job.test_examples()):.4f}")
    base, rounds = job.base_model, []
    for number in range(1, job.plan.rounds + 1):
        scores = run_round(job, number, base, folder / f"round-{number}")
        for name, accuracy in scores.alone.items():
            print(f"round {number} {name}  {accuracy:.4f} alone")
        print(f"round {number} federated      {scores.federated:.4f}")
        rounds.append(scores)
        base = scores.model
    out = run_script(job, "engineering", ("engineer", 1), base, folder / "engineer-1")
    engineered = read_result(out)
    if engineered.model is not None:
        accuracy = evaluate_file(engineered.model, job.test_examples())
        print(f"engineer's structure   {accuracy:.4f}, made from the federated model")
    print(f"annotator agrees on    {annotated_alike(job, folder):.0%} of the known items")
    return rounds


def main() -> None:
    """Parses the options and runs the job in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer examples, one round")
    parser.add_argument("--keep", type=Path, help="a new folder for all files")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with contextlib.redirect_stdout(io.StringIO()):
            plan = QUICK if options.quick else FULL
            job = make_job(folder / "job", load_digits(mnist_folder()), plan)
        tell(job, folder / "work")


if __name__ == "__main__":
    main()
