"""A hospital, a farm, a factory: whoever has pictures and masks that must not leave the place.

    DECENTRALML_KEY=//Bob python examples/fedsam/client.py --dataset-root bob

The class is an ordinary Flower client. Under Flower it is started with `flwr.client`; here the
import above `main` is all that differs.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import numpy as np
from flwr.client import NumPyClient
from pictures import Pictures
from sam import TINY, build_sam, get_weights, measure, set_weights, sides, train
from torch.utils.data import DataLoader

from decentralml.compat import flower as fl


class SamClient(NumPyClient):
    """Fine-tunes Segment Anything on pictures of one place.

    Args:
        dataset_root: the folder of both subfolders.
        image_subfolder: holds the pictures.
        annotation_subfolder: holds their masks.
        batch_size: pictures in a step.
        num_epochs: passes over all pictures in a round.
        checkpoint: name of a pretrained model, or ``tiny``.
        rate: the optimizer's learning rate.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what one may set
        self,
        dataset_root: Path,
        image_subfolder: str = "images",
        annotation_subfolder: str = "annotations",
        batch_size: int = 8,
        num_epochs: int = 3,
        checkpoint: str = TINY,
        rate: float = 4e-3,
    ) -> None:
        self.model = build_sam(checkpoint)
        pictures = Pictures(dataset_root, image_subfolder, annotation_subfolder, *sides(self.model))
        self.batches = DataLoader(pictures, batch_size=batch_size, shuffle=True)
        self.count, self.num_epochs, self.rate = len(pictures), num_epochs, rate

    def get_parameters(self, **kwargs: Any) -> list[np.ndarray]:
        """All entries of the model's state."""
        return get_weights(self.model)

    def set_parameters(self, parameters: list[np.ndarray]) -> None:
        """Take them over."""
        set_weights(self.model, parameters)

    def fit(self, parameters: list[np.ndarray], config: dict[str, Any]) -> Any:
        """Train `num_epochs` passes from the given parameters; the server slows the rate."""
        self.set_parameters(parameters)
        rate = self.rate * float(config.get("rate_factor", 1))
        for _ in range(self.num_epochs):
            loss = train(self.model, self.batches, rate)
        return self.get_parameters(), self.count, {"loss": loss}

    def evaluate(self, parameters: list[np.ndarray], config: dict[str, Any]) -> Any:
        """Loss and overlap on the pictures of this place."""
        self.set_parameters(parameters)
        loss, overlap = measure(self.model, self.batches)
        return loss, self.count, {"iou": overlap}


def main() -> None:
    """Take part in one job."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--server-address", default="ws://127.0.0.1:9944")
    parser.add_argument("--dataset-root", type=Path, required=True)
    parser.add_argument("--image-subfolder", default="images")
    parser.add_argument("--annotation-subfolder", default="annotations")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--num-epochs", type=int, default=3)
    parser.add_argument("--checkpoint", default=TINY, help="for example facebook/sam-vit-base")
    parser.add_argument("--rate", type=float, default=4e-3)
    options = vars(parser.parse_args())
    address = options.pop("server_address")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fl.client.start_numpy_client(server_address=address, client=SamClient(**options))


if __name__ == "__main__":
    main()
