"""The same federated job in Flower and here, in one run: time, bytes, memory, accuracy.

    python -m benchmarks.peers [--only "3 x 1.2 M"] [--policy manual] [--flower PYTHON]

For each case (clients x parameters) Flower's newest release runs first, then we, with the same
first model, the same training and the same data. Both have the server (the creator) in a process of
its own and the clients in as many processes, at most `PROCESSES`; here a development chain is a
further one. Flower's server is its gRPC one, which is deprecated and much the faster of its two
ways: its present one, SuperLink, takes 6 s a round whatever the model. Here every result is checked
and every round is paid on chain, to each client.

Seconds are by the clock: the median round, from the model's going out until the next is ready to.
CPU seconds are a round's in all processes together, joining and leaving included.
Training is next to nothing (a number is added) but in the MNIST case, which is there for the
accuracy after each round. Bytes are those of models alone: here once up and once down for each
result, as the store lies between. Memory is the most that the server's (the creator's) process had
resident, all of Python included; `models` is that in models beyond 100 MB, of which 3 are allowed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil

from benchmarks.against_flower.job import CASES, Case
from benchmarks.against_flower.market import address_of
from decentralml.chain import calls
from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.types import Planck

LOG = Path(tempfile.gettempdir()) / "decentralml-peers.log"
PROCESSES = 4
PATIENCE = 1800  # seconds for one side of one case
LOOK_AFTER = 2  # seconds after which it is asked whether everybody is still there
FUNDS = Planck(10 * 10**12)
ALLOWED_BYTES = 100 * 10**6
ALLOWED_MODELS = 3
# Seconds a round that we set ourselves.
GOALS = {"3 x 1.2 M": 0.3, "100 x 1.2 M": 3.0, "30 x 25 M": 16.0}
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "FLWR_TELEMETRY_ENABLED": "0",
}


@dataclass(frozen=True)
class Figures:
    """What one side did in one case.

    Attributes: seconds of the median round; CPU seconds of a round in all processes together; bytes
    that a round moved; the server's peak in bytes; accuracy after each round.
    """

    seconds: float
    cpu: float
    moved: float
    peak: int
    accuracy: list[float]


@contextmanager
def started(*command: str, piped: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A process of the benchmark; killed at the end if it still runs."""
    pipe = subprocess.PIPE if piped else subprocess.DEVNULL
    with LOG.open("ab") as log:
        process = subprocess.Popen(command, stdout=pipe, stderr=log, text=True, env=ENVIRONMENT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def shares(clients: int) -> list[tuple[int, int]]:
    """Which clients each process has: first, and last + 1."""
    count = min(PROCESSES, clients)
    bounds = [clients * index // count for index in range(count + 1)]
    return list(pairwise(bounds))


def flower(case: Case, python: str, folder: Path) -> Figures:
    """Flower's side."""
    out, port = folder / "flower.json", str(free_port())
    module = "benchmarks.against_flower"
    with ExitStack() as stack:
        quiet = ("-W", "ignore", "-m")
        server = started(python, *quiet, f"{module}.flower_server", case.name, port, str(out))
        process, clients = stack.enter_context(server), []
        for first, last in shares(case.clients):
            words = (f"{module}.flower_clients", case.name, port, str(first), str(last))
            clients.append(stack.enter_context(started(python, *quiet, *words, piped=True)))
        finish(process, "Flower's server", clients)
        cpu = sum(float(finish(client, "a client")) for client in clients)
    found = json.loads(out.read_text())
    return Figures(
        median(found["seconds"]),
        (found["cpu"] + cpu) / case.rounds,
        median(found["moved"]),
        found["peak"],
        found["accuracy"],
    )


def ours(case: Case, policy: str, folder: Path) -> Figures:
    """Our side."""
    out, module = folder / "ours.json", "benchmarks.against_flower"
    python = (sys.executable, "-m")
    with ExitStack() as stack:
        chain_command = (*python, "pallets_mock", "--tmp", "--port", "0", "--json-ready")
        chain = stack.enter_context(started(*chain_command, piped=True))
        url = json.loads(line_of(chain))["url"]
        fund(url, case.clients)
        words = (f"{module}.our_creator", case.name, url, str(folder / "m"), policy, str(out))
        before = chain_cpu(chain)
        creator = stack.enter_context(started(*python, *words, piped=True))
        task = line_of(creator).strip()
        clients = [
            stack.enter_context(
                started(
                    *python, f"{module}.our_clients", case.name, url, str(folder / "m"),
                    str(first), str(last), task, piped=True,
                )
            )
            for first, last in shares(case.clients)
        ]  # fmt: skip
        finish(creator, "the creator", clients)
        said = [finish(client, "a client").split() for client in clients]
        cpu = chain_cpu(chain) - before + sum(float(words[0]) for words in said)
    found, rounds = json.loads(out.read_text()), case.rounds + 1
    return Figures(
        median(found["seconds"]),
        (found["cpu"] + cpu) / rounds,
        (found["moved"] + sum(int(words[1]) for words in said)) / rounds,
        found["peak"],
        found["accuracy"],
    )


def chain_cpu(chain: subprocess.Popen[str]) -> float:
    """CPU seconds of the chain's process so far."""
    times = psutil.Process(chain.pid).cpu_times()
    return times.user + times.system


def fund(url: str, clients: int) -> None:
    """Money for the clients' fees and deposits, in one transaction."""
    with Node(url) as node:
        bank = Market(node, Keypair.create_from_uri("//Alice", ss58_format=42))
        gifts = [calls.transfer(address_of(client), FUNDS) for client in range(clients)]
        bank.call(calls.batch(gifts))


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"{process.args} ended with {process.wait()}; see {LOG}")
    return line


def finish(
    process: subprocess.Popen[str], who: str, others: Iterable[subprocess.Popen[str]] = ()
) -> str:
    """What a process printed until it ended well, which it cannot once one of `others` failed."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            said, _ = process.communicate(timeout=LOOK_AFTER)
            break
        except subprocess.TimeoutExpired:
            failed = [other.args for other in others if other.poll()]
            if failed or time.monotonic() > end:
                raise RuntimeError(f"{who} waits, {failed} failed; see {LOG}") from None
    if process.returncode:
        raise RuntimeError(f"{who} ended with status {process.returncode}; see {LOG}")
    return said or ""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def print_row(case: Case, side: str, figures: Figures) -> None:
    """One line of the table."""
    models = (figures.peak - ALLOWED_BYTES) / case.model_bytes
    held = f"{models:10.1f}" if case.model_bytes > 10**6 else "         -"
    print(
        f"{case.name:20}{side:8}{figures.seconds:10.3f}{figures.cpu:10.3f}"
        f"{figures.moved / 10**6:10.2f}"
        f"{figures.peak / 10**6:10.0f}{held}",
        flush=True,
    )


def misses(case: Case, mine: Figures) -> list[str]:
    """Our own goals that this case missed."""
    missed = []
    goal = GOALS.get(case.name)
    if goal is not None and mine.seconds > goal:
        missed.append(f"{case.name}: {mine.seconds:.2f} s a round, the goal is {goal} s")
    allowed = ALLOWED_BYTES + ALLOWED_MODELS * case.model_bytes
    if mine.peak > allowed and not case.trains:
        missed.append(f"{case.name}: {mine.peak / 1e6:.0f} MB, the goal is {allowed / 1e6:.0f} MB")
    return missed


def main() -> None:
    """Run the table; leaves with 1 where one of our goals is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", help="a case, by its name in the table")
    parser.add_argument("--flower", default=".venv-torch/bin/python", help="a Python with flwr")
    parser.add_argument("--side", choices=("both", "ours", "flower"), default="both")
    parser.add_argument("--policy", choices=("auto", "manual"), default="auto")
    options = parser.parse_args()
    missed: list[str] = []
    LOG.unlink(missing_ok=True)
    loads = os.getloadavg()[0]
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, load average {loads:.1f} on {os.cpu_count()} cores")
    names = ("s a round", "CPU s", "MB moved", "peak MB", "models")
    print(f"{'case':28}" + "".join(f"{name:>10}" for name in names))
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        sides: dict[str, Figures] = {}
        with tempfile.TemporaryDirectory(prefix="decentralml-peers-") as name:
            if options.side != "ours":
                sides["Flower"] = flower(case, options.flower, Path(name))
                print_row(case, "Flower", sides["Flower"])
            if options.side != "flower":
                sides["ours"] = ours(case, options.policy, Path(name))
                print_row(case, "ours", sides["ours"])
                missed += misses(case, sides["ours"])
        if case.trains:
            for side, figures in sides.items():
                print(f"  accuracy {side:8}" + " ".join(f"{100 * a:.1f}" for a in figures.accuracy))
    print("\n".join(missed) or "no goal was missed")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
