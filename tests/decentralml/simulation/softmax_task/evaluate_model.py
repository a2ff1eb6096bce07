"""Accuracy of softmax regression on the data of a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors.numpy import load_file
from softmax import chances, load_data


def main() -> None:
    """Prints one JSON object."""
    inputs, labels = load_data(Path(os.environ["DATA_DIR"]))
    right = chances(load_file(os.environ["MODEL_PATH"]), inputs).argmax(axis=1) == labels
    print("evaluated")
    print(json.dumps({"examples": len(labels), "accuracy": float(right.mean())}))


if __name__ == "__main__":
    main()
