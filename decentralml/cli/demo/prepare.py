"""Run as the creator's process: the tasks, the first model, and everybody's own data.

    python -m decentralml.cli.demo.prepare FOLDER [--quick]

Prints one line of JSON: where the digits come from, and how many rounds the job has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path

import typer
from platformdirs import user_cache_path

from assets_templates.mnist.job import FULL, QUICK, make_job
from decentralml.learning.datasets import load_digits, mnist_folder


def main() -> None:
    """Make the job's folders; what Keras prints goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    named = mnist_folder()
    plan = QUICK if options.quick else FULL
    with contextlib.redirect_stdout(sys.stderr):
        digits = load_digits(named, None if named else user_cache_path("decentralml") / "mnist")
        job = make_job(options.folder, digits, plan)
    typer.echo(json.dumps({"source": job.source, "rounds": plan.rounds}))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
