"""A participant written for the XAIN SDK 0.8: its model is five equal floats.

It answers each round with a random value between 0 and the global one, so that the weighted mean
of all participants falls towards 0, round after round. All that binds it to this project is the
first import; with ``import xain_sdk`` it runs against XAIN's own coordinator.
"""

from __future__ import annotations

import argparse
import io
import logging
import random

import numpy as np

from decentralml.compat import xain as xain_sdk

SIZE = 5


class RandomParticipant(xain_sdk.ParticipantABC):
    """Trains by guessing.

    Args:
        upper_bound: takes the global value's place in the first round, which has none.
        samples: how many samples it claims; its weight in the mean.
        seed: of its guesses; None for another one each time.
    """

    def __init__(self, upper_bound: float, samples: int, seed: int | None = None) -> None:
        super().__init__()
        self.upper_bound, self.samples = upper_bound, samples
        self.random = random.Random(seed)

    def deserialize_training_input(self, data: bytes) -> np.ndarray | None:
        """The global weights; None while there are none."""
        return np.load(io.BytesIO(data), allow_pickle=False) if data else None

    def train_round(self, training_input: np.ndarray | None) -> tuple[np.ndarray, int]:
        """New weights, and how many samples they are worth."""
        bound = self.upper_bound if training_input is None else float(training_input[0])
        value = self.random.uniform(0, bound)
        print(f"global {bound:.6g}, answered {value:.6g}", flush=True)
        return np.full(SIZE, value), self.samples

    def serialize_training_result(self, training_result: tuple[np.ndarray, int]) -> memoryview:
        """Four bytes of a count, then the array."""
        weights, samples = training_result
        writer = io.BytesIO()
        writer.write(samples.to_bytes(4, byteorder="big"))
        np.save(writer, weights, allow_pickle=False)
        return writer.getbuffer()[:]


def main() -> None:
    """Takes part until the job is finished."""
    parser = argparse.ArgumentParser(prog="run-participant", description=main.__doc__)
    parser.add_argument("--coordinator-url", default="http://localhost:8081", help="whom to ask")
    parser.add_argument(
        "--upper-bound", type=float, required=True, help="the first round's greatest answer"
    )
    parser.add_argument("--samples", type=int, default=100, help="its weight in the mean")
    parser.add_argument("--heartbeat-period", type=float, default=1, help="seconds")
    parser.add_argument("--seed", type=int, help="makes its answers the same every time")
    parser.add_argument("--verbose", action="store_true", help="log each request and answer")
    chosen = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"
    )
    xain_sdk.configure_logging(log_http_requests=chosen.verbose)
    participant = RandomParticipant(chosen.upper_bound, chosen.samples, chosen.seed)
    xain_sdk.run_participant(participant, chosen.coordinator_url, chosen.heartbeat_period)


if __name__ == "__main__":
    main()
