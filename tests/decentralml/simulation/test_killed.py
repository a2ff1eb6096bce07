"""A simulation that is killed goes on where it was, and leaves no process behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from decentralml.learning import curves
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.simulation.folder import ROUNDS, Folder
from decentralml.simulation.pool import Pool
from decentralml.simulation.shares import numbered
from decentralml.simulation.simulate import Simulation, simulate
from tests.decentralml.simulation import trainers

PATIENCE = 60  # seconds
FOREVER = 100_000


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs, of which this test run may be one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def started(model: Path, tmp_path: Path) -> Iterator[Callable[[int], subprocess.Popen[bytes]]]:
    """Starts the simulation in a process group of its own."""
    running: list[subprocess.Popen[bytes]] = []

    def start(rounds: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.decentralml.simulation.killed_main"]
        arguments = [str(model), str(tmp_path / "killed"), str(rounds)]
        running.append(
            subprocess.Popen(
                [*command, *arguments],
                start_new_session=True,
                preexec_fn=heed_interrupts,  # noqa: PLW1509 - it only sets a signal
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    """Looks until it is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_in_any_round_it_goes_on_to_the_same_model_and_its_workers_end(
    started: Callable[[int], subprocess.Popen[bytes]],
    model: Path,
    tmp_path: Path,
    pool_for: Callable[[Simulation], Pool],
    number: signal.Signals,
) -> None:
    process = started(FOREVER)
    lines = tmp_path / "killed" / ROUNDS
    wait_for(lambda: len(curves.read(lines)) >= 2)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.send_signal(number)
    process.wait(PATIENCE)
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
    assert not alive

    done = len(curves.read(lines))
    simulation = Simulation(trainers.NOISE, model, numbered(6), FedAvg(), done + 1)
    pool = pool_for(simulation)
    resumed = simulate(simulation, tmp_path / "killed", pool=pool, resume=True)
    whole = simulate(simulation, tmp_path / "whole", pool=pool)
    a, b = read_layers(resumed.model), read_layers(whole.model)
    assert all((a[name] == b[name]).all() for name in a)
    assert [r.round for r in resumed.rounds] == list(range(1, done + 2))


def test_a_round_whose_line_is_not_there_does_not_count_and_what_it_left_goes(
    tmp_path: Path,
) -> None:
    note = {"seed": 1}
    folder = Folder.begin(tmp_path, note, ".safetensors", resume=False)
    for number in (1, 2):
        state = folder.turn(number, "ann") / "state"
        state.mkdir(parents=True)
        (state / "kept").write_text(str(number))
        folder.model(number).touch()
        if number == 1:
            folder.commit(1, {"round": 1})
    # Killed after the state was put in its place, before the line was written.
    folder.turn(2, "ann").joinpath("result").mkdir()
    state.rename(tmp_path / "states" / "ann" / "0002")

    again = Folder.begin(tmp_path, note, ".safetensors", resume=True)
    former = again.former_state("ann")
    assert former is not None
    assert (former / "kept").read_text() == "1"
    assert again.model(1).exists()
    assert not again.model(2).exists()
    # Without its state the turn must be taken again.
    assert not again.turn(2, "ann").exists()


def test_a_state_that_was_emptied_is_empty_in_the_next_turn(tmp_path: Path) -> None:
    folder = Folder.begin(tmp_path, {"seed": 1}, ".safetensors", resume=False)
    for number, kept in ((1, ["a"]), (2, []), (3, [])):
        state = folder.turn(number, "ann") / "state"
        state.mkdir(parents=True)
        for name in kept:
            (state / name).touch()
        folder.commit(number, {"round": number})
        former = folder.former_state("ann")
        assert former is not None
        assert [path.name for path in former.iterdir()] == kept
    assert len(list((tmp_path / "states" / "ann").iterdir())) == 1


def test_a_turn_that_ended_before_the_kill_is_not_taken_again(
    model: Path, tmp_path: Path, pool_for: Callable[[Simulation], Pool]
) -> None:
    simulation = Simulation(trainers.NOISE, model, numbered(3), FedAvg(), 1)
    pool = pool_for(simulation)
    folder = Folder.begin(
        tmp_path / "killed", simulation.note(), simulation.model.suffix, resume=False
    )
    done = simulate(simulation, tmp_path / "whole", pool=pool)
    turn = folder.turn(1, "00002")
    (turn / "state").mkdir(parents=True)
    (turn / "result").mkdir()
    (turn / "result" / "result.json").write_text('{"examples": 1}')
    (turn / "result" / "model.safetensors").write_bytes(model.read_bytes())
    resumed = simulate(simulation, tmp_path / "killed", pool=pool, resume=True)
    assert resumed.rounds[0].examples != done.rounds[0].examples
    assert resumed.rounds[0].used == 3
