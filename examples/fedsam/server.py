"""Who wants the model: posts the job, pays for it, and measures each round on pictures of its own.

DECENTRALML_KEY=//Alice python examples/fedsam/server.py --dataset-root held-out
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

from pictures import Pictures
from sam import TINY, build_sam, measure, set_weights, sides
from torch.utils.data import DataLoader

from decentralml.compat import flower as fl

SLOWER = 0.7  # each round's learning rate, of the one before


def evaluation(root: Path, checkpoint: str, images: str, annotations: str) -> Any:
    """Flower's `evaluate_fn`: loss and overlap on held-out pictures."""
    model = build_sam(checkpoint)
    batches = DataLoader(Pictures(root, images, annotations, *sides(model)), batch_size=8)

    def evaluate(server_round: int, parameters: Any, config: Any) -> Any:
        set_weights(model, parameters)
        loss, overlap = measure(model, batches)
        return loss, {"iou": overlap}

    return evaluate


def main() -> None:
    """Run one job; prints its figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--server-address", default="ws://127.0.0.1:9944")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--dataset-root", type=Path, help="held-out pictures")
    parser.add_argument("--image-subfolder", default="images")
    parser.add_argument("--annotation-subfolder", default="annotations")
    parser.add_argument("--checkpoint", default=TINY, help="for example facebook/sam-vit-base")
    parser.add_argument("--output", type=Path, help="file for the last model's arrays")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folders = (options.image_subfolder, options.annotation_subfolder)
    held_out = options.dataset_root
    strategy = fl.server.strategy.FedAvg(
        min_fit_clients=options.clients,
        min_available_clients=options.clients,
        evaluate_fn=evaluation(held_out, options.checkpoint, *folders) if held_out else None,
        on_fit_config_fn=lambda server_round: {"rate_factor": SLOWER ** (server_round - 1)},
    )
    history = fl.server.start_server(
        server_address=options.server_address,
        config=fl.server.ServerConfig(num_rounds=options.rounds),
        strategy=strategy,
        on_market=fl.server.OnMarket(title="FedSAM", output=options.output),
    )
    figures = {
        "loss": history.losses_centralized,
        "iou": history.metrics_centralized.get("iou", []),
        "clients' loss": history.losses_distributed,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
