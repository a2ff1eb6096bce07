"""A coordinator that is killed anywhere goes on: nothing is paid twice, nothing is forgotten."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from decentralml.chain.records import ResultStatus
from decentralml.compat.xain.participant import ParticipantABC, Run
from tests.decentralml.compat.coordinator.house import TOKEN, House
from tests.decentralml.compat.coordinator.test_a_job import participant

ROOT = Path(__file__).parents[4]
ROUNDS = 2


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_coordinator_killed_once_at_every_checkpoint_finishes_the_job(
    house: House, tmp_path: Path
) -> None:
    port = free_port()
    changes = {
        "job": {"rounds": ROUNDS},
        "participants": {"least": 2},
        "timeouts": {"heartbeat": 15},
        "coordinator": {"port": port},
        "aggregator": {"port": free_port()},
    }
    killed = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("coordinator_process.py")),
            house.chain.url,
            str(tmp_path),
            json.dumps(changes),
        ],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stderr=subprocess.PIPE,
        text=True,
    )
    with house.own("Bob") as own:
        keyed = Run(participant(ParticipantABC, 1, []), f"http://127.0.0.1:{port}", 0.1, own)
        keyless = Run(participant(ParticipantABC, 5, []), f"http://127.0.0.1:{port}", 0.1, None)
        thread = threading.Thread(target=keyless.run, daemon=True)
        patient(keyed)
        patient(keyless)
        thread.start()
        keyed.run()
        thread.join(200)
        _, errors = killed.communicate(timeout=200)
        assert killed.returncode == 0, errors

        names = (tmp_path / "killed").read_text().splitlines()
        assert {name.split("/")[0] for name in names} >= {"create", "fund", "accept", "send"}
        assert sum("start_round" in name for name in names) >= 3
        assert not thread.is_alive()
        results = house.results()
        assert len(results) == 2 * ROUNDS
        assert {result.status for result in results} == {ResultStatus.ACCEPTED}
        assert house.task().paid == 2 * ROUNDS * 2 * TOKEN
        assert house.task().owed == 0
        assert sum(r.worker == own.hand.account for r in results) == ROUNDS


def patient(run: Run) -> None:
    """The first words may come before the coordinator listens."""
    run._coordinator.server.patience = 120
