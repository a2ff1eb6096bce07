"""The whole job on this machine: a chain, and five people as processes, each with its own key.

    python -m examples.mnist_by_digits                     # 40 rounds, about five minutes
    python -m examples.mnist_by_digits --method more-work
    python -m examples.mnist_by_digits --rounds 2 --images 2000

Needs PyTorch, and MNIST's four files in the folder that DECENTRALML_MNIST_DIR names; without it
they are downloaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from platformdirs import user_cache_path

from decentralml.chain import calls
from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.cli.demo.people import Person, join
from decentralml.cli.demo.stage import development_chain
from decentralml.learning.datasets import load_digits, mnist_folder
from decentralml.runner.finding import find_sandbox
from decentralml.types import Planck

from .job import EVALUATOR, GROUPS, Job, fewer, make_job
from .judging import JUDGED
from .methods import METHODS, ROUNDS

ROOT = Path(__file__).parents[2]
CREATOR = "creator"
PURSE = 1000  # tokens for each person, from a development account
ENOUGH = 10**9  # images
TICK = 0.2  # seconds
PATIENCE = 120  # seconds for the others, once a worker has ended


class Process:
    """A person's process, whose lines are shown with the person's name before them."""

    def __init__(self, person: Person, words: list[str], node: str, store: Path) -> None:
        self.person, self.last = person, ""
        with (person.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.{words[0]}", *words[1:]],
                env=person.environment(node, store),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._reader = threading.Thread(target=self._show, args=(self.process.stdout,))
        self._reader.start()

    def has_ended(self) -> bool:
        """Whether it ended well. Exits with the end of its log where it failed."""
        status = self.process.poll()
        if status is None:
            return False
        self._reader.join()
        if status:
            log = (self.person.folder / "log").read_text(errors="replace")
            sys.exit(f"{self.person.name} ended with status {status}:\n{log[-3000:]}")
        return True

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        if self.process.stdin is not None:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def _show(self, lines: IO[str]) -> None:
        for line in lines:
            self.last = line.rstrip("\n")
            shown = _failure(self.last) if self.last.startswith("{") else self.last
            if shown:
                print(f"{self.person.name:<10} {shown}", flush=True)


def _failure(event: str) -> str:
    """What failed, of a worker's events as JSON lines; nothing where all is well."""
    said = json.loads(event)
    return f"round {said['round']} failed: {said['text']}" if said["did"] == "failed" else ""


def cast(root: Path, node: Node) -> dict[str, Person]:
    """Everybody with a fresh key, and money from a development account."""
    roles = {CREATOR: "creator", EVALUATOR: "evaluator", **dict.fromkeys(GROUPS, "contributor")}
    people = {name: join(root / "keys", name, role) for name, role in roles.items()}
    market = Market(node, well_known("//Alice", node))
    amount = Planck(PURSE * 10 ** market.token().decimals)
    market.call(calls.batch([calls.transfer(p.account, amount) for p in people.values()]))
    return people


def play(job: Job, people: Mapping[str, Person], node: str, options: argparse.Namespace) -> None:
    """Start everybody; return when the job is done and the last model is judged."""
    running: list[Process] = []
    creator = people[CREATOR].account

    def start(name: str, *words: str) -> Process:
        running.append(Process(people[name], list(words), node, job.folder / "store"))
        return running[-1]

    bare = [] if find_sandbox().sandbox is not None else ["--no-sandbox"]
    judged = [str(number) for number in sorted({*JUDGED, options.rounds})]
    names = json.dumps({person.account: name for name, person in people.items()})
    try:
        judges = ["--judged", *judged, "--names", names]
        evaluator = start(EVALUATOR, "evaluator", str(job.data(EVALUATOR)), *judges)
        for name in GROUPS:
            start(name, "worker", str(job.data(name)), "--trust", creator, "--json", *bare)
        wanted = ["--method", options.method, "--rounds", str(options.rounds)]
        posting = start(CREATOR, "creator", str(job.folder), people[EVALUATOR].account, *wanted)
        wait_for(posting, running)
        evaluator.tell(posting.last)
        while not all(process.has_ended() for process in running):
            time.sleep(TICK)
    finally:
        for process in running:
            process.kill()


def wait_for(creator: Process, running: list[Process]) -> None:
    """Wait until the job is over. Exits when anybody failed, or a worker left it early."""
    left: float | None = None
    while not creator.has_ended():
        ended = [process.person for process in running if process.has_ended()]
        gone = [person.name for person in ended if person.role == "contributor"]
        left = (left or time.monotonic()) if gone else None
        if left is not None and time.monotonic() - left > PATIENCE:
            sys.exit(f"{gone[0]} left the job, and it does not go on")
        time.sleep(TICK)


def main() -> None:
    """Parses the options and plays the job."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", choices=list(METHODS), default="scaffold")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--images", type=int, default=ENOUGH, help="use only so many")
    parser.add_argument("--folder", type=Path, default=Path("digits-by-worker"), help="new")
    options = parser.parse_args()
    if options.folder.exists():
        parser.error(f"{options.folder} exists; name another folder, or remove it")
    named = mnist_folder()
    digits = load_digits(named, None if named else user_cache_path("decentralml") / "mnist")
    folder = options.folder.resolve()
    folder.mkdir(parents=True)
    try:
        few = fewer(digits, options.images, options.images)
        job = make_job(folder, few, METHODS[options.method], options.seed)
        print(f"{METHODS[options.method].about}; {digits.source}", flush=True)
        with development_chain(folder / "chain.log") as url, Node(url) as node:
            play(job, cast(folder, node), url, options)
    except BaseException:
        print(f"what was made so far is in {folder}", file=sys.stderr)
        raise
    print(f"everything is in {folder}")


if __name__ == "__main__":
    main()
