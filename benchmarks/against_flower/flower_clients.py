"""Flower's side of `benchmarks.peers`: some of its clients, a thread each.

python flower_clients.py CASE PORT FIRST LAST
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from flwr.client import NumPyClient, start_client

from benchmarks.against_flower import job


class Client(NumPyClient):
    """Trains as the case says."""

    def __init__(self, case: job.Case, number: int) -> None:
        self.train = job.training(case, number)
        self.round = 0

    def fit(self, parameters: Any, config: Any) -> Any:
        """One round."""
        self.round += 1
        arrays, examples = self.train(parameters, self.round)
        return arrays, examples, {}


def main() -> None:
    """Run clients FIRST … LAST - 1 until the server is done; prints their CPU seconds."""
    case, port = job.case_named(sys.argv[1]), sys.argv[2]
    threads = [
        threading.Thread(
            target=start_client,
            kwargs={
                "server_address": f"127.0.0.1:{port}",
                "client": Client(case, number).to_client(),
            },
        )
        for number in range(int(sys.argv[3]), int(sys.argv[4]))
    ]
    before = job.cpu_seconds()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(job.cpu_seconds() - before)


if __name__ == "__main__":
    main()
