"""Flower's side of `benchmarks.peers`: its server, in a process of its own.

    python flower_server.py CASE PORT OUT

Writes the seconds of each round, the accuracy after it where the case trains, bytes of parameters
moved, and the peak memory.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server import ServerConfig, start_server
from flwr.server.strategy import FedAvg

from benchmarks.against_flower import job


class Watched(FedAvg):
    """FedAvg that notes when rounds begin and end, and what was moved."""

    def __init__(self, case: job.Case) -> None:
        first = ndarrays_to_parameters(job.first_arrays(case.size))
        super().__init__(
            min_fit_clients=case.clients,
            min_available_clients=case.clients,
            fraction_evaluate=0.0,
            initial_parameters=first,
        )
        self.case = case
        self.seconds: list[float] = []
        self.accuracy: list[float] = []
        self.moved: list[int] = []
        self.cpu = 0.0
        self._began = 0.0
        self._sent = 0

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> Any:
        """Begins a round; waiting for clients to connect does not count."""
        client_manager.wait_for(self.case.clients)
        self.cpu = self.cpu or job.cpu_seconds()
        self._began = time.perf_counter()
        self._sent = self.case.clients * sum(map(len, parameters.tensors))
        return super().configure_fit(server_round, parameters, client_manager)

    def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> Any:
        """Ends a round."""
        if failures or len(results) != self.case.clients:
            raise RuntimeError(f"{len(results)} results and {failures}")
        made = super().aggregate_fit(server_round, results, failures)
        self.seconds.append(time.perf_counter() - self._began)
        returned = sum(sum(map(len, result.parameters.tensors)) for _, result in results)
        self.moved.append(self._sent + returned)
        if self.case.trains:
            self.accuracy.append(job.accuracy(parameters_to_ndarrays(made[0])))
        return made


def main() -> None:
    """Serve one case."""
    case, port, out = job.case_named(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    strategy = Watched(case)
    start_server(
        server_address=f"127.0.0.1:{port}",
        config=ServerConfig(num_rounds=case.rounds),
        strategy=strategy,
    )
    figures = {
        "seconds": strategy.seconds,
        "accuracy": strategy.accuracy,
        "moved": strategy.moved,
        "cpu": job.cpu_seconds() - strategy.cpu,
        "peak": job.peak_bytes(),
    }
    out.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
