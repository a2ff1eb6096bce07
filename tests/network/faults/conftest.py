"""Jobs on networks that a test breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from decentralml.localnet import LocalNetwork
from tests.network.faults.job import Job
from tests.network.faults.recovery import Recovery

RunJob = Callable[..., Job]


@pytest.fixture
def run_job(tmp_path: Path) -> Iterator[RunJob]:
    """Starts jobs on a network: `run_job(network, (0, 1, 0), rounds=2)`, with the validators of
    the creator and the two workers by their numbers; `((3, 0), 1, 0)`: the creator knows two."""
    jobs: list[Job] = []

    def run(
        network: LocalNetwork,
        at: Sequence[int | Sequence[int]],
        rounds: int = 2,
        gated: Sequence[int] = (),
    ) -> Job:
        known = [(one,) if isinstance(one, int) else one for one in at]
        urls = [[network.validators[number].url for number in numbers] for numbers in known]
        jobs.append(Job(urls, tmp_path / f"job-{len(jobs)}", rounds=rounds, gated=gated))
        return jobs[-1]

    yield run
    for job in jobs:
        job.stop()


@pytest.fixture
def recovery() -> Recovery:
    """Measures how long the network takes to come back, for the table of faults."""
    return Recovery()
