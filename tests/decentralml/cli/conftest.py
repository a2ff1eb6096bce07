"""The command line run in this process, at 80 columns, against the real development chain."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decentralml.cli.main import main
from decentralml.learning.weights import WeightsHeader, save_weights
from pallets_mock.testing import DevChain

APPROVED = Path(__file__).parents[2] / "approved"
SCRIPT = """#!/bin/sh
set -eu
exec python train.py
"""
# Adds to every weight what the worker's name gives: equal results would count as copies.
TRAIN = """
import json, os, pathlib
import numpy as np
from safetensors.numpy import load_file, save_file

result, step = pathlib.Path(os.environ["RESULT_DIR"]), os.environ["CONTRIBUTOR_ID"].encode()[-1]
layers = load_file(os.environ["MODEL_PATH"])
save_file({name: layer + np.float32(step) for name, layer in layers.items()},
          result / "weights.safetensors")
(result / "result.json").write_text(json.dumps({"examples": 1, "metrics": {"accuracy": 0.5}}))
print("trained round", os.environ["ROUND"])
"""
MASKS = (
    (re.compile(r"\b(?:bafy|bafk)[a-z2-7]{55}\b"), "CID"),
    (re.compile(r"0x[0-9a-f]{10}…"), "0xHASH…"),
    (re.compile(r"0x[0-9a-f]{64}"), "0xHASH"),
    (re.compile(r"workspace/[0-9a-f]{12}/"), "workspace/GENESIS/"),
    (re.compile(r"[0-9,]+ s of CPU"), "N s of CPU"),  # as many as this machine has cores
)


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Events: one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class CommandLine:
    """`decentralml`, with the settings of one test in its environment."""

    environment: dict[str, str]

    def __call__(self, *arguments: object) -> Outcome:
        """Run a command; whatever happens is in the outcome."""
        before, argv, handler = dict(os.environ), sys.argv, signal.getsignal(signal.SIGTERM)
        out, err = io.StringIO(), io.StringIO()
        os.environ.update(self.environment)
        sys.argv = ["decentralml", *map(str, arguments)]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = _status(main)
        finally:
            sys.argv = argv
            os.environ.clear()
            os.environ.update(before)
            signal.signal(signal.SIGTERM, handler)
        return Outcome(status, out.getvalue(), err.getvalue())

    def good(self, *arguments: object) -> Outcome:
        """Run a command that must succeed."""
        done = self(*arguments)
        assert done.status == 0, f"{arguments}: {done.err}"
        return done


def _status(command: Callable[[], None]) -> int:
    try:
        command()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


@pytest.fixture(scope="module")
def market_chain() -> Iterator[DevChain]:
    with DevChain() as chain:
        yield chain


@pytest.fixture
def alone(tmp_path: Path) -> CommandLine:
    """The command line on a machine with nothing, and without a chain."""
    settings = {
        "NODE": "ws://127.0.0.1:1",
        "WORKSPACE": str(tmp_path / "workspace"),
        "STORE": str(tmp_path / "store"),
        "KEYS": str(tmp_path / "keys"),
        # The scripts of these tests are our own.
        "SANDBOX": "none",
        "TIMEOUT": "20",
    }
    named = {f"DECENTRALML_{name}": value for name, value in settings.items()}
    return CommandLine({**named, "COLUMNS": "80", "HOME": str(tmp_path), "NO_COLOR": "1"})


@pytest.fixture
def cli(alone: CommandLine, market_chain: DevChain) -> CommandLine:
    """The command line with a development chain, shared by the tests of a file."""
    return CommandLine({**alone.environment, "DECENTRALML_NODE": market_chain.url})


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A task folder whose script adds a number to the model."""
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "start_task.sh").write_text(SCRIPT)
    (folder / "train.py").write_text(TRAIN)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    layers = {"dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}
    save_weights(path, layers, WeightsHeader(examples=1))
    return path


@pytest.fixture
def post(cli: CommandLine, job: Path, model: Path) -> Callable[..., int]:
    """Posts a contribution of Alice's with further options; gives its number."""

    def posting(*options: object) -> int:
        command = ["creator", "create-task", job, "--kind", "contribution", "--title", "add up"]
        terms = ["--reward", "5", "--model", model, "--key", "//Alice", "--json", *options]
        return int(cli.good(*command, *terms).data["task"])

    return posting


@pytest.fixture
def approve() -> Callable[[str, str], None]:
    """Holds an output against its approved copy; APPROVE=1 writes that copy anew."""

    def compare(name: str, text: str) -> None:
        for pattern, word in MASKS:
            text = pattern.sub(word, text)
        file = APPROVED / f"{name}.txt"
        text = "".join(line.rstrip() + "\n" for line in text.splitlines())
        if os.environ.get("APPROVE"):
            file.write_text(text, encoding="utf-8")
        known = file.read_text(encoding="utf-8") if file.is_file() else ""
        changes = unified_diff(
            known.splitlines(), text.splitlines(), f"approved/{name}.txt", "now", lineterm=""
        )
        difference = "\n".join(changes)
        assert not difference, f"{difference}\nIf this is meant: APPROVE=1 pytest {__file__}"

    return compare
